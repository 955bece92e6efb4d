/** The directories of one server: made by its first process, and removed by whoever is the last to leave. */
import type { Settings } from '../config/load.js';
import { spoolDirectoryOf } from '../pipe/spool-names.js';
import type { Files } from '../platform/platform.js';

/** Resolves to the runtime directory. Throws `ConfigError`, and leaves nothing behind then. */
export async function makeDirectories(files: Files, settings: Settings): Promise<string> {
  const runtimeDirectory = await files.makeRuntimeDirectory(settings.runtimeDirectory, 'shoal');
  if (settings.taskTmpdir === undefined) return runtimeDirectory;
  try {
    const path = spoolDirectoryOf(settings.taskTmpdir, runtimeDirectory);
    await files.makeSpoolDirectory(path, runtimeDirectory);
    return runtimeDirectory;
  } catch (error) {
    files.removeDirectory(runtimeDirectory);
    throw error;
  }
}

/** Never throws. */
export function removeDirectories(files: Files, settings: Settings, runtimeDirectory: string): void {
  // In this order: without its runtime directory the other one would be taken for one that is abandoned.
  if (settings.taskTmpdir !== undefined)
    files.removeDirectory(spoolDirectoryOf(settings.taskTmpdir, runtimeDirectory));
  files.removeDirectory(runtimeDirectory);
}
