import type { LogSink } from '../platform/platform.js';

/**
 * Opens the log file in a process or thread that the server has started. The
 * first process has opened it before; if it is out of reach by now, serving goes
 * on and the lines go where those of the first process would without a file.
 */
export function joinLogFile(log: LogSink, path: string | undefined): void {
  if (path === undefined) return;
  try {
    log.open(path);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    log.write({ level: 'warn', role: 'platform', message });
  }
}
