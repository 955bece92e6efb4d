import { fromWire, type WireError } from '../errors.js';
import { FrameKind, MeshFlag, type Hello, type Peer, type Settlement } from '../pipe/messages.js';
import { meshHabits } from './mesh-habits.js';
import type { Part } from '../pipe/parts.js';
import { Pipe, type PipeEvents } from '../pipe/pipe.js';
import type { ByteStream, Clock } from '../platform/platform.js';

/** What was given to a way and is kept until the other process has settled it. */
export interface Parcel {
  /** It cannot be done, and its settlement follows. */
  failed?(error: Error): void;
  settled(how: Settlement): void;
}

/** What becomes of the ways that this process has opened. */
export interface WayEvents {
  /** It can be sent over. */
  opened(way: Way): void;
  /** The answer to question `number`; body as in `MeshFlag`. */
  reply(way: Way, number: number, flags: number, buffer: Buffer, start: number, end: number): void;
  /** A result of that task, which is settled already if the flag `last` says so. */
  result(parcel: Parcel, flags: number, buffer: Buffer, start: number, end: number): void;
  /** What a task worker or the queue tells, see `FrameKind.ended` and those after it. */
  told(way: Way, kind: number, flags: number, id: number, buffer: Buffer, start: number, end: number): void;
  /** The answer to request `number`, as JSON. */
  response(way: Way, number: number, buffer: Buffer, start: number, end: number): void;
  /** What became of a task from the queue; see `FrameKind.outcome`. Undefined where it is settled later. */
  outcome(
    way: Way,
    seq: number,
    flags: number,
    count: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): Settlement | undefined;
  /** Everything that was given to it is with the system. */
  drained(way: Way): void;
  /** As `result`, in the file of that name; whoever has read it calls `taken`, and it is removed. */
  resultInFile(parcel: Parcel, flags: number, name: string, taken: () => void): void;
  /** The other process begins to leave: it takes nothing more. */
  retired(way: Way): void;
  /** All frames of one read were delivered. */
  turn(way: Way): void;
  /** Everything that was given to it is with the system. */
  drained(way: Way): void;
  /** The last event, once: with what the other process has not settled, in the order in which it was sent. */
  closed(way: Way, unsettled: readonly Parcel[]): void;
}

/** A pipe to another process of the server, seen from the one that has opened it. */
export class Way implements PipeEvents<Parcel> {
  #pipe: Pipe<Parcel> | undefined;
  #state: 'opening' | 'open' | 'retired' | 'closed' = 'opening';
  /** The other process has said that its end is planned. */
  blameless = false;

  constructor(
    readonly peer: Peer,
    private readonly events: WayEvents,
  ) {}

  /** Whether the other process takes something new. */
  get open(): boolean {
    return this.#state === 'open';
  }

  /** Whether the pipe is there: a process that leaves still takes what is for its connections. */
  get attached(): boolean {
    return this.#state === 'open' || this.#state === 'retired';
  }

  /** Whether it is over: nothing that is given to it arrives, and nobody hears of that. */
  get over(): boolean {
    return this.#state === 'closed';
  }

  /** Bytes that were given to this end and are not with the system yet. */
  get backlog(): number {
    return this.#pipe?.backlog ?? 0;
  }

  attach(stream: ByteStream, clock: Clock, hello: Hello, maxBodyBytes: number): void {
    if (this.#state === 'closed') {
      stream.destroy();
      return;
    }
    this.#pipe = new Pipe<Parcel>(stream, clock, this, maxBodyBytes, meshHabits);
    this.#pipe.start();
    this.#pipe.control(FrameKind.hello, 0, 0, 0, Buffer.from(JSON.stringify(hello)));
  }

  /** A numbered frame, see `FrameKind`; only while it is open. */
  send(
    kind: number,
    flags: number,
    aux: number,
    id: number,
    word: number,
    count: number,
    parts: readonly Part[],
    bytes: number,
    parcel: Parcel,
  ): void {
    this.#pipe!.messageParts(kind, flags, id, word, count, parts, bytes, parcel, aux);
  }

