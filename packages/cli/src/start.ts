/**
 * Runs the program in this very process, so that no process stands between the
 * server and whoever supervises it: signals, pid, output and exit code are the
 * server's own, and its further processes are started from the program's file.
 *
 * Node's own way to run a main module is used instead of `import()`, because
 * then an error while loading, an unsettled await and `require.main` mean what
 * they mean under `node <entry>`.
 */
import Module from 'node:module';
import { resolve } from 'node:path';

/** Settings that the command line gives, which go before those of the program. */
export interface GivenSettings {
  readonly daemonize: boolean;
  readonly pidFile?: string;
}

export function start(path: string, args: readonly string[], given: GivenSettings): void {
  const { daemonize, pidFile } = given;
  const settings = {
    ...(daemonize && { daemonize }),
    ...(pidFile !== undefined && { pidFile: resolve(pidFile) }),
  };
  if (Object.keys(settings).length > 0) process.env['SHOAL_SETTINGS'] = JSON.stringify(settings);
  process.argv = [process.argv[0]!, path, ...args];
  Module.runMain();
}
