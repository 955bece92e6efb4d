const NOTHING = Buffer.alloc(0);
/** Bytes for which a partial packet of unknown length gets room at first. */
export const FIRST_ROOM = 1024;

/**
 * The bytes of one packet that comes in many reads, put together.
 *
 * Room grows by doubling, so that a byte is copied three times at most however
 * small the reads are, and a peer never takes up much more memory than twice what
 * it sent; while bytes move, three times as much is allotted, of which a third is
 * untouched.
 * Allotting the announced length at once would save a copy, and let a header of
 * four bytes claim `packageMaxLength` of memory.
 *
 * What was held moves to the larger room bit by bit, as much of it as is
 * appended: to copy 32 MiB at once takes the processor from all other connections
 * for as long as ten thousand small packets take.
 *
 * ```
 *   #former  ┌──────────┬─────────┐
 *            │ moved    │         │
 *            └──────────┴─────────┘
 *   #room    ┌──────────┬ ─ ─ ─ ─ ┬───────┬ ─ ─ ─ ─ ─ ┐
 *            │          │         │ since │           │
 *            └──────────┴ ─ ─ ─ ─ ┴───────┴ ─ ─ ─ ─ ─ ┘
 * ```
 */
export class PartialPacket {
  #length = 0;
  #room: Buffer = NOTHING;
  /** What the bytes lay in before; empty when all of them have moved. */
  #former: Buffer = NOTHING;
  #moved = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds `chunk[start, end)`. It never becomes longer than `limit`. */
  append(chunk: Buffer, start: number, end: number, limit: number): void {
    const bytes = end - start;
    const length = this.#length + bytes;
    if (length > this.#room.length) this.#grow(length, limit);
    chunk.copy(this.#room, this.#length, start, end);
    if (this.#former.length > 0) this.#move(bytes / (this.#room.length - this.#length));
    this.#length = length;
  }

  /** All bytes in one piece, without the room behind them, which a framing that searches would search. */
  whole(): Buffer {
    this.#move(1);
    return this.#length === this.#room.length ? this.#room : this.#room.subarray(0, this.#length);
  }

  /** Forgets the bytes. What was handed out stays as it is. */
  clear(): void {
    this.#length = 0;
    this.#room = this.#former = NOTHING;
  }

  #grow(length: number, limit: number): void {
    this.#move(1);
    this.#former = this.#room.subarray(0, this.#length);
    this.#moved = 0;
    this.#room = Buffer.allocUnsafe(roomFor(length, limit));
  }

  /** Moves that part of what has not moved. */
  #move(part: number): void {
    const former = this.#former;
    if (former.length === 0) return;
    const left = former.length - this.#moved;
    const to = this.#moved + Math.min(left, Math.ceil(left * part));
    former.copy(this.#room, this.#moved, this.#moved, to);
    this.#moved = to;
    if (to === former.length) this.#former = NOTHING;
  }
}

/** Halves of the limit, so that the last room is reached half full, as all others are, and not when a few bytes are missing. */
function roomFor(length: number, limit: number): number {
  let room = limit;
  while (room >= 2 * length && room >= 2 * FIRST_ROOM) room = Math.ceil(room / 2);
  return room;
}
