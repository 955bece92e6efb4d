import { ProcessError } from '../errors.js';
import { parseHello } from '../pipe/hello.js';
import { FrameFlag, FrameKind, PIPE_VERSION, type Hello, type Settlement } from '../pipe/messages.js';
import type { Part } from '../pipe/parts.js';
import { meshHabits } from './mesh-habits.js';
import { Pipe, type PipeEvents } from '../pipe/pipe.js';
import type { ByteStream, Clock, Timer } from '../platform/platform.js';

/** A result that the other process has not taken yet. */
export interface Owed {
  settled(how: Settlement): void;
}

/** What other processes want of this one. `flags` and bodies as in `FrameKind` and `MeshFlag`. */
export interface GuestEvents {
  message(
    guest: Guest,
    wantsReply: boolean,
    flags: number,
    sentAt: number,
    seq: number,
    number: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void;
  task(
    guest: Guest,
    flags: number,
    attempt: number,
    sentAt: number,
    seq: number,
    taskId: number,
    nameBytes: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void;
  /** Results of a task that a predecessor of this process has posted. */
  orphan(
    guest: Guest,
    flags: number,
    buffer: Buffer,
    start: number,
    end: number,
    /** To be called when they need not be kept by the other process any more. */
    taken: () => void,
  ): void;
  /** A poster of tasks introduces itself, or posts one; see `FrameKind.poster` and `enqueue`. */
  poster(guest: Guest, token: number): void;
  enqueue(
    guest: Guest,
    flags: number,
    seq: number,
    headBytes: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void;
  /** The queue gives a task, or wants to know which this process has; see `FrameKind.lease` and `recall`. */
  lease(guest: Guest, id: number, headBytes: number, buffer: Buffer, start: number, end: number): void;
  recall(guest: Guest, buffer: Buffer, start: number, end: number): void;
  /** What became of a task from the queue; see `FrameKind.outcome`. */
  outcome(flags: number, headBytes: number, buffer: Buffer, start: number, end: number): Settlement;
  /** For the client of a connection that this process owns. */
  send(guest: Guest, connectionId: number, buffer: Buffer, start: number, end: number): void;
  end(connectionId: number, reset: boolean): void;
  /** What it wants of connections that this process owns; see `FrameKind.order` and `request`. */
  order(guest: Guest, headBytes: number, buffer: Buffer, start: number, end: number): void;
  /** The answer to a request. */
  answer(buffer: Buffer, start: number, end: number): Buffer;
  /** A datagram from a socket that this process owns; see `FrameKind.sendTo`. */
  sendTo(guest: Guest, port: number, count: number, buffer: Buffer, start: number, end: number): void;
  /** A send that tells, a file, or the reading of a client's socket; see `FrameFlag.tells`, `FrameKind.sendFile` and `read`. */
  request(
    guest: Guest,
    kind: number,
    flags: number,
    connectionId: number,
    seq: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void;
  /** Everything that was given to it is with the system. */
  drained(guest: Guest): void;
  /** It is gone, and has not taken these results. */
  left(guest: Guest, owed: readonly Owed[]): void;
}

/** A peer that has not said hello by then is sent away, in ms. */
const HELLO_TIMEOUT_MS = 10_000;

/** Another process of the server, at the end of a pipe that it has opened. */
export class Guest implements PipeEvents<Owed> {
  readonly #pipe: Pipe<Owed>;
  #hello: Hello | undefined;
  #deadline: Timer | undefined;
  /** Bytes of results in files that it has not read. */
  inFiles = 0;
  #retires = false;

  constructor(
    stream: ByteStream,
    clock: Clock,
    maxBodyBytes: number,
    private readonly events: GuestEvents,
    private readonly onGone: (guest: Guest) => void,
  ) {
    this.#pipe = new Pipe<Owed>(stream, clock, this, maxBodyBytes, meshHabits);
    this.#deadline = clock.setTimer(HELLO_TIMEOUT_MS, () => stream.destroy());
    this.#pipe.start();
  }

  /** Who it is; known before it asks anything. */
  get hello(): Hello {
    return this.#hello!;
  }

  /** undefined until it has said who it is. */
  get incarnation(): number | undefined {
    return this.#hello?.incarnation;
  }

  get open(): boolean {
    return this.#pipe.open;
  }

  /** Bytes that were given to it and are not with the system yet. */
  get backlog(): number {
    return this.#pipe.backlog;
  }

  settle(seq: number, how: Settlement = 'handled'): void {
    this.#pipe.settle(seq, how);
  }

  /** Why number `seq` cannot be done, as `WireError`; its settlement follows. */
  fail(connectionId: number, seq: number, error: Buffer): void {
    this.#pipe.control(FrameKind.sendFile, 0, connectionId, seq, error);
  }

  get pid(): number {
    return this.#hello!.pid;
  }

  reply(number: number, flags: number, body: Part): void {
    const bytes =
      typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.length);
    this.#pipe.control(FrameKind.reply, flags, number, 0, bytes);
  }

  /** A result of the task that came as number `seq`. */
  result(seq: number, flags: number, body: Part, bytes: number, owed: Owed): void {
    this.#pipe.messageParts(FrameKind.result, flags, seq, 0, 0, [body], bytes, owed);
  }

  /** What became of a task from the queue. */
  outcome(flags: number, head: Buffer, body: Part, bytes: number, owed: Owed): void {
    const parts = [head, body];
    this.#pipe.messageParts(FrameKind.outcome, flags, 0, 0, head.length, parts, head.length + bytes, owed);
  }

  /** A frame that nobody settles. */
  tell(kind: number, flags: number, id: number, body?: Buffer): void {
    this.#pipe.control(kind, flags, id, 0, body);
  }

  /** It must look for somebody else from now on. */
  retire(): void {
    this.#retires = true;
    if (this.#hello !== undefined) this.#pipe.control(FrameKind.retire);
  }

  /** This process leaves as planned. */
  dismiss(): void {
    this.#pipe.control(FrameKind.goodbye);
    this.#pipe.finish();
  }

  // The pipe's events.

  frame(
    kind: number,
    flags: number,
    aux: number,
    id: number,
    seq: number,
    word: number,
    count: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    if (this.#hello === undefined) {
      this.#greet(kind, buffer, start, end);
      return;
    }
    switch (kind) {
      case FrameKind.post:
      case FrameKind.ask:
        this.events.message(this, kind === FrameKind.ask, flags, id, seq, word, buffer, start, end);
        return;
      case FrameKind.task:
        this.events.task(this, flags, aux, id, seq, word, count, buffer, start, end);
        return;
      case FrameKind.orphan:
        this.events.orphan(this, flags, buffer, start, end, () => this.settle(seq));
        return;
      case FrameKind.enqueue:
        this.events.enqueue(this, flags, seq, count, buffer, start, end);
        return;
      case FrameKind.lease:
        this.events.lease(this, id, count, buffer, start, end);
        return;
      case FrameKind.outcome:
        this.#pipe.settle(seq, this.events.outcome(flags, count, buffer, start, end));
        return;
      case FrameKind.recall:
        this.events.recall(this, buffer, start, end);
        return;
      case FrameKind.poster:
        this.events.poster(this, id);
        return;
      case FrameKind.sendFile:
      case FrameKind.read:
        this.events.request(this, kind, flags, id, seq, buffer, start, end);
        return;
      case FrameKind.send:
        if ((flags & FrameFlag.tells) !== 0) {
          this.events.request(this, kind, flags, id, seq, buffer, start, end);
          return;
        }
        this.events.send(this, id, buffer, start, end);
        this.#pipe.settle(seq);
        return;
      case FrameKind.order:
        this.events.order(this, count, buffer, start, end);
        this.#pipe.settle(seq);
        return;
      case FrameKind.request:
        this.#pipe.control(FrameKind.response, 0, id, seq, this.events.answer(buffer, start, end));
        return;
      case FrameKind.sendTo:
        this.events.sendTo(this, aux, count, buffer, start, end);
        this.#pipe.settle(seq);
        return;
      case FrameKind.end:
        this.events.end(id, (flags & FrameFlag.reset) !== 0);
    }
  }

  #greet(kind: number, buffer: Buffer, start: number, end: number): void {
    if (kind !== FrameKind.hello) throw new ProcessError('PIPE_BROKEN', 'a pipe did not begin with a hello');
    const hello = parseHello(buffer.toString('utf8', start, end));
    if (hello.version !== PIPE_VERSION) {
      this.#pipe.finish();
      return;
    }
    this.#deadline?.cancel();
    this.#hello = hello;
    this.#pipe.control(FrameKind.welcome);
    if (this.#retires) this.#pipe.control(FrameKind.retire);
  }

  settled(owed: Owed, how: Settlement): void {
    owed.settled(how);
  }

  turn(): void {
    this.#pipe.flush();
  }

  drained(): void {
    if (this.#hello !== undefined) this.events.drained(this);
  }

  closed(): void {
    this.#deadline?.cancel();
    this.onGone(this);
    if (this.#hello !== undefined) this.events.left(this, this.#pipe.takeOutstanding());
  }
}
