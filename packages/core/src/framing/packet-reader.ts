import { ProtocolError } from '../errors.js';
import type { Framing } from './framing.js';
import { FIRST_ROOM, PartialPacket } from './partial-packet.js';

const NOTHING = Buffer.alloc(0);

/**
 * Cuts what one connection reads into packets. A connection has one as long as
 * bytes of it wait, see `ReaderPool`:
 *
 * ```ts
 * reader.push(chunk);
 * while (reader.next()) take(reader.buffer, reader.start, reader.end);
 * ```
 *
 * It may stop in the middle and go on later, with or without another push. Under
 * raw framing two pushes are two packets, however late they are asked for.
 *
 * ```
 *   partial           chunk                          later
 *   ┌─────┬ ─ ─ ┐     ┌───────────┬──────────┐       ┌───┐┌───┐
 *   │held │room │     │ handed out│ unread   │       │   ││   │
 *   └─────┴ ─ ─ ┘     └───────────┴──────────┘       └───┘└───┘
 *                            #offset
 * ```
 *
 * A packet that lies in one chunk is handed out where it lies. One that does not
 * is put together in `partial`: the unread rest of a chunk is copied there at
 * once, so that a few bytes never keep a large chunk alive.
 *
 * What was handed out stays as it is for ever: nobody writes to a chunk, and what
 * a `partial` had is left alone once a packet in it went out.
 */
export class PacketReader {
  /** Where the current packet lies, from `start` to `end`, after `next()` has said true and until it is called again. */
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;

  #chunk: Buffer = NOTHING;
  #offset = 0;
  readonly #later: Buffer[] = [];
  #laterBytes = 0;

  readonly #partial = new PartialPacket();
  /** How many of the held bytes are copies of those in front of `#offset` in the chunk. */
  #copied = 0;

  /** Length of the packet being waited for; 0 while unknown. */
  #total = 0;
  /** Bytes from the start of the packet below which asking again is no use. */
  #needed = 0;
  /** Bytes of the partial packet that the framing has looked at. */
  #scanned = 0;

  #failure: { readonly error: unknown } | undefined;

  /** `packageMaxLength` bounds whole packets, with what `strip` cuts off. */
  constructor(
    private readonly framing: Framing,
    private readonly packageMaxLength: number,
  ) {}

  /** Bytes that are held and not handed out yet. */
  get buffered(): number {
    return this.#partial.length + this.#chunk.length - this.#offset + this.#laterBytes;
  }

  /** Adds what was read. The chunk must not change afterwards. Ignored once `next()` has thrown. */
  push(chunk: Buffer): void {
    if (this.#failure !== undefined || chunk.length === 0) return;
    if (this.#offset === this.#chunk.length && this.#later.length === 0) {
      this.#open(chunk);
    } else {
      this.#later.push(chunk);
      this.#laterBytes += chunk.length;
    }
  }

  /**
   * Goes to the next packet; false when there is none until more is pushed.
   * Throws `ProtocolError` when the bytes can never become a packet; from then
   * on the reader holds nothing and every call throws the same error.
   */
  next(): boolean {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      while (this.#offset < this.#chunk.length || this.#openLater()) {
        if (this.#partial.length === 0 ? this.#nextInChunk() : this.#nextInPartial()) return true;
      }
      return false;
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #nextInChunk(): boolean {
    const chunk = this.#chunk;
    const start = this.#offset;
    const end = Math.min(chunk.length, start + this.packageMaxLength);
    const length = this.framing.packetLength(chunk, start, end, 0);
    if (length > 0 && length <= end - start) {
      this.#offset = start + length;
      this.#handOut(chunk, start, length);
      return true;
    }
    this.#waitFor(length, end - start);
    this.#copy(chunk.length - start);
    return false;
  }

  #nextInPartial(): boolean {
    const partial = this.#partial;
    const room =
      this.#total || Math.min(this.packageMaxLength, Math.max(this.#needed, 2 * partial.length, FIRST_ROOM));
    this.#copy(Math.min(this.#chunk.length - this.#offset, room - partial.length));
    const held = partial.length;
    if (held < this.#needed) return false;

    const whole = partial.whole();
    const length = this.#total || this.framing.packetLength(whole, 0, held, this.#scanned);
    if (length > 0 && length <= held) {
      this.#handOut(whole, 0, length);
      this.#giveBack(whole, length);
      return true;
    }
    this.#waitFor(length, held);
    return false;
  }

  #handOut(buffer: Buffer, start: number, length: number): void {
    this.buffer = buffer;
    this.start = start + this.framing.head;
    this.end = start + length - this.framing.tail;
  }

  /** Notes what the framing said about a packet that is not complete. */
  #waitFor(length: number, available: number): void {
    if (!Number.isSafeInteger(length)) {
      throw new ProtocolError('FRAMING_FAILED', `the framing answered ${length} instead of a length`);
    }
    this.#scanned = available;
    this.#total = Math.max(0, length);
    this.#needed = Math.max(Math.abs(length), available + 1);
    if (this.#needed > this.packageMaxLength) throw this.#tooLong();
  }

  #tooLong(): ProtocolError {
    const limit = `packageMaxLength, ${this.packageMaxLength} bytes`;
    return new ProtocolError(
      'PACKET_TOO_LONG',
      this.#total > 0
        ? `a packet of ${this.#total} bytes is longer than ${limit}`
        : `a packet does not end within ${limit}`,
    );
  }

  /** Moves the next bytes of the chunk to the end of the partial packet. */
  #copy(bytes: number): void {
    const end = this.#offset + bytes;
    this.#partial.append(this.#chunk, this.#offset, end, this.#total || this.packageMaxLength);
    this.#offset = end;
    this.#copied += bytes;
  }

  /** The partial packet is complete: what was copied beyond it is unread again. */
  #giveBack(whole: Buffer, length: number): void {
    const fromChunk = Math.min(whole.length - length, this.#copied);
    const fromBefore = whole.subarray(length, whole.length - fromChunk);
    this.#offset -= fromChunk;
    this.#partial.clear();
    this.#copied = 0;
    // A framing may need to see bytes behind a boundary; these may have come with chunks that are gone.
    if (fromBefore.length > 0) {
      this.#postpone(this.#chunk.subarray(this.#offset));
      this.#open(fromBefore);
    }
  }

  #open(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#offset = 0;
    this.#copied = 0;
  }

  #postpone(chunk: Buffer): void {
    this.#later.unshift(chunk);
    this.#laterBytes += chunk.length;
  }

  /** Goes on to a chunk that was pushed while another was unread. Without one, nothing stays referenced. */
  #openLater(): boolean {
    const chunk = this.#later.shift();
    this.#laterBytes -= chunk?.length ?? 0;
    this.#open(chunk ?? NOTHING);
    if (chunk === undefined) this.buffer = NOTHING;
    return chunk !== undefined;
  }

  #fail(error: unknown): void {
    this.#failure = { error };
    this.#later.length = 0;
    this.#laterBytes = 0;
    this.#partial.clear();
    this.buffer = NOTHING;
    this.#open(NOTHING);
  }
}
