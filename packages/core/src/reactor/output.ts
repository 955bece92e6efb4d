import type { ByteStream } from '../platform/platform.js';
import type { Window } from '../pipe/window.js';

const BLOCK_BYTES = 16 * 1024;
/** What one read of a pipe may hold in memory. */
const READ_BYTES = 64 * 1024;
/** How much goes to the stream at once when it has drained. */
const DRAIN_BYTES = 256 * 1024;
/** Turns that may wait for one client: files, and senders who want to know. */
const MOST_TURNS = 1_024;

/** How much may wait for one client, in bytes. */
export interface OutputBounds {
  readonly limit: number;
  /** An empty output admits one send of this size, whatever the limit. */
  readonly largestSend: number;
  /** From so much on it is full, until it has fallen to `low` again. */
  readonly high: number;
  readonly low: number;
}

/**
 * What became of a send: it was taken; it does not fit, and nothing of it was
 * taken; or the bound of all connections together is exceeded.
 */
export type Verdict = 'taken' | 'full' | 'exhausted';

/** Who hears that the output has become full, or is not full any more. */
export interface OutputHost {
  marked(full: boolean): void;
}

/** Something that has its turn when all that was sent before it is with the system. */
export interface Turn {
  /** Its turn has come, and the stream holds nothing. True when it is over; else it calls `Output.goOn` later. */
  advance(): boolean;
  /** The stream is gone. */
  abandon(): void;
}

/** Of outputs in which nothing waits, which are nearly all. Nobody adds to it. */
const NONE: (Buffer | Turn)[] = [];

/**
 * What is on its way to one client, bounded.
 *
 * While the system takes everything, sends pass straight through. What a slow
 * client leaves is copied into blocks of our own, so that a few bytes do not
 * keep a whole read buffer of the pipe alive. Files, and whoever wants to know
 * that a send is out, have their turn between the blocks.
 */
export class Output {
  /** In the order in which they go out. */
  #queue: (Buffer | Turn)[] = NONE;
  /** The last block, if it is ours and has room: [0, #tailUsed) is filled. */
  #tail: Buffer | undefined;
  #tailUsed = 0;
  #waiting = 0;
  /** How many of the queue are turns. */
  #turns = 0;
  /** What is charged to the total: waiting bytes, and the buffer that the stream holds. */
  #charged = 0;
  #feeding = false;
  /** What the stream holds is of a file, and counts in no bound of its own. */
  #stepping = false;
  #ending = false;
  #full = false;
  /** Grows with everything that goes on. */
  progress = 0;
  /** Bytes that were taken so far. */
  taken = 0;

  constructor(
    private readonly stream: ByteStream,
    private readonly bounds: OutputBounds,
    /** Bytes that wait on all connections of this reactor. */
    private readonly total: Window,
    private readonly host: OutputHost,
  ) {}

  get buffered(): number {
    return this.#waiting + this.stream.buffered;
  }

  get full(): boolean {
    return this.#full;
  }

  /** Whether something is still on its way; a file may be, without a byte in memory. */
  get busy(): boolean {
    return this.buffered > 0 || this.#turns > 0;
  }

  /** What is on its way in memory, without what the system has of a write that it has not taken whole. */
  get unsent(): number {
    return this.#waiting + this.stream.unsent;
  }

  write(buffer: Buffer, start: number, end: number): Verdict {
    const bytes = end - start;
    const { stream, bounds } = this;
    const buffered = this.#waiting + stream.buffered;
    if (buffered === 0 && this.#turns === 0) {
      if (bytes > bounds.limit && bytes > bounds.largestSend) return 'full';
      stream.write(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end));
      this.taken += bytes;
      if (stream.buffered === 0) return 'taken';
      // Only now is it known to wait, and with a small one the whole read buffer that it lies in.
      const held = Math.min(buffer.buffer.byteLength, Math.max(bytes, READ_BYTES));
      if (!this.total.admits(held)) return 'exhausted';
      this.#charge(held);
    } else {
      const held = this.#held;
      if (held + bytes > bounds.limit && (held > 0 || bytes > bounds.largestSend)) return 'full';
      if (!this.total.admits(bytes)) return 'exhausted';
      this.taken += bytes;
      this.#waiting += bytes;
      this.#charge(bytes);
      this.#keep(buffer, start, end);
    }
    if (!this.#full && this.#held >= bounds.high) this.#mark(true);
    return 'taken';
  }

