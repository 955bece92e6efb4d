import type { ByteStream } from '../platform/platform.js';
import type { Window } from '../pipe/window.js';

const BLOCK_BYTES = 16 * 1024;
/** What one read of a pipe may hold in memory. */
const READ_BYTES = 64 * 1024;
/** How much goes to the stream at once when it has drained. */
const DRAIN_BYTES = 256 * 1024;

/**
 * What is on its way to one client, bounded.
 *
 * While the system takes everything, sends pass straight through. What a slow
 * client leaves is copied into blocks of our own, so that a few bytes do not
 * keep a whole read buffer of the pipe alive.
 */
export class Output {
  #blocks: Buffer[] = [];
  /** The last block, if it is ours and has room: [0, #tailUsed) is filled. */
  #tail: Buffer | undefined;
  #tailUsed = 0;
  #waiting = 0;
  /** What is charged to the total: waiting bytes, and the buffer that the stream holds. */
  #charged = 0;
  #ending = false;

  constructor(
    private readonly stream: ByteStream,
    /** Bytes that may wait for the client. */
    private readonly limit: number,
    /** An empty output admits one send of this size, whatever the limit. */
    private readonly largestSend: number,
    /** Bytes that wait on all connections of this reactor. */
    private readonly total: Window,
  ) {}

  get buffered(): number {
    return this.#waiting + this.stream.buffered;
  }

  /** The same without what the system has of a write that it has not taken whole. */
  get unsent(): number {
    return this.#waiting + this.stream.unsent;
  }

  /** Whether the bytes were taken; false means that a bound would have been exceeded. */
  write(buffer: Buffer, start: number, end: number): boolean {
    const bytes = end - start;
    const { stream } = this;
    const buffered = this.#waiting + stream.buffered;
    if (buffered === 0) {
      if (bytes > this.limit && bytes > this.largestSend) return false;
      stream.write(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end));
      if (stream.buffered === 0) return true;
      // Only now is it known to wait, and with a small one the whole read buffer that it lies in.
      const held = Math.min(buffer.buffer.byteLength, Math.max(bytes, READ_BYTES));
      if (!this.total.admits(held)) return false;
      this.#charge(held);
      return true;
    }
    if (buffered + bytes > this.limit || !this.total.admits(bytes)) return false;
    this.#waiting += bytes;
    this.#charge(bytes);
    this.#keep(buffer, start, end);
    return true;
  }

  /** The stream has taken everything: it gets more, or ends if that was asked. */
  drained(): void {
    this.total.give(this.#charged);
    this.#charged = 0;
    this.#feed();
    if (this.#ending && this.#waiting === 0) this.stream.end();
  }

  /** Ends the stream after what waits. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (this.#waiting === 0) this.stream.end();
  }

  /** Forgets what waits; the stream is gone. */
  discard(): void {
    this.total.give(this.#charged);
    this.#charged = 0;
    this.#waiting = 0;
    this.#blocks = [];
    this.#tail = undefined;
  }

  #charge(bytes: number): void {
    this.#charged += bytes;
    this.total.take(bytes);
  }

  #keep(buffer: Buffer, start: number, end: number): void {
    const bytes = end - start;
    if (bytes >= BLOCK_BYTES) {
      this.#cutTail();
      this.#blocks.push(buffer.subarray(start, end));
      return;
    }
    if (this.#tail === undefined || this.#tailUsed + bytes > this.#tail.length) {
      this.#cutTail();
      this.#tail = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      this.#tailUsed = 0;
    }
    buffer.copy(this.#tail, this.#tailUsed, start, end);
    this.#tailUsed += bytes;
  }

  #cutTail(): void {
    if (this.#tail !== undefined) this.#blocks.push(this.#tail.subarray(0, this.#tailUsed));
    this.#tail = undefined;
  }

  #feed(): void {
    while (this.#waiting > 0 && this.stream.buffered === 0) {
      this.#cutTail();
      let bytes = 0;
      let count = 0;
      while (count < this.#blocks.length && bytes < DRAIN_BYTES) bytes += this.#blocks[count++]!.length;
      const chunks = this.#blocks.splice(0, count);
      this.#waiting -= bytes;
      this.stream.writeAll(chunks);
    }
    this.#charge(this.#waiting + this.stream.buffered);
  }
}
