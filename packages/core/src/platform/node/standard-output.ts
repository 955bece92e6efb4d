import { writeSync } from 'node:fs';

const descriptor = 1;

/** Bytes that wait for a reader of our output who does not keep up; lines beyond are dropped. */
const mostPending = 1024 * 1024;

/** ms between two attempts to write what waits. */
const retryInterval = 50;

/** Attempts that a process which leaves makes for the lines that wait. */
const lastAttempts = 10;

/**
 * Writes lines to standard output at once, so that none is lost when the process
 * leaves in the next instruction, and survives whatever the output does.
 *
 * A pipe whose reader is slow either blocks or, if any process that shares it
 * has made it so, refuses with EAGAIN; then lines wait. When the reader is gone
 * lines go nowhere: a server does not die of that.
 */
export class StandardOutput {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #broken = false;
  #retry: NodeJS.Timeout | undefined;

  constructor() {
    process.once('exit', () => this.#flushLast());
  }

  write(line: string): void {
    if (this.#broken) return;
    const bytes = Buffer.from(line);
    if (this.#pendingBytes + bytes.length > mostPending) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#retry === undefined) this.#flush();
  }

  #flush(): void {
    this.#retry = undefined;
    try {
      for (let first = this.#pending[0]; first !== undefined; first = this.#pending[0]) {
        const written = writeSync(descriptor, first);
        this.#pendingBytes -= written;
        if (written < first.length) this.#pending[0] = first.subarray(written);
        else this.#pending.shift();
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') this.#retryLater();
      else this.#giveUp(error as NodeJS.ErrnoException);
    }
  }

  #retryLater(): void {
    this.#retry = setTimeout(() => this.#flush(), retryInterval);
    this.#retry.unref();
  }

  /** A full disk may have room again; a reader that is gone does not come back. */
  #giveUp({ code }: NodeJS.ErrnoException): void {
    this.#broken = code !== 'ENOSPC';
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  #flushLast(): void {
    for (let attempt = 0; attempt < lastAttempts && this.#pending.length > 0; attempt += 1) {
      if (attempt > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryInterval);
      this.#flush();
    }
  }
}
