import type { Framing } from './framing.js';

/**
 * A packet ends with the first occurrence of some bytes, like `\r\n`.
 *
 * The native search does not stop at `end`, so a match is checked against it.
 * A delimiter that is cut by the end of the bytes is found with the next call:
 * that one starts so far in front of the unseen bytes that a whole delimiter
 * less one byte fits.
 */
export class DelimiterFraming implements Framing {
  readonly head = 0;
  readonly tail: number;
  readonly #delimiter: Buffer;
  /** The one byte of the delimiter, or the delimiter: the search for a byte is several times faster. */
  readonly #needle: Buffer | number;

  constructor(bytes: Iterable<number>, strip: boolean) {
    this.#delimiter = Buffer.from([...bytes]);
    this.#needle = this.#delimiter.length === 1 ? this.#delimiter[0]! : this.#delimiter;
    this.tail = strip ? this.#delimiter.length : 0;
  }

  packetLength(buffer: Buffer, start: number, end: number, scanned: number): number {
    const size = this.#delimiter.length;
    const from = scanned < size ? start : start + scanned - size + 1;
    const found = buffer.indexOf(this.#needle, from);
    return found === -1 || found + size > end ? 0 : found + size - start;
  }
}
