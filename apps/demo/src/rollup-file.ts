/**
 * Rollups as lines of JSON, the last one last. A line counts once it has its end:
 * what a death has left of one is cut off before the next is written.
 *
 * A file that is large enough becomes `rollups.1.ndjson`, and the one that was
 * called so goes.
 */
import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { isAfter, type Rollup } from './rollup.js';

const LARGE = 16 * 1024 * 1024;

export class RollupFile {
  readonly #path: string;
  readonly #former: string;
  #last: Rollup | undefined;
  /** Of the file, when `#last` was its last line. */
  #size = -1;

  constructor(
    directory: string,
    private readonly large = LARGE,
  ) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#path = join(directory, 'rollups.ndjson');
    this.#former = join(directory, 'rollups.1.ndjson');
  }

  last(): Rollup | undefined {
    // Another task worker may have written meanwhile.
    if (sizeOf(this.#path) !== this.#size) this.#read();
    return this.#last;
  }

  /** Writes it, if it comes after what is there: one that is done twice is not, and one of an earlier keeper is too late. */
  append(rollup: Rollup): void {
    const last = this.last();
    if (last !== undefined && !isAfter(rollup, last)) return;
    if (this.#size >= this.large) {
      renameSync(this.#path, this.#former);
      this.#size = 0;
    }
    const line = Buffer.from(`${JSON.stringify(rollup)}\n`);
    appendFileSync(this.#path, line, { mode: 0o600 });
    this.#last = rollup;
    this.#size += line.length;
  }

  #read(): void {
    const whole = wholeLines(this.#path);
    if (whole.length < sizeOf(this.#path)) truncateSync(this.#path, whole.length);
    this.#last = lastLine(whole) ?? lastLine(wholeLines(this.#former));
    this.#size = whole.length;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function wholeLines(path: string): Buffer {
  if (sizeOf(path) === 0) return Buffer.alloc(0);
  const bytes = readFileSync(path);
  return bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
}

function lastLine(whole: Buffer): Rollup | undefined {
  if (whole.length === 0) return undefined;
  const line = whole.subarray(whole.subarray(0, -1).lastIndexOf('\n') + 1);
  return JSON.parse(line.toString()) as Rollup;
}
