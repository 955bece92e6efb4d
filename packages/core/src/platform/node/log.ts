import { createRequire } from 'node:module';
import { isatty } from 'node:tty';
import type * as Pino from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type * as Pretty from 'pino-pretty';
import type { LogRecord, LogSink } from '../platform.js';
import { LogFile } from './log-file.js';
import { StandardOutput } from './standard-output.js';
import { FutureUser } from './user.js';

const require = createRequire(import.meta.url);
// An import of a CommonJS module has its text searched for exports first, which every process that boots would pay.
const { pino } = require('pino') as typeof Pino;

/** Lines on standard output, for people on a terminal and one JSON object each otherwise; or in a file. */
export class NodeLog implements LogSink {
  #logger: Logger;
  #file: LogFile | undefined;

  constructor(
    destination: DestinationStream = isatty(1) ? terminal() : new StandardOutput(),
    private readonly user: FutureUser = new FutureUser(),
  ) {
    this.#logger = loggerTo(destination);
  }

  write({ level, role, workerId, message, fields }: LogRecord): void {
    try {
      this.#logger[level]({ role, workerId, pid: process.pid, ...printable(fields) }, message);
    } catch {
      // A field with a getter that throws costs its line, not the process.
    }
    const loss = this.#file?.takeLoss();
    if (loss !== undefined) this.write({ level: 'warn', role: 'platform', message: loss });
  }

  open(path: string): void {
    const file = this.user.act(() => new LogFile(path));
    this.#file?.close();
    this.#file = file;
    this.#logger = loggerTo(file);
  }

  reopen(): void {
    const file = this.#file;
    if (file === undefined) return;
    try {
      this.open(file.path);
    } catch (error) {
      const { message } = error as Error;
      this.write({ level: 'error', role: 'platform', message: `${message}. The old one goes on` });
    }
  }
}

function loggerTo(destination: DestinationStream): Logger {
  return pino(
    {
      base: null,
      level: 'debug',
      timestamp: pino.stdTimeFunctions.isoTime,
      // Errors are made printable below, under any name.
      serializers: { err: (value: unknown) => value },
      formatters: { level: (level) => ({ level }) },
    },
    destination,
  );
}

/** Names of our own fields; a field of the caller with such a name gets an underscore. */
const reserved = new Set(['level', 'time', 'role', 'workerId', 'pid', 'msg']);

function printable(fields: LogRecord['fields']): Record<string, unknown> {
  const printed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields ?? {})) {
    printed[reserved.has(name) ? `${name}_` : name] =
      value instanceof Error ? pino.stdSerializers.errWithCause(value) : value;
  }
  return printed;
}

function terminal(): DestinationStream {
  return prettyLines(new StandardOutput(), process.env['NO_COLOR'] === undefined);
}

/** Only a terminal needs the pretty printer, which takes as long to load as the rest of the log. */
export function prettyLines(output: DestinationStream, colorize: boolean): DestinationStream {
  const { prettyFactory } = require('pino-pretty') as typeof Pretty;
  const pretty = prettyFactory({
    colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,role,workerId',
    messageFormat: (record, messageKey) => `${origin(record)}  ${String(record[messageKey])}`,
  });
  return { write: (line) => output.write(pretty(line)) };
}

/** `worker 0 (4711)` */
function origin(line: Record<string, unknown>): string {
  const { role, workerId, pid } = line as unknown as LogRecord & { readonly pid: number };
  return `${role}${workerId === undefined ? '' : ` ${workerId}`} (${pid})`;
}
