import type { Owner, ScheduledEvent } from './event-queue.js';
import { Lane, type Segment } from './lane.js';
import type { Line, LineEnd } from './line.js';
import type { Medium } from './medium.js';
import { Channel } from './scheduler.js';

/** The far end of a flow. */
export interface Sink extends Owner {
  arrive(chunks: readonly Buffer[], size: number): void;
  arriveEnd(): void;
  /** Whether nobody is there any more to take bytes; then their writer gets a reset. */
  refuse(): boolean;
}

/**
 * One direction of a stream.
 *
 *   write → queue (the writer's memory, `buffered`)
 *             → kernel buffer, bounded: on its way, then arrived
 *                 → read by the sink, which makes room and moves the queue on
 *
 * The queue dies with the writer; what the kernel has is delivered. Where the
 * stream goes over a line of its own, a lane carries it.
 */
export class Flow implements Owner, LineEnd {
  readonly #channel = new Channel();
  readonly #queue: Buffer[] = [];
  #buffered = 0;
  #inKernel = 0;
  /** Bytes that the reader has taken, of which the news has not come through a line that is shut. */
  #takenUnheard = 0;
  #onWay: Segment[] = [];
  #wakingWriter = false;
  #ending = false;
  #ended = false;
  #lane: Lane | undefined;

  constructor(
    private readonly medium: Medium,
    private readonly sink: Sink,
    private readonly writer: Owner,
    /** The queue has become empty, in an event of the writer. */
    private readonly drained: () => void,
    /** Our end is with the kernel. */
    private readonly endSent: () => void,
  ) {}

  get buffered(): number {
    return this.#buffered;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes that the reader has not taken. */
  get unread(): number {
    return this.#inKernel;
  }

  /** Things on their way belong to the reader, once they come through. */
  get alive(): boolean {
    return this.sink.alive;
  }

  enter(event: ScheduledEvent): void {
    if (this.#lane === undefined) this.sink.enter(event);
    else this.#lane.line.pass(event, () => this.sink.enter(event));
  }

  /** From here on it goes over this line; what has set off still arrives first. */
  goOver(line: Line): void {
    const arrive = (chunks: readonly Buffer[], size: number): void => this.sink.arrive(chunks, size);
    this.#lane = new Lane(line, this.medium, this, this.#channel, arrive);
    line.join(this);
  }

  changed(): void {
    this.#lane?.changed();
    if (this.#shut) return;
    this.#takenUnheard = 0;
    this.#wakeWriter();
  }

  severed(): void {
    this.#lane?.severed();
  }

  write(chunk: Buffer): void {
    if (this.#ending || chunk.length === 0) return;
    this.#queue.push(chunk);
    this.#buffered += chunk.length;
    this.#fill(this.medium.options.kernelBuffer);
  }

  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#finishIfEmpty();
  }

  /** Hands the whole queue to the kernel, whatever its bound: what `exit` does and SIGKILL does not. */
  flush(): void {
    this.#fill(Infinity);
  }

  /** Forgets the queue, then ends: what the kernel has is still delivered. */
  cut(): void {
    this.#queue.length = 0;
    this.#buffered = 0;
    this.end();
  }

  /** Forgets the queue and sends no end: a reset follows what is on its way. */
  stop(): void {
    this.#ending = this.#ended = true;
    this.#queue.length = 0;
    this.#buffered = 0;
  }

  /** Forgets the queue, and what is on its way as well: nothing follows but the reset. */
  loseOnWay(): void {
    this.stop();
    for (const segment of this.#onWay) segment.lost = true;
    this.#lane?.lose();
  }

  /** Something other than bytes that must not overtake them. */
  sendAfterBytes(run: () => void): void {
    if (this.#lane !== undefined) this.#lane.sendAfterBytes(run);
    else this.medium.scheduler.after(this.medium.delay(), this, run, this.#channel);
  }

  /** The sink has read: there is room for what waits in the queue. */
  taken(size: number): void {
    this.#inKernel -= size;
    if (this.#shut) this.#takenUnheard += size;
    else this.#wakeWriter();
  }

  get #shut(): boolean {
    return this.#lane !== undefined && this.#lane.line.shut;
  }

  /** Tells it that there is room, if it waits for that. */
  #wakeWriter(): void {
    if (this.#buffered === 0 || this.#wakingWriter) return;
    this.#wakingWriter = true;
    const delay = this.#lane === undefined ? this.medium.delay() : this.#lane.line.delay();
    this.medium.scheduler.after(delay, this.writer, () => {
      this.#wakingWriter = false;
      if (this.#buffered === 0 || this.#shut || this.sink.refuse()) return;
      this.#fill(this.medium.options.kernelBuffer);
      if (this.#buffered === 0) this.drained();
    });
  }

  #fill(capacity: number): void {
    let room = capacity - this.#inKernel - this.#takenUnheard;
    while (room > 0) {
      const chunk = this.#queue[0];
      if (chunk === undefined) break;
      if (chunk.length <= room) {
        this.#queue.shift();
        this.#send(chunk);
        room -= chunk.length;
      } else {
        this.#queue[0] = chunk.subarray(room);
        this.#send(chunk.subarray(0, room));
        room = 0;
      }
    }
    this.#finishIfEmpty();
  }

  /**
   * The kernel copies what it takes: the writer's memory is free again. What
   * still waits in the queue is not copied, and a writer that changes it shows.
   */
  #send(written: Buffer): void {
    const chunk = this.medium.copy(written);
    this.#buffered -= chunk.length;
    this.#inKernel += chunk.length;
    if (this.#lane !== undefined) {
      this.#lane.send(chunk);
      return;
    }
    const last = this.#onWay.at(-1);
    if (last !== undefined && this.medium.random.chance(this.medium.options.coalescing)) {
      last.chunks.push(chunk);
      last.size += chunk.length;
      return;
    }
    const segment: Segment = { chunks: [chunk], size: chunk.length, lost: false };
    this.#onWay.push(segment);
    this.sendAfterBytes(() => {
      this.#onWay.shift();
      if (!segment.lost) this.sink.arrive(segment.chunks, segment.size);
    });
  }

  #finishIfEmpty(): void {
    if (!this.#ending || this.#ended || this.#buffered > 0) return;
    this.#ended = true;
    this.sendAfterBytes(() => this.sink.arriveEnd());
    this.endSent();
  }
}