  /** Puts it behind what waits; false when too many wait already. It may be over when this returns. */
  enqueue(turn: Turn): boolean {
    if (this.#turns >= MOST_TURNS) return false;
    this.#cutTail();
    this.#push(turn);
    this.#turns++;
    if (this.stream.buffered === 0) this.goOn();
    return true;
  }

  /** Writes bytes of the turn that goes on; says whether the system has taken them, and if not `advance` is called when it has. */
  step(bytes: Buffer): boolean {
    this.progress++;
    this.#stepping = true;
    this.taken += bytes.length;
    this.stream.write(bytes);
    this.#settleAccount();
    return this.stream.buffered === 0;
  }

  /** The stream has taken everything: it gets more, or ends if that was asked. */
  drained(): void {
    this.goOn();
  }

  /** Feeds the stream as long as it takes everything. */
  goOn(): void {
    if (this.#feeding) return;
    this.#feeding = true;
    this.progress++;
    this.#feed();
    this.#feeding = false;
    this.#settleAccount();
    if (this.#full && this.#held <= this.bounds.low) this.#mark(false);
    if (this.#ending && this.#isFed()) this.stream.end();
  }

  /** Ends the stream after what waits. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (this.#isFed()) this.stream.end();
  }

  /** Forgets what waits; the stream is gone. */
  discard(): void {
    const queue = this.#queue;
    this.#queue = NONE;
    this.#tail = undefined;
    this.#waiting = 0;
    this.#turns = 0;
    this.total.give(this.#charged);
    this.#charged = 0;
    for (const entry of queue) if (!Buffer.isBuffer(entry)) entry.abandon();
  }

  /** Bytes of sends that wait. */
  get #held(): number {
    return this.#stepping ? this.#waiting : this.buffered;
  }

  #isFed(): boolean {
    return this.#waiting === 0 && this.#turns === 0;
  }

  #mark(full: boolean): void {
    this.#full = full;
    this.host.marked(full);
  }

  #charge(bytes: number): void {
    this.#charged += bytes;
    this.total.take(bytes);
  }

  /** Charges what waits now. */
  #settleAccount(): void {
    this.#charge(this.buffered - this.#charged);
  }

  #keep(buffer: Buffer, start: number, end: number): void {
    const bytes = end - start;
    if (bytes >= BLOCK_BYTES) {
      this.#cutTail();
      this.#push(buffer.subarray(start, end));
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

  #push(entry: Buffer | Turn): void {
    if (this.#queue === NONE) this.#queue = [entry];
    else this.#queue.push(entry);
  }

  #cutTail(): void {
    if (this.#tail !== undefined) this.#push(this.#tail.subarray(0, this.#tailUsed));
    this.#tail = undefined;
  }

  #feed(): void {
    while (!this.#isFed() && this.stream.buffered === 0) {
      const [first] = this.#queue;
      if (first === undefined || Buffer.isBuffer(first)) {
        this.#writeBlocks();
      } else {
        if (!first.advance()) return;
        // Unless the stream went while it had its turn.
        if (this.#queue[0] !== first) return;
        this.#queue.shift();
        this.#turns--;
        this.#stepping = false;
      }
    }
    if (this.#isFed()) this.#queue = NONE;
  }

  #writeBlocks(): void {
    if (this.#turns === 0) this.#cutTail();
    const chunks: Buffer[] = [];
    let bytes = 0;
    for (const entry of this.#queue) {
      if (!Buffer.isBuffer(entry) || bytes >= DRAIN_BYTES) break;
      chunks.push(entry);
      bytes += entry.length;
    }
    this.#queue.splice(0, chunks.length);
    this.#waiting -= bytes;
    this.stream.writeAll(chunks);
  }
}
