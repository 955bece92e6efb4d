import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { ConfigError } from '../../errors.js';

/** A named pipe that nobody reads is refused, and one whose reader is slow costs lines instead of time. */
const flags =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * A log file that several processes and threads append to, each with a
 * descriptor of its own. A line is one append, so that lines never mix, and it
 * is with the system before the process goes on, so that a kill loses none.
 *
 * What cannot be written is dropped and counted: a server does not die of a full
 * disk, nor wait for one. A disk that fills up may take a part of a line; then
 * the next one begins with a line feed, which leaves only that one torn.
 */
export class LogFile {
  readonly #descriptor: number;
  #torn = false;
  #lost = 0;
  #written = false;
  #reason = '';

  /** @throws {ConfigError} CONFIG_LOG_FILE */
  constructor(readonly path: string) {
    this.#descriptor = openLogFile(path);
  }

  write(line: string): void {
    const bytes = Buffer.from(this.#torn ? `\n${line}` : line);
    this.#written = false;
    try {
      const written = writeSync(this.#descriptor, bytes);
      if (written === bytes.length) {
        this.#torn = false;
        this.#written = true;
        return;
      }
      this.#torn ||= written > 0;
      this.#reason = `only ${written} of ${bytes.length} bytes of a line were taken`;
    } catch (error) {
      this.#reason = (error as Error).message;
    }
    this.#lost += 1;
  }

  /** How many lines were lost before one could be written again, in a sentence; undefined where none was. */
  takeLoss(): string | undefined {
    if (this.#lost === 0 || !this.#written) return undefined;
    const lines =
      this.#lost === 1 ? '1 line of this process was' : `${this.#lost} lines of this process were`;
    this.#lost = 0;
    return `${lines} lost: ${this.#reason}`;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** @throws {ConfigError} CONFIG_LOG_FILE */
export function openLogFile(path: string): number {
  try {
    return openSync(path, flags, 0o640);
  } catch (cause) {
    throw new ConfigError(
      'CONFIG_LOG_FILE',
      `cannot open the log file ${path}: ${(cause as Error).message}. Name a file in a directory that exists, which the user of the server may write`,
      { cause },
    );
  }
}
