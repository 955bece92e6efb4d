import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/**
 * A file of the real disk, for servers that send one: a test that both worlds play
 * has it there. It is read at once, so that a run depends on what is in it, and
 * on no time that the disk takes.
 */
export class DiskFile {
  readonly size: number;
  readonly #descriptor: number;

  /** Throws the system's error, and for what is no file with bytes in it. */
  constructor(path: string) {
    this.#descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = fstatSync(this.#descriptor);
    this.size = status.size;
    if (status.isFile()) return;
    this.close();
    throw new Error(`it is ${status.isDirectory() ? 'a directory' : 'no regular file'}`);
  }

  read(position: number, bytes: number): Buffer {
    const buffer = Buffer.alloc(bytes);
    return buffer.subarray(0, readSync(this.#descriptor, buffer, 0, bytes, position));
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
