import { ConfigError } from '@shoal/core/internal/errors';
import type { LogRecord, LogSink } from '@shoal/core/internal/platform/platform';
import type { VirtualFile, VirtualFiles } from './virtual-files.js';

/**
 * The log of one virtual process or thread. The world hears of every line; once
 * a file is open, the line is appended to that as well, as a JSON object with the
 * fields that a real one has.
 */
export class VirtualLog implements LogSink {
  #file: VirtualFile | undefined;
  #path = '';

  constructor(
    private readonly files: VirtualFiles,
    /** Gives who wrote the line and when; undefined for the dead, who write nothing. */
    private readonly tell: (record: LogRecord) => { readonly pid: number; readonly time: number } | undefined,
  ) {}

  write(record: LogRecord): void {
    const stamp = this.tell(record);
    if (stamp === undefined || this.#file === undefined) return;
    const { level, role, workerId, message, fields } = record;
    const line = { level, time: stamp.time, role, workerId, pid: stamp.pid, ...fields, msg: message };
    this.#file.text += `${printed(line)}\n`;
  }

  open(path: string): void {
    try {
      this.#file = this.files.open(path);
    } catch (cause) {
      const { message } = cause as Error;
      throw new ConfigError('CONFIG_LOG_FILE', `cannot open the log file ${path}: ${message}`, { cause });
    }
    this.#path = path;
  }

  reopen(): void {
    if (this.#file === undefined) return;
    try {
      this.open(this.#path);
    } catch (error) {
      const { message } = error as Error;
      this.write({ level: 'error', role: 'platform', message: `${message}. The old one goes on` });
    }
  }
}

/** Fields are the application's, and may hold what JSON does not know. */
function printed(line: object): string {
  try {
    return JSON.stringify(line, (_, value: unknown) =>
      value instanceof Error ? { type: value.name, message: value.message, stack: value.stack } : value,
    );
  } catch (error) {
    return JSON.stringify({ msg: `a line that cannot be printed: ${String(error)}` });
  }
}
