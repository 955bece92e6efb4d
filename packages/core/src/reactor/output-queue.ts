const BLOCK_BYTES = 16 * 1024;
/** How much goes to the stream at once when it has drained. */
const DRAIN_BYTES = 256 * 1024;
/** How much of what is large goes to the stream in one turn of the event loop: to encrypt it takes some 2 ms. */
export const PIECE_BYTES = 1024 * 1024;

/** Something that has its turn when all that was sent before it is with the system. */
export interface Turn {
  /** Its turn has come, and the stream holds nothing. True when it is over; else it calls `Output.goOn` later. */
  advance(): boolean;
  /** The stream is gone. */
  abandon(): void;
}

/**
 * What waits for one client, in the order in which it goes out: bytes, copied into
 * blocks of our own, so that a few of them do not keep a whole read buffer of the
 * pipe alive, and turns between the blocks.
 */
export class OutputQueue {
  /** Bytes that wait. */
  bytes = 0;
  /** How many turns wait, and the one that goes on. */
  turns = 0;
  /** Its stream would take more, and gets it in the next turn of the event loop. */
  rests = false;
  readonly #entries: (Buffer | Turn)[] = [];
  /** The last block, if it is ours and has room: [0, #tailUsed) is filled. */
  #tail: Buffer | undefined;
  #tailUsed = 0;

  /** Bytes, or the block that is being filled, come first when it is undefined. */
  get first(): Turn | undefined {
    const [first] = this.#entries;
    return first === undefined || Buffer.isBuffer(first) ? undefined : first;
  }

  get empty(): boolean {
    return this.bytes === 0 && this.turns === 0;
  }

  keep(buffer: Buffer, start: number, end: number): void {
    const bytes = end - start;
    this.bytes += bytes;
    if (bytes >= BLOCK_BYTES) {
      this.#cutTail();
      this.#entries.push(buffer.subarray(start, end));
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

  push(turn: Turn): void {
    this.#cutTail();
    this.#entries.push(turn);
    this.turns++;
  }

  /** The first turn is over. */
  shift(): void {
    this.#entries.shift();
    this.turns--;
  }

  /** Takes out blocks that come first, as much as is written at once. */
  takeBlocks(): readonly Buffer[] {
    if (this.turns === 0) this.#cutTail();
    const chunks: Buffer[] = [];
    let bytes = 0;
    let rest: Buffer | undefined;
    for (const entry of this.#entries) {
      if (!Buffer.isBuffer(entry) || bytes >= DRAIN_BYTES) break;
      const chunk = entry.length > PIECE_BYTES ? entry.subarray(0, PIECE_BYTES) : entry;
      if (chunk !== entry) rest = entry.subarray(PIECE_BYTES);
      chunks.push(chunk);
      bytes += chunk.length;
    }
    if (rest === undefined) this.#entries.splice(0, chunks.length);
    else this.#entries.splice(0, chunks.length, rest);
    this.bytes -= bytes;
    return chunks;
  }

  abandon(): void {
    for (const entry of this.#entries) if (!Buffer.isBuffer(entry)) entry.abandon();
  }

  #cutTail(): void {
    if (this.#tail !== undefined) this.#entries.push(this.#tail.subarray(0, this.#tailUsed));
    this.#tail = undefined;
  }
}
