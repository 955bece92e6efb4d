import { ProcessError } from '../errors.js';
import { deliverFrame, HEADER_BYTES, MAX_BODY_BYTES, readU32, type FrameSink } from './frame.js';

/**
 * Finds frames in a byte stream that arrives in pieces of any size. Whole
 * frames are handed out in place; one that is split is put together in a
 * buffer of exactly its size, so that a frame is copied once at most.
 */
export class FrameReader {
  readonly #header = Buffer.allocUnsafe(HEADER_BYTES);
  /** Bytes of a split frame that are here already; 0 between frames. */
  #have = 0;
  /** The split frame, once its header is complete. */
  #split: Buffer | undefined;

  constructor(private readonly sink: FrameSink) {}

  /** Throws `ProcessError` PIPE_BROKEN when the bytes cannot be frames. */
  read(chunk: Buffer): void {
    let at = this.#have > 0 ? this.#complete(chunk) : 0;
    while (chunk.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + bodyLength(chunk, at);
      if (end > chunk.length) break;
      deliverFrame(chunk, at, end, this.sink);
      at = end;
    }
    if (at < chunk.length) this.#keep(chunk, at);
  }

  /** Fills the split frame from the chunk; returns how far the chunk is used up. */
  #complete(chunk: Buffer): number {
    let at = 0;
    if (this.#split === undefined) {
      at = Math.min(HEADER_BYTES - this.#have, chunk.length);
      chunk.copy(this.#header, this.#have, 0, at);
      this.#have += at;
      if (this.#have < HEADER_BYTES) return at;
      this.#split = Buffer.allocUnsafe(HEADER_BYTES + bodyLength(this.#header, 0));
      this.#header.copy(this.#split);
    }
    const frame = this.#split;
    const used = Math.min(frame.length - this.#have, chunk.length - at);
    chunk.copy(frame, this.#have, at, at + used);
    this.#have += used;
    if (this.#have === frame.length) {
      this.#split = undefined;
      this.#have = 0;
      deliverFrame(frame, 0, frame.length, this.sink);
    }
    return at + used;
  }

  #keep(chunk: Buffer, at: number): void {
    const rest = chunk.length - at;
    if (rest >= HEADER_BYTES) {
      this.#split = Buffer.allocUnsafe(HEADER_BYTES + bodyLength(chunk, at));
      chunk.copy(this.#split, 0, at);
    } else {
      chunk.copy(this.#header, 0, at);
    }
    this.#have = rest;
  }
}

function bodyLength(buffer: Buffer, at: number): number {
  const length = readU32(buffer, at);
  if (length > MAX_BODY_BYTES) {
    throw new ProcessError(
      'PIPE_BROKEN',
      `a frame on a pipe claims ${length} bytes, the limit is ${MAX_BODY_BYTES}`,
    );
  }
  return length;
}
