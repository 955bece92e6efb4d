/**
 * Room at the end of the file, written before LMDB needs it.
 *
 * So a full disk is met here, where it is an error like any other: LMDB writes
 * past the end of its own memory when it tells of a write that failed. And a sync
 * is faster where the file does not grow.
 */
import { fstatSync, write } from 'node:fs';
import { promisify } from 'node:util';
import type { StoreChange } from '../../platform.js';

const PAGE = 4_096;
const SMALLEST = 64 * PAGE;
/** Changes that touch a page of their own each; more of them share some. */
const MOST_PAGES = 256;
const STEP = 1024 * 1024;
const ZEROS = Buffer.alloc(STEP);

const writeAt = promisify(write);

export class Reserve {
  #room = 0;

  constructor(
    private readonly descriptor: number,
    /** Bytes that LMDB uses, free pages included. */
    private readonly used: () => number,
  ) {}

  /** Rejects with the system's error where there is no room. What only removes goes on into what is left. */
  async provide(changes: readonly StoreChange[]): Promise<void> {
    let bytes = 0;
    for (const { value } of changes) bytes += value?.length ?? 0;
    const needed = SMALLEST + Math.min(changes.length, MOST_PAGES) * PAGE + 2 * bytes;
    if (this.#room < needed) {
      const used = this.used();
      let { size } = fstatSync(this.descriptor);
      try {
        if (size - used < needed) size = await this.#extend(size, used + needed + STEP);
      } catch (error) {
        if (bytes > 0) throw error;
      }
      this.#room = size - used;
    }
    this.#room -= needed;
  }

  async #extend(size: number, end: number): Promise<number> {
    while (size < end) {
      const { bytesWritten } = await writeAt(this.descriptor, ZEROS, 0, Math.min(STEP, end - size), size);
      size += bytesWritten;
    }
    return size;
  }
}
