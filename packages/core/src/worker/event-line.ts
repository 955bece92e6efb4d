import type { HandlerError } from '../errors.js';
import type { BoundHandler } from '../events/bound-handler.js';
import type { Delivery } from '../events/event-table.js';
import type { Connection } from './connection.js';
import type { ConnectionObjects } from './connection-objects.js';
import type { ConnectionStream } from './connection-stream.js';
import type { ConversationHost, Hosted } from './conversation-host.js';
import type { ExclusiveJob, Job } from './job.js';
import { NO_PARTS, type Outgoing } from './outgoing.js';
import { PendingHandlers } from './pending-handlers.js';
import { streamHandler } from './pinning.js';
import type { ServedListener } from './served-listener.js';
import type { Sender } from './socket-owner.js';
import type { StreamConversation } from './stream-conversation.js';

/**
 * How far the end of a connection is, seen from here. `moved`: another worker
 * serves it, and what is sent from here goes there as from a stranger.
 */
export type Phase = 'open' | 'finishing' | 'finished' | 'closed' | 'moved';

/** The conversation whose events these are. */
export interface LinedConversation extends Hosted, Sender {
  readonly listener: ServedListener;
  readonly connection: Connection;
  readonly phase: Phase;
  readonly outgoing: Outgoing | undefined;
  /** It is served as a stream: packets go there. */
  readonly stream: StreamConversation | undefined;
  enter(phase: 'finished' | 'closed'): void;
  /** `connection.state`, if the handler of that label has changed it. */
  takeState(label: string): Buffer | undefined;
  /** `flush` is due at the end of the turn. */
  list(): void;
  finish(reset: boolean): boolean;
  abort(reason: Error): void;
  toDuplex(): ConnectionStream;
}

// Of lines in which nobody waits, which are nearly all. Nobody adds to it.
const NO_JOBS: Job[] = [];

/**
 * The events of one connection: starts them in order and settles each once.
 *
 *   connect or adopt ─▶ packet, packet, … ─▶ close
 *
 * An event waits until the one before has settled; only packets may overlap, as
 * far as the listener's `concurrency` allows. A synchronous handler costs no
 * queue and no promise: it runs where its packet is read.
 */
export class EventLine {
  #queue: Job[] = NO_JOBS;
  /** Packets whose handler is pending. */
  #running = 0;
  #pending: PendingHandlers | undefined;
  /** A connect, adopt or close whose handler runs or is pending: nothing else may start. */
  #exclusive: ExclusiveJob | undefined;
  /** Inside the synchronous part of a handler of this connection. */
  inside = false;
  /** Undefined before they are made, and where no event comes before the first packet. */
  #objects: ConnectionObjects | undefined;
  #receive: BoundHandler | undefined;

  constructor(
    private readonly conversation: LinedConversation,
    private readonly all: ConversationHost,
  ) {}

  /** Whether a handler of it runs or is pending. */
  get busy(): boolean {
    return this.#running > 0 || this.#exclusive !== undefined;
  }

  /** What a handler that is pending is called. */
  get runs(): string | undefined {
    return this.#running > 0 ? this.#receive?.label : this.#exclusive?.label;
  }

  /** The objects of the connection are there. */
  get opened(): boolean {
    return this.#objects !== undefined;
  }

