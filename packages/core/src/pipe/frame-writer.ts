import type { ByteStream } from '../platform/platform.js';
import { HEADER_BYTES, MAX_BODY_BYTES, readU32, writeHeader, writeU32 } from './frame.js';
import type { Part } from './parts.js';

/** Bodies from this size on are handed to the stream as they are; smaller ones are copied together. */
const BY_REFERENCE_BYTES = 4 * 1024;
const BLOCK_BYTES = 64 * 1024;
/** What gathers in one turn is written early from this size on, so that the peer can start. */
const EARLY_FLUSH_BYTES = 256 * 1024;

/**
 * Gathers frames and writes them to a stream at once.
 *
 * Small frames are copied into one block; large bodies go by reference between
 * slices of it. A block is used again as soon as the stream has nothing left to
 * send, which on an idle system is right after the write.
 */
export class FrameWriter {
  #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  /** What of the block is not in `#segments` yet: [cut, end). */
  #cut = 0;
  #end = 0;
  #segments: Buffer[] = [];
  #pendingBytes = 0;
  /** Where the last frame begins in the block, while it can still be extended; else -1. */
  #last = -1;

  constructor(
    private readonly stream: ByteStream,
    private readonly earlyFlush = EARLY_FLUSH_BYTES,
  ) {}

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** A frame whose body is `source[start, end)`, at most MAX_BODY_BYTES. */
  frame(
    kind: number,
    flags: number,
    aux: number,
    id: number,
    seq: number,
    word: number,
    count: number,
    source?: Uint8Array,
    start = 0,
    end = 0,
  ): void {
    const length = end - start;
    const at = this.#reserve(HEADER_BYTES + (length < BY_REFERENCE_BYTES ? length : 0));
    writeHeader(this.#block, at, length, kind, flags, aux, id, seq, word, count);
    this.#end = at + HEADER_BYTES;
    this.#last = at;
    if (length > 0) this.#append(source!, start, end);
    this.#pendingBytes += HEADER_BYTES + length;
    if (this.#pendingBytes >= this.earlyFlush) this.flush();
  }

  /** A frame whose body is several parts, strings in UTF-8; `bytes` is their length together. */
  framePart(
    kind: number,
    flags: number,
    aux: number,
    id: number,
    seq: number,
    word: number,
    count: number,
    parts: readonly Part[],
    bytes: number,
  ): void {
    const at = this.#reserve(HEADER_BYTES + Math.min(bytes, BY_REFERENCE_BYTES));
    writeHeader(this.#block, at, bytes, kind, flags, aux, id, seq, word, count);
    this.#end = at + HEADER_BYTES;
    this.#last = at;
    for (const part of parts) this.#appendPart(part);
    this.#pendingBytes += HEADER_BYTES + bytes;
    if (this.#pendingBytes >= this.earlyFlush) this.flush();
  }

  /**
   * Adds to the body of the last frame and one to its count, if that frame can
   * still grow: same kind and id, no flags, and `word` follows on what it counts.
   */
  extend(kind: number, id: number, word: number, parts: readonly Part[], bytes: number): boolean {
    const at = this.#last;
    if (at < 0) return false;
    const block = this.#block;
    if (block[at + 4] !== kind || block[at + 5] !== 0) return false;
    if (readU32(block, at + 8) + readU32(block, at + 12) * 0x1_0000_0000 !== id) return false;
    const count = readU32(block, at + 24);
    if ((readU32(block, at + 20) + count) >>> 0 !== word) return false;
    const length = readU32(block, at) + bytes;
    if (bytes >= BY_REFERENCE_BYTES || length > MAX_BODY_BYTES || this.#end + bytes > BLOCK_BYTES)
      return false;
    for (const part of parts) this.#appendPart(part);
    writeU32(block, at, length);
    writeU32(block, at + 24, count + 1);
    this.#pendingBytes += bytes;
    return true;
  }

  flush(): void {
    if (this.#pendingBytes === 0) return;
    this.#pendingBytes = 0;
    this.#last = -1;
    const { stream } = this;
    if (this.#segments.length === 0) {
      stream.write(this.#block.subarray(this.#cut, this.#end));
    } else {
      this.#cutSegment();
      const segments = this.#segments;
      this.#segments = [];
      stream.writeAll(segments);
    }
    if (stream.buffered === 0) {
      this.#cut = this.#end = 0;
    } else {
      this.#cut = this.#end;
    }
  }

  /** Room for `bytes` in the block, at the returned index; a frame's header never spans two blocks. */
  #reserve(bytes: number): number {
    if (this.#end + bytes > BLOCK_BYTES) this.#newBlock();
    return this.#end;
  }

  #newBlock(): void {
    this.#cutSegment();
    this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#cut = this.#end = 0;
    this.#last = -1;
  }

  #cutSegment(): void {
    if (this.#end > this.#cut) this.#segments.push(this.#block.subarray(this.#cut, this.#end));
    this.#cut = this.#end;
  }

  #append(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length >= BY_REFERENCE_BYTES) {
      this.#cutSegment();
      this.#segments.push(Buffer.from(source.buffer, source.byteOffset + start, length));
      this.#last = -1;
      return;
    }
    if (this.#end + length > BLOCK_BYTES) this.#newBlock();
    this.#block.set(start === 0 && end === source.length ? source : source.subarray(start, end), this.#end);
    this.#end += length;
  }

  #appendPart(part: Part): void {
    if (typeof part !== 'string') {
      this.#append(part, 0, part.length);
      return;
    }
    // A UTF-16 unit takes 3 bytes of UTF-8 at most.
    if (part.length * 3 > BLOCK_BYTES - this.#end) {
      const bytes = Buffer.from(part);
      this.#append(bytes, 0, bytes.length);
    } else {
      this.#end += this.#block.write(part, this.#end);
    }
  }
}
