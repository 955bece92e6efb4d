import type { LogRecord, LogWriter } from './platform/platform.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const rank: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** What identifies the process on each of its log lines; a spare gets its id later. */
export interface LogOrigin {
  readonly role: string;
  workerId?: number;
}

/**
 * Writes structured lines, each with the role and worker id of its process.
 * Injectable in every process: `constructor(private readonly logger: Logger) {}`.
 */
export class Logger {
  constructor(
    private readonly sink: LogWriter,
    private readonly origin: LogOrigin,
    private readonly level: LogLevel = 'info',
  ) {}

  debug(message: string, fields?: LogRecord['fields']): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: LogRecord['fields']): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: LogRecord['fields']): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: LogRecord['fields']): void {
    this.#write('error', message, fields);
  }

  #write(level: LogLevel, message: string, fields: LogRecord['fields']): void {
    if (rank[level] < rank[this.level]) return;
    this.sink.write({ level, ...this.origin, message, ...(fields !== undefined && { fields }) });
  }
}