  packet(seq: number, data: Buffer, attempt: number, answered: number, isolated: boolean): void {
    const waits = this.#queue.length > 0 || isolated || this.conversation.phase === 'finishing';
    if (!waits && this.#mayStartPacket()) this.#startPacket(seq, data, attempt, answered);
    else this.#enqueue({ kind: 'packet', seq, data, attempt, answered, isolated });
  }

  exclusive(kind: ExclusiveJob['kind'], seq: number, reason: string, isolated: boolean): void {
    this.#enqueue({ kind, seq, reason, isolated, label: '' });
  }

  /** From here on packets go to the stream, first of all those that wait. Says why it is closed, if that waits, too. */
  divert(): string | undefined {
    this.#receive = undefined;
    const close = this.#queue.find(({ kind }) => kind === 'close');
    this.advance();
    return close?.kind === 'close' ? close.reason : undefined;
  }

  /** The turn is over: the owner of the socket is told what pends. */
  tell(): void {
    this.#pending?.tell();
  }

  /** Gives back, in order, what has not been started: the owner of the socket has another worker for it. */
  giveBack(): void {
    if (this.conversation.stream !== undefined) return;
    const queue = this.#queue;
    this.#queue = NO_JOBS;
    for (const { kind, seq } of queue) {
      const over =
        kind === 'packet' && this.conversation.phase !== 'open' && this.conversation.phase !== 'finishing';
      this.conversation.owner.settle(this.conversation, seq, over ? 'discarded' : 'returned');
      this.all.isolation.leave(this.conversation, seq);
    }
  }

  /** Disposes the objects of the connection, if there are any. */
  dispose(): Promise<void> {
    return this.#bound.dispose(this.conversation.id);
  }

  /** Starts what may start. */
  advance(): void {
    while (this.#queue.length > 0) {
      const job = this.#queue[0]!;
      if (job.kind === 'packet') {
        if (this.conversation.stream !== undefined) {
          this.#queue.shift();
          this.conversation.stream.take(job.seq, job.data);
          continue;
        }
        // Until the end is on its way, a death of this worker leaves the connection as it was.
        if (this.conversation.phase === 'finishing') return;
        if (this.conversation.phase !== 'open') {
          this.#queue.shift();
          this.#discard(job.seq);
          continue;
        }
        if (!this.#mayStartPacket()) return;
        if (job.isolated && !this.all.isolation.enter(this.conversation, job.seq)) return;
        this.#queue.shift();
        this.#startPacket(job.seq, job.data, job.attempt, job.answered);
        continue;
      }
      if (this.#running > 0 || this.#exclusive !== undefined || !this.#mayStartExclusive()) return;
      if (job.isolated && !this.all.isolation.enter(this.conversation, job.seq)) return;
      this.#queue.shift();
      this.#startExclusive(job);
    }
    this.#queue = NO_JOBS;
  }

  /** The close of a pinned connection waits for its reader, and for nothing that concerns other workers. */
  #mayStartExclusive(): boolean {
    if (this.conversation.stream !== undefined) return !this.conversation.stream.holds;
    return this.all.mayStart(this.conversation) && this.#ownerKnows();
  }

  #enqueue(job: Job): void {
    if (this.#queue === NO_JOBS) this.#queue = [job];
    else this.#queue.push(job);
    this.advance();
  }

  #mayStartPacket(): boolean {
    return (
      this.#exclusive === undefined &&
      this.#running < this.conversation.listener.concurrency &&
      this.all.mayStart(this.conversation) &&
      this.#ownerKnows()
    );
  }

  #ownerKnows(): boolean {
    if (this.#pending === undefined || this.#pending.ownerKnows()) return true;
    this.all.stall(this.conversation);
    return false;
  }

  #startPacket(seq: number, data: Buffer, attempt: number, answered: number): void {
    const handler = this.#receive;
    if (handler === undefined || this.conversation.phase !== 'open') {
      if (this.conversation.stream === undefined) this.#discard(seq);
      else this.conversation.stream.take(seq, data);
      return;
    }
    const { id, connection } = this.conversation;
    const delivery: Delivery | undefined = handler.parameters >= 3 ? { attempt, answered } : undefined;
    this.#running++;
    this.inside = this.all.inside = true;
    const settled = this.all.invoker.call(handler, id, seq, packetSettled, this, connection, data, delivery);
    this.inside = this.all.inside = false;
    if (settled) {
      this.#running--;
      this.#settlePacket(seq, handler.label);
    } else {
      this.#pend(seq);
    }
  }

  packetSettled(seq: number, timeout: HandlerError | undefined): void {
    this.#running--;
    this.#unpend(seq);
    if (timeout === undefined) this.#settlePacket(seq, this.#receive?.label ?? 'onReceive');
    else this.#giveUp(seq, timeout);
    this.advance();
    this.all.isolation.step();
  }

