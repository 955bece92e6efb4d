import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '@shoal/core/internal/errors';
import { moduleOf } from '@shoal/decorators';
import type { AppClass, SettingsOverrides } from './application.js';
import { findExport } from './find-export.js';
import { LaunchedMaster } from './launched-master.js';
import { LaunchedTrace } from './trace/launched-trace.js';
import { LaunchedServer } from './launched-server.js';

export interface LaunchOptions {
  /** Settings that go before those of the application; JSON carries them to the processes. */
  readonly settings?: SettingsOverrides;
  /**
   * URL of a module that exports, as default or as `override`, a function
   * `(registry, { role, workerId }) => void` or an object of such functions by role.
   */
  readonly override?: string | URL;
  /** The name of that export, if it is another. */
  readonly export?: string;
}

/**
 * Starts the application on real processes. Every listener listens on a free
 * port of 127.0.0.1 (of ::1 for datagrams over IPv6), or if it is one of unix in the test's directory; the runtime directory is a place of the test's own, and the
 * server stays in the foreground whatever `daemonize` says; all other settings
 * are the application's.
 */
export async function launch(App: AppClass, options: LaunchOptions = {}): Promise<LaunchedServer> {
  const module = moduleOf(App);
  const exportName = await findExport(App, module);
  const { settings = {}, override } = options;
  checkJson(settings);
  if (override !== undefined) checkUrl(override);
  const directory = await mkdtemp(join(tmpdir(), 'shoal-test-'));
  const trace = new LaunchedTrace(`${directory}.trace`);
  try {
    const master = await LaunchedMaster.start(
      {
        module,
        exportName,
        settings: { ...settings, runtimeDirectory: directory, daemonize: false },
        ...(override !== undefined && { override: String(override) }),
        ...(options.export !== undefined && { overrideExport: options.export }),
      },
      `${directory}.plan`,
      trace,
    );
    return new LaunchedServer(master, directory, trace);
  } catch (error) {
    trace.close();
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

function checkJson(settings: object): void {
  if (isDeepStrictEqual(JSON.parse(JSON.stringify(settings)), settings)) return;
  throw new ConfigError(
    'CONFIG_INVALID',
    'settings of launch() must survive JSON, for they travel to other processes. Put functions and objects of classes into the application.',
  );
}

/** For those who write no types: `simulate` takes a function as well. */
function checkUrl(override: unknown): void {
  if (typeof override === 'string' || override instanceof URL) return;
  throw new ConfigError(
    'CONFIG_INVALID',
    'override of launch() must be the URL of a module, for a function does not travel to other processes. ' +
      "Export it from a module of its own and give new URL('./override.js', import.meta.url).",
  );
}
