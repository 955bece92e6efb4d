/** What a process has of the user's program before any setting of it is known to be valid. */
import type { Environment } from '../config/load.js';
import { writtenText } from '../config/written.js';
import type { Definition } from '../definition.js';
import type { Platform } from '../platform/platform.js';
import { version } from '../version.js';
import type { ServerObject } from './process-context.js';

export interface Program {
  readonly platform: Platform;
  readonly definition: Definition;
  readonly server: ServerObject;
}

type Source = Pick<Program, 'platform' | 'definition'>;

/** What the program says, and before it what was said from outside of it. */
export function rawSettings({ platform, definition }: Source): object {
  const { outsideSettings } = platform.self;
  const given = typeof definition.settings === 'function' ? definition.settings() : definition.settings;
  return Object.keys(outsideSettings).length === 0 ? given : { ...given, ...outsideSettings };
}

/** What the defaults of its settings depend on. */
export function environmentOf({ platform, definition }: Source): Environment {
  const { cpus, directory, openFiles } = platform.self;
  const files = openFiles === undefined ? {} : { openFiles };
  return { cpus: cpus.count, directory, name: definition.name, ...files };
}

/** By this a process sees that its settings are those of the master; undefined where only the schema can tell. */
export function settingsText(source: Source, given = rawSettings(source)): string | undefined {
  return writtenText(given, environmentOf(source), version);
}