  /**
   * A handler took too long, and may still run: with the next event beside it the
   * order of the connection would be gone, so the connection ends here.
   */
  #giveUp(seq: number, timeout: HandlerError): void {
    this.conversation.enter('finished');
    this.conversation.outgoing?.take();
    this.conversation.owner.giveUp(this.conversation, seq);
    this.all.isolation.leave(this.conversation, seq);
    this.conversation.abort(timeout);
  }

  /** Gives a packet up without handling it; others may have been waiting for it to run alone. */
  #discard(seq: number): void {
    this.conversation.owner.settle(this.conversation, seq, 'discarded');
    this.all.isolation.leave(this.conversation, seq);
  }

  #settlePacket(seq: number, label: string): void {
    this.all.countRequest();
    this.all.flushElsewhere(this.conversation.owner);
    this.#settle(seq, label);
  }

  /** With what was sent and written up to here: all of that, or nothing. */
  #settle(seq: number, label: string): void {
    const { conversation } = this;
    const state = conversation.takeState(label);
    const { owner, outgoing } = conversation;
    const bytes = outgoing === undefined ? 0 : outgoing.bytes;
    const ends = conversation.phase === 'finishing';
    if (bytes > 0 || state !== undefined || ends) {
      owner.answer(conversation, seq, bytes > 0 ? outgoing!.take() : NO_PARTS, bytes, state, ends);
      if (ends) conversation.enter('finished');
    } else {
      owner.settle(conversation, seq, 'handled');
    }
    this.all.isolation.leave(conversation, seq);
  }

  #startExclusive(job: ExclusiveJob): void {
    if (job.kind === 'close') this.conversation.enter('closed');
    const handler = job.kind === 'close' ? this.bindEvent('close') : this.#open(job.kind);
    if (handler === undefined) {
      this.#settleExclusive(job);
      return;
    }
    this.#exclusive = job;
    job.label = handler.label;
    this.inside = this.all.inside = true;
    const { id, connection } = this.conversation;
    const argument = job.kind === 'connect' ? undefined : job.reason;
    const settled = this.all.invoker.call(handler, id, job.seq, exclusiveSettled, this, connection, argument);
    this.inside = this.all.inside = false;
    if (settled) {
      this.#exclusive = undefined;
      this.#settleExclusive(job);
    } else {
      this.#pend(job.seq);
    }
  }

  exclusiveSettled(timeout: HandlerError | undefined): void {
    const job = this.#exclusive!;
    this.#exclusive = undefined;
    this.#unpend(job.seq);
    if (timeout === undefined || job.kind === 'close') this.#settleExclusive(job);
    else this.#giveUp(job.seq, timeout);
    this.advance();
    this.all.isolation.step();
  }

  #settleExclusive(job: ExclusiveJob): void {
    this.all.flushElsewhere(this.conversation.owner);
    if (job.kind === 'close') {
      this.conversation.outgoing?.take();
      this.#leave(job.seq);
    } else {
      this.#settle(job.seq, this.conversation.listener.handlers[job.kind]?.label ?? job.kind);
    }
  }

  /** A handler goes on after its call; unless it settles in this turn, the owner is told. */
  #pend(seq: number): void {
    this.all.pending++;
    this.waits(seq);
  }

  #unpend(seq: number): void {
    this.all.pending--;
    if (this.#pending?.delete(seq) === true) this.#pending.lag();
  }

  waits(seq: number): void {
    (this.#pending ??= new PendingHandlers(this.conversation.owner)).add(seq);
    this.conversation.list();
  }

  waitsNoMore(seq: number): void {
    this.#pending?.delete(seq);
  }

  /** The close is settled once the objects of the connection are disposed, so that a close ends everything. */
  #leave(seq: number): void {
    this.all.forget(this.conversation);
    const scoped = this.#objects?.any === true;
    const settle = (): void => {
      this.conversation.owner.settle(this.conversation, seq, 'handled');
      this.all.isolation.leave(this.conversation, seq);
    };
    if (scoped) void this.dispose().then(settle);
    else settle();
  }

  /** Makes the objects of the connection and finds its first handler; a connection whose objects cannot be made is reset. */
  #open(kind: 'connect' | 'adopt'): BoundHandler | undefined {
    try {
      const objects = (this.#objects = this.all.openObjects(this.conversation.connection));
      this.bindReceive();
      this.conversation.outgoing?.open();
      const { connection } = this.conversation.listener.handlers;
      if (connection !== undefined && kind === 'connect')
        return this.#openStream(objects.bind(connection, 0));
      const spec = this.conversation.listener.handlers[kind];
      return spec === undefined ? undefined : objects.bind(spec, this.conversation.listener.handlerTimeout);
    } catch (error) {
      this.all.invoker.report(`objects of connection ${this.conversation.id}`, kind, error);
      this.conversation.finish(true);
      return undefined;
    }
  }

  /** Settles when it has been called, not when it is done: a stream may be served as long as it lives. */
  #openStream(handler: BoundHandler): BoundHandler {
    return streamHandler(handler, this.conversation.toDuplex(), this.all.invoker);
  }

  /** Where there are no events but packets this is all that opens it. */
  bindReceive(): void {
    if (this.conversation.stream !== undefined) return;
    const { handlers, handlerTimeout } = this.conversation.listener;
    this.#receive = handlers.receive && this.#bound.bind(handlers.receive, handlerTimeout);
  }

  bindEvent(event: 'close' | 'drain' | 'bufferFull' | 'bufferEmpty'): BoundHandler | undefined {
    const { handlers, handlerTimeout } = this.conversation.listener;
    return this.#bound.bindSafely(handlers[event], handlerTimeout);
  }

  get #bound(): ConnectionObjects {
    return this.#objects ?? this.all.noObjects;
  }
}

// What the invoker calls is shared by all lines: a closure each would stay as long as its connection.

function packetSettled(line: EventLine, timeout: HandlerError | undefined, seq: number): void {
  line.packetSettled(seq, timeout);
}

function exclusiveSettled(line: EventLine, timeout: HandlerError | undefined): void {
  line.exclusiveSettled(timeout);
}
