import { loadSettings, type Settings, type SettingsInput } from '@shoal/core/internal/config/load';

/** Settings with one listener on a free port, and two workers in process mode. */
export function settingsOf(input: Partial<SettingsInput> = {}): Settings {
  const settings = { workerNum: 2, reactorNum: 1, listeners: [{ type: 'tcp', port: 0 }], ...input };
  return loadSettings(settings, { cpus: 2, name: 'test', directory: '/' });
}
