import type { ByteStream, Clock } from '../platform/platform.js';
import type { Window } from '../pipe/window.js';
import { OutputQueue, PIECE_BYTES, type Turn } from './output-queue.js';

/** What one read of a pipe may hold in memory. */
const READ_BYTES = 64 * 1024;
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
  /** Bytes that wait on all connections of this reactor. */
  readonly total: Window;
  readonly clock: Pick<Clock, 'defer'>;
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

/**
 * What is on its way to one client, bounded.
 *
 * While the system takes everything, sends pass straight through. What a slow
 * client leaves waits in a queue. Files, and whoever wants to know that a send is
 * out, have their turn in it. What is large goes out in pieces, and others are
 * served between them: a client on the same machine takes 64 MiB at once.
 */
export class Output {
  /** While anything waits in it. */
  #queue: OutputQueue | undefined;
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
    readonly stream: ByteStream,
    private readonly bounds: OutputBounds,
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
    return this.#queue !== undefined || this.stream.buffered > 0;
  }

  /** What is on its way in memory, without what the system has of a write that it has not taken whole. */
  get unsent(): number {
    return this.#waiting + this.stream.unsent;
  }

  write(buffer: Buffer, start: number, end: number): Verdict {
    const bytes = end - start;
    const { stream, bounds } = this;
    if (this.#queue?.rests === true) this.#catchUp(bytes);
    if (this.#queue === undefined && stream.buffered === 0) {
      if (bytes > bounds.limit && bytes > bounds.largestSend) return 'full';
      this.taken += bytes;
      // Without room for what would rest it goes whole: perhaps the system takes it.
      if (bytes > PIECE_BYTES && bounds.total.admits(bytes)) {
        stream.write(buffer.subarray(start, start + PIECE_BYTES));
        this.#queue = new OutputQueue();
        this.#queue.keep(buffer, start + PIECE_BYTES, end);
        if (stream.buffered === 0) this.#rest(this.#queue);
      } else {
        stream.write(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end));
        if (stream.buffered === 0) return 'taken';
      }
      // Only now is it known to wait, and with a small one the whole read buffer that it lies in.
      const held = Math.min(buffer.buffer.byteLength, Math.max(bytes, READ_BYTES));
      if (!bounds.total.admits(held)) return 'exhausted';
      this.#charge(held);
    } else {
      const held = this.#held;
      if (held + bytes > bounds.limit && (held > 0 || bytes > bounds.largestSend)) return 'full';
      if (!bounds.total.admits(bytes)) return 'exhausted';
      this.taken += bytes;
      this.#charge(bytes);
      this.#queue ??= new OutputQueue();
      this.#queue.keep(buffer, start, end);
    }
    if (!this.#full && this.#held >= bounds.high) this.#mark(true);
    return 'taken';
  }

  /** Puts it behind what waits; false when too many wait already. It may be over when this returns. */
  enqueue(turn: Turn): boolean {
    const queue = (this.#queue ??= new OutputQueue());
    if (queue.turns >= MOST_TURNS) return false;
    queue.push(turn);
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
    if (this.#ending && this.#queue === undefined) this.stream.end();
  }

  /** Ends the stream after what waits. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (this.#queue === undefined) this.stream.end();
  }

  /** Forgets what waits; the stream is gone. */
  discard(): void {
    const queue = this.#queue;
    this.#queue = undefined;
    this.bounds.total.give(this.#charged);
    this.#charged = 0;
    queue?.abandon();
  }

  get #waiting(): number {
    return this.#queue === undefined ? 0 : this.#queue.bytes;
  }

  /** Bytes of sends that wait. */
  get #held(): number {
    return this.#stepping ? this.#waiting : this.buffered;
  }

  /** Goes on in the next turn of the event loop. */
  #rest(queue: OutputQueue): void {
    if (queue.rests) return;
    queue.rests = true;
    this.bounds.clock.defer(() => {
      queue.rests = false;
      if (this.#queue === queue) this.goOn();
    });
  }

  /** What rests and could go at once is no reason to refuse anything: it goes, until there is room for so many bytes. */
  #catchUp(bytes: number): void {
    const { limit, total } = this.bounds;
    for (let before = Infinity; this.#waiting < before;) {
      if (this.#held + bytes <= limit && total.admits(bytes)) return;
      before = this.#waiting;
      this.goOn();
    }
  }

  #mark(full: boolean): void {
    this.#full = full;
    this.host.marked(full);
  }

  #charge(bytes: number): void {
    this.#charged += bytes;
    this.bounds.total.take(bytes);
  }

  /** Charges what waits now. */
  #settleAccount(): void {
    this.#charge(this.buffered - this.#charged);
  }

  /**
   * What has its turn, or what is called when bytes are written, may end the
   * stream, and with it the queue. Of a stream that is gone nobody is told that it
   * has taken anything: its `close` is on its way, and abandons what waits.
   */
  #feed(): void {
    let queue = this.#queue;
    let given = 0;
    while (queue !== undefined && !queue.empty && this.stream.buffered === 0 && !this.stream.gone) {
      const { first } = queue;
      if (first === undefined) {
        if (given >= PIECE_BYTES) {
          this.#rest(queue);
          return;
        }
        given += queue.bytes;
        this.stream.writeAll(queue.takeBlocks());
        given -= queue.bytes;
      } else {
        if (!first.advance()) return;
        if (this.#queue?.first !== first) return;
        queue.shift();
        this.#stepping = false;
      }
      queue = this.#queue;
    }
    if (queue?.empty === true) this.#queue = undefined;
  }
}