  /** Writes what has gathered, before the end of the turn. */
  flush(): void {
    this.#pipe?.flush();
  }

  /** A frame that nobody settles. */
  control(kind: number, flags: number, id: number): void {
    this.#pipe?.control(kind, flags, id);
  }

  /** The same with a body, which must not change any more; `count` is what the kind says. */
  tell(kind: number, flags: number, id: number, count: number, body: Buffer): void {
    this.#pipe?.tell(kind, flags, id, count, body);
  }

  /** A request of the owner of connections; see `FrameKind.request`. */
  request(id: number, number: number, body: Buffer): void {
    this.#pipe?.control(FrameKind.request, 0, id, number, body);
  }

  /** A numbered frame of the other process that was not settled at once. */
  settle(seq: number, how: Settlement): void {
    this.#pipe?.settle(seq, how);
  }

  /** Flushes what was sent, then ends. */
  finish(): void {
    if (this.#pipe === undefined) this.closed();
    else this.#pipe.finish();
  }

  // The pipe's events.

  frame(
    kind: number,
    flags: number,
    _aux: number,
    id: number,
    seq: number,
    _word: number,
    count: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    switch (kind) {
      case FrameKind.welcome:
        // Not before: the system still connects to a process that has just died, and what is sent there cannot have ended it.
        this.#state = 'open';
        this.events.opened(this);
        return;
      case FrameKind.reply:
        this.events.reply(this, id, flags, buffer, start, end);
        return;
      case FrameKind.response:
        this.events.response(this, seq, buffer, start, end);
        return;
      case FrameKind.result:
        if ((flags & MeshFlag.spooled) !== 0) {
          this.#resultInFile(id, seq, flags, buffer.toString('utf8', start, end));
          return;
        }
        this.#result(id, flags, buffer, start, end);
        this.#pipe!.settle(seq);
        return;
      case FrameKind.outcome: {
        const how = this.events.outcome(this, seq, flags, count, buffer, start, end);
        if (how !== undefined) this.#pipe!.settle(seq, how);
        return;
      }
      case FrameKind.ended:
      case FrameKind.failed:
      case FrameKind.held:
      case FrameKind.room:
        this.events.told(this, kind, flags, id, buffer, start, end);
        return;
      case FrameKind.sendFile:
        this.#pipe!.entry(seq)?.failed?.(
          fromWire(JSON.parse(buffer.toString('utf8', start, end)) as WireError),
        );
        return;
      case FrameKind.retire:
        if (this.#state === 'open') this.#state = 'retired';
        this.events.retired(this);
        return;
      case FrameKind.goodbye:
        this.blameless = true;
    }
  }

  #result(seq: number, flags: number, buffer: Buffer, start: number, end: number): void {
    const parcel = this.#parcelOf(seq, flags);
    if (parcel !== undefined) this.events.result(parcel, flags, buffer, start, end);
  }

  #resultInFile(task: number, seq: number, flags: number, name: string): void {
    const taken = (): void => {
      if (this.#state !== 'closed') this.#pipe!.settle(seq);
    };
    const parcel = this.#parcelOf(task, flags);
    if (parcel === undefined) taken();
    else this.events.resultInFile(parcel, flags, name, taken);
  }

  #parcelOf(seq: number, flags: number): Parcel | undefined {
    return (flags & MeshFlag.last) === 0 ? this.#pipe!.entry(seq) : this.#pipe!.settleEntry(seq);
  }

  settled(parcel: Parcel, how: Settlement): void {
    parcel.settled(how);
  }

  turn(): void {
    this.events.turn(this);
  }

  drained(): void {
    this.events.drained(this);
  }

  closed(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.events.closed(this, this.#pipe?.takeOutstanding() ?? []);
  }
}
