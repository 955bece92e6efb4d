/**
 * One connection in the worker that serves it: keeps its events in order and
 * settles each of them once.
 *
 *   connect or adopt ─▶ packet, packet, … ─▶ close
 *
 * An event waits until the one before has settled; only packets may overlap, as
 * far as the listener's `concurrency` allows. A synchronous handler costs no
 * queue and no promise: it runs where its packet is read.
 *
 * What a handler sends gathers here until its packet settles or the turn ends,
 * whichever comes first, and goes out in one frame.
 */
import type { ConnectionScope, HandlerSpec } from '../definition.js';
import { HandlerError } from '../errors.js';
import type { BoundHandler } from '../events/bound-handler.js';
import type { Delivery } from '../events/event-table.js';
import type { ListenerHandlers } from '../events/handler-table.js';
import type { Invoker } from '../events/invoke.js';
import type { ConnectionActs } from '../directory/connection-acts.js';
import type { Uid } from '../pipe/orders.js';
import { byteLength, type Part } from '../pipe/parts.js';
import type { FileRequest, Introduction } from '../pipe/messages.js';
import { gone, promised, refused } from '../pipe/receipt.js';
import type { Clock } from '../platform/platform.js';
import { Connection, type ConnectionCore } from './connection.js';
import { ConnectionSignal } from './connection-signal.js';
import { ConversationState } from './conversation-state.js';
import type { ConnectionStream } from './connection-stream.js';
import type { Isolation, Lonely } from './isolation.js';
import { Pin, type PinnedConversation } from './pin.js';
import { pinRefusal, streamHandler } from './pinning.js';
import { Pressure, type PressureHost } from './pressure.js';
import type { Sender, SocketOwner } from './socket-owner.js';

/** A listener as the worker serves it. */
export interface ServedListener {
  readonly name: string;
  readonly concurrency: number;
  /** ms; 0 is off. */
  readonly handlerTimeout: number;
  /** The kind of its framing. */
  readonly framing: string;
  /** Bytes of a stream that may be on their way to a client. */
  readonly streamWindow: number;
  readonly outputOverflow: 'close' | 'reject' | 'dropNewest';
  /** Bytes. */
  readonly bufferHighWatermark: number;
  readonly bufferLowWatermark: number;
  readonly handlers: ListenerHandlers;
}

/** What the connections of one worker share. */
export interface ConversationHost {
  readonly clock: Clock;
  readonly invoker: Invoker;
  readonly isolation: Isolation;
  /** Whether `connection.state` is kept: the dispatch mode is sticky. */
  readonly keepsState: boolean;
  /** Handlers of connections that are pending. */
  pending: number;
  /** The synchronous part of some handler is running. */
  inside: boolean;
  /** The connection that has last sent from inside its own handler. */
  speaker: Conversation | undefined;
  /** What is done with connections wherever they are. */
  readonly acts: ConnectionActs;
  bind(spec: HandlerSpec, scope: ConnectionScope | undefined, timeout: number): BoundHandler;
  openScope(conversation: Conversation): ConnectionScope | undefined;
  /** Whether a handler of that connection may start now; if not, `advance` is called when it may. */
  mayStart(starter: Lonely): boolean;
  /** It may start a handler once everything is with the system: `advance` is called then. */
  stall(conversation: Conversation): void;
  /** A packet has been settled by its handler. */
  countRequest(): void;
  /** Something was written to this owner that belongs to no settlement of a packet: it must be with the system before one. */
  sentElsewhere(owner: SocketOwner): void;
  /** Hands on what was sent elsewhere, so that a settlement to `owner` cannot overtake it. */
  flushElsewhere(owner: SocketOwner): void;
  /** Calls `flush` at the end of the turn. */
  flushLater(flusher: { flush(): void }): void;
  overflowed(conversation: Conversation): void;
  /** It is served by this worker alone from here on, to its end. */
  pinned(conversation: Conversation): void;
  /** Its stream is over: this worker has nothing more to do for it. */
  streamOver(conversation: Conversation): void;
  /** A send did not fit, and the connection lives on. */
  refused(reason: string): void;
  /** Calls it at the end of the turn. */
  later(run: () => void): void;
  /** Disposes the objects of a connection; the worker waits for that before it leaves. */
  dispose(id: number, scope: ConnectionScope): Promise<void>;
  forget(conversation: Conversation): void;
}

/** An event that nothing else of its connection may overlap. */
interface ExclusiveJob {
  readonly kind: 'connect' | 'adopt' | 'close';
  readonly seq: number;
  readonly reason: string;
  /** Start it only when nothing else runs in the worker. */
  readonly isolated: boolean;
}

type Job =
  | ExclusiveJob
  | {
      readonly kind: 'packet';
      readonly seq: number;
      readonly data: Buffer;
      readonly attempt: number;
      readonly answered: number;
      readonly isolated: boolean;
    };

// Of conversations that have nothing, which are nearly all. Nobody adds to these.
const NO_PARTS: Part[] = [];
const NO_JOBS: Job[] = [];

export class Conversation implements ConnectionCore, Sender, Lonely, PressureHost, PinnedConversation {
  readonly connection: Connection;
  /** Bytes that were sent and that the owner of the socket has not taken yet. */
  unacknowledged = 0;
  /** Whose it is, as far as this worker has heard. */
  uid: Uid | undefined;

  #queue: Job[] = NO_JOBS;
  /** Packets whose handler is pending. */
  #running = 0;
  /** Numbers whose handlers are pending and began in this turn. */
  #begun: number[] | undefined;
  /** The owner of the socket may take a handler for pending that has settled. */
  #ownerLags = false;
  /** A connect, adopt or close whose handler is pending: nothing else may start. */
  #exclusive: ExclusiveJob | undefined;
  #exclusiveLabel = '';
  /** Inside the synchronous part of a handler of this connection. */
  #inside = false;
  #parts: Part[] = NO_PARTS;
  #bytes = 0;
  /** On the list of those that flush at the end of the turn. */
  #listed = false;
  /** `moved`: another worker serves it, and what is sent from here goes there as from a stranger. */
  #phase: 'open' | 'finishing' | 'finished' | 'closed' | 'moved' = 'open';
  /** Its socket is closed, and the event that tells so may have to wait. */
  #gone = false;
  #signal: ConnectionSignal | undefined;
  #state: ConversationState | undefined;
  /** Once so much has waited for the client that anybody is to be told. */
  #pressure: Pressure | undefined;
  /** The objects of the connection are there. */
  #opened = false;
  #scope: ConnectionScope | undefined;
  #receive: BoundHandler | undefined;
  /** It is served as a stream: what comes goes there, and what is sent comes from there. */
  #pin: Pin | undefined;
  #drained = false;

  constructor(
    readonly id: number,
    readonly listener: ServedListener,
    readonly introduction: Introduction,
    readonly owner: SocketOwner,
    state: Buffer | undefined,
    private readonly all: ConversationHost,
  ) {
    this.connection = new Connection(this);
    if (state !== undefined) this.#state = new ConversationState(state);
    this.uid = introduction.uid;
  }

  get acts(): ConnectionActs {
    return this.all.acts;
  }

  get closed(): boolean {
    return this.#gone || (this.#phase !== 'open' && this.#phase !== 'moved');
  }

  get signal(): AbortSignal {
    this.#signal ??= new ConnectionSignal(this.id);
    return this.#signal.signal;
  }

  /** What a handler of this connection that is pending is called. */
  get runs(): string | undefined {
    if (this.#running > 0) return this.#receive?.label;
    return this.#exclusive === undefined ? undefined : this.#exclusiveLabel;
  }

  // What the owner of the socket says.

  /** The first event: the connection was opened, or comes from another worker. */
  begin(kind: 'connect' | 'adopt', seq: number, isolated: boolean): void {
    this.#enqueue({ kind, seq, reason: this.introduction.reason ?? 'workerLost', isolated });
  }

  /** The connection exists and has no events of its own; packets may follow. */
  beginSilently(): void {
    this.#bindReceive();
  }

  packet(
    seq: number,
    buffer: Buffer,
    start: number,
    end: number,
    attempt: number,
    answered: number,
    isolated: boolean,
  ): void {
    const data = start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end);
    if (this.#queue.length === 0 && !isolated && this.#phase !== 'finishing' && this.#mayStartPacket()) {
      this.#startPacket(seq, data, attempt, answered);
    } else {
      this.#enqueue({ kind: 'packet', seq, data, attempt, answered, isolated });
    }
  }

  end(seq: number, reason: string, isolated: boolean): void {
    this.cancel();
    this.#pin?.closed(reason);
    this.#enqueue({ kind: 'close', seq, reason, isolated });
  }

  /** Its socket is closed. What has come is still handled, for nobody. */
  cancel(): void {
    this.#gone = true;
    this.abort('nobody is at its other end any more');
  }

  /** The client of a pinned connection has finished sending, and everything was read. */
  inputEnded(): void {
    this.#pin?.inputEnded();
  }

  /** Aborts the signal of its handlers, if that was not done before: an error, or why the connection is closed. */
  abort(reason: string | Error): void {
    this.#signal ??= new ConnectionSignal(this.id);
    this.#signal.abort(reason);
  }

  // What the application says.

  send(data: Part): boolean {
    const bytes = byteLength(data);
    if (this.#phase === 'moved') return this.#sendAsStranger(data, bytes);
    if (this.closed) return false;
    if (bytes === 0) return true;
    if (this.#pin !== undefined) return this.#sendByStream(this.#pin.stream, data, bytes);
    if (!this.owner.admits(this, this.#bytes + bytes)) {
      if (this.listener.outputOverflow !== 'close') return this.#refuseSend();
      this.#overflow();
      return false;
    }
    this.all.invoker.sent(this.id, data, bytes);
    if (this.#isForeign()) {
      this.owner.send(this, [data], bytes);
      this.all.sentElsewhere(this.owner);
    } else {
      if (this.#parts === NO_PARTS) this.#parts = [data];
      else this.#parts.push(data);
      this.#bytes += bytes;
      if (this.#inside) this.all.speaker = this;
      else this.#list();
    }
    const waiting = this.unacknowledged + this.#bytes;
    // Where a connection has no events, nobody would hear that it may go on.
    if (waiting >= this.listener.bufferHighWatermark && this.all.keepsState) this.#marks.rise(waiting);
    return !this.#isFull;
  }

  /** It does not fit; of what is dropped silently the sender hears nothing. */
  #refuseSend(): boolean {
    const silent = this.listener.outputOverflow === 'dropNewest';
    this.all.refused(silent ? 'OUTPUT_DROPPED' : 'OUTPUT_REFUSED');
    return silent && !this.#isFull;
  }

  sendWait(data: Part): Promise<void> {
    const bytes = byteLength(data);
    if (this.closed) return promised(gone(this.id));
    if (this.#pin !== undefined) return promised(this.#waitForStream(this.#pin.stream, data, bytes));
    this.#sendGathered();
    const sent = this.owner.sendWait(this.id, data, bytes);
    if (!(sent instanceof Error)) this.all.invoker.sent(this.id, data, bytes);
    return promised(sent);
  }

  sendFile(request: FileRequest): Promise<void> {
    if (this.closed) return promised(gone(this.id));
    this.#sendGathered();
    return promised(this.owner.sendFile(this.id, request));
  }

  /** What has gathered leaves, in front of something that cannot gather. */
  #sendGathered(): void {
    this.flushParts();
    this.all.sentElsewhere(this.owner);
  }

  read(paused: boolean): boolean {
    return !this.closed && this.owner.read(this.id, paused);
  }

  // How much waits for the client.

  get #marks(): Pressure {
    const { bufferHighWatermark: high, bufferLowWatermark: low } = this.listener;
    if (this.#pressure === undefined) {
      this.#pressure = new Pressure(this.all.keepsState ? high : Infinity, low, this);
      if (this.#opened) this.#pressure.open();
    }
    return this.#pressure;
  }

  get #isFull(): boolean {
    return this.#pressure?.full === true;
  }

  get pressed(): boolean {
    return this.#pressure?.here === true;
  }

  eased(): void {
    this.#pressure?.fall(this.unacknowledged + this.#bytes);
  }

  /** The owner of the socket says that its output is full, or is not any more. */
  marked(full: boolean): void {
    this.#marks.set(full);
  }

  get silent(): boolean {
    return this.closed || this.#phase === 'moved';
  }

  bindMark(event: 'bufferFull' | 'bufferEmpty'): BoundHandler | undefined {
    return this.#bindSafely(this.listener.handlers[event]);
  }

  callMark(handler: BoundHandler): boolean {
    const settled = this.all.invoker.call(handler, this.id, 0, markSettled, this, this.connection);
    if (!settled) this.all.pending++;
    return settled;
  }

  markSettled(): void {
    this.all.pending--;
    this.#pressure?.told();
    this.all.isolation.step();
  }

  tellLater(): void {
    this.all.later(() => this.#pressure?.tell());
  }

  #overflow(): void {
    this.all.overflowed(this);
    this.#phase = 'finished';
    this.#takeParts();
    this.owner.overflow(this.id);
    this.abort('more than socketBufferSize waited to be sent');
    this.advance();
  }

  #sendAsStranger(data: Part, bytes: number): boolean {
    if (bytes === 0) return true;
    if (!this.owner.sendTo(this.id, data, bytes)) return false;
    this.all.sentElsewhere(this.owner);
    this.all.invoker.sent(this.id, data, bytes);
    return true;
  }

  finish(reset: boolean): boolean {
    if (this.#phase === 'moved') {
      this.all.invoker.ended(this.id, reset);
      this.owner.end(this.id, reset);
      return true;
    }
    if (this.#phase !== 'open' && !(reset && this.#phase === 'finishing')) return false;
    if (this.#pin !== undefined) {
      if (reset) this.#pin.stream.resetAndDestroy();
      else this.#pin.stream.destroySoon();
      return true;
    }
    this.all.invoker.ended(this.id, reset);
    if (reset) {
      this.#phase = 'finished';
      this.#takeParts();
      this.owner.end(this.id, true);
      this.advance();
    } else {
      this.#phase = 'finishing';
      if (this.#isForeign()) {
        this.flush();
        this.all.sentElsewhere(this.owner);
      } else if (!this.#inside) this.#list();
    }
    this.abort('it was closed here');
    return true;
  }

  /**
   * Whether this may come from a handler of another connection: the settlement of
   * that must not overtake it, so it is written at once. What only a timer can
   * have sent gathers, and so does what may come from a pending handler of this
   * connection, because nobody can tell the two apart.
   */
  #isForeign(): boolean {
    if (this.#inside || this.#bytes > 0) return false;
    if (this.all.inside) return true;
    return this.all.pending > 0 && this.#running === 0 && this.#exclusive === undefined;
  }

  readState(): unknown {
    this.#requireState();
    if (!this.#inside) this.#list();
    this.#state ??= new ConversationState(undefined);
    return this.#state.read();
  }

  writeState(value: unknown): void {
    this.#requireState();
    if (this.#phase === 'moved') throw movedAway();
    if (!this.#inside) this.#list();
    this.#state ??= new ConversationState(undefined);
    this.#state.write(value);
  }

  /** Pins the connection to this worker, once, and gives its stream. */
  toDuplex(): ConnectionStream {
    this.#pin ??= this.#makePin();
    return this.#pin.stream;
  }

  #makePin(): Pin {
    const refusal = pinRefusal(this.listener, this.all.keepsState, this.#phase === 'moved');
    if (refusal !== undefined) throw refusal;
    const pin = (this.#pin = new Pin(this, this.all.clock));
    if (this.#phase !== 'open') {
      pin.closed('server');
      return pin;
    }
    // What was sent before goes before what the stream is given.
    const bytes = this.#bytes;
    if (bytes > 0) this.owner.send(this, this.#takeParts(), bytes);
    this.#receive = undefined;
    this.owner.pin(this.id);
    this.all.pinned(this);
    const close = this.#queue.find(({ kind }) => kind === 'close');
    // What waits is for the stream, in order.
    this.advance();
    if (close?.kind === 'close') pin.closed(close.reason);
    return pin;
  }

  #sendByStream(stream: ConnectionStream, data: Part, bytes: number): boolean {
    if (!stream.writable) return false;
    if (!this.owner.admits(this, stream.writableLength + bytes)) {
      this.#overflow();
      stream.destroy();
      return false;
    }
    return stream.write(data);
  }

  #waitForStream(stream: ConnectionStream, data: Part, bytes: number): Promise<void> | Error {
    // A write after its end would fail the stream, which may still be read.
    if (!stream.writable) return gone(this.id);
    if (!this.owner.admits(this, stream.writableLength + bytes)) return refused(this.id);
    return new Promise<void>((resolve, reject) => {
      stream.write(data, (error) => (error ? reject(gone(this.id)) : resolve()));
    });
  }

  /** Unless it is taken in this turn, the owner is told: it may wait for as long as the connection lives. */
  chunkWaits(seq: number): void {
    (this.#begun ??= []).push(seq);
    this.#list();
  }

  chunkSettled(seq: number, how: 'handled' | 'discarded'): void {
    const begun = this.#begun?.indexOf(seq) ?? -1;
    if (begun >= 0) this.#begun!.splice(begun, 1);
    if (how === 'handled') {
      this.all.countRequest();
      this.all.flushElsewhere(this.owner);
    }
    this.all.invoker.taken(this.id, seq, how);
    this.owner.settle(this, seq, how);
    this.all.isolation.leave(this, seq);
  }

  chunkSent(chunk: Uint8Array): void {
    this.all.invoker.sent(this.id, chunk, chunk.length);
    this.all.sentElsewhere(this.owner);
  }

  streamLeft(open: boolean, resets: boolean): void {
    this.all.streamOver(this);
    if (open && this.#phase === 'open') {
      this.all.invoker.ended(this.id, resets);
      this.#phase = 'finished';
      this.owner.end(this.id, resets);
      this.abort('it was closed here');
    }
  }

  streamOverflowed(): void {
    if (this.#phase !== 'open') return;
    this.#overflow();
    this.#pin?.stream.destroy();
  }

  /** Its worker has to go: the application may say so to the client, once. */
  drain(): void {
    const spec = this.listener.handlers.drain;
    if (this.#drained || this.closed) return;
    this.#drained = true;
    const handler = this.#bindSafely(spec);
    if (handler === undefined) return;
    const outer = this.all.inside;
    this.all.inside = true;
    this.all.invoker.call(handler, this.id, 0, () => {}, undefined, this.connection);
    this.all.inside = outer;
  }

  /** Its time is over: flushes and ends. */
  endLate(): void {
    if (this.#phase === 'open' && !this.#gone) {
      this.all.invoker.ended(this.id, false);
      this.#phase = 'finished';
      this.owner.endLate(this.id);
    }
    this.#pin?.stream.destroy();
  }

  // What the worker says.

  /** The turn is over: what has gathered goes out. A state waits for the handler that is changing it. */
  flush(): void {
    this.#listed = false;
    if (this.#begun !== undefined) {
      for (const seq of this.#begun) this.owner.notePending(seq);
      this.#begun.length = 0;
    }
    this.flushParts();
    if (this.#mayKeepState()) {
      const state = this.#changedState('connection.state');
      if (state !== undefined) this.owner.keepState(this, state);
    }
    if (this.#phase === 'finishing') {
      this.#phase = 'finished';
      this.owner.end(this.id, false);
      this.advance();
    }
  }

  #mayKeepState(): boolean {
    if (this.#state?.touched !== true || this.#phase === 'moved') return false;
    return this.#running === 0 && this.#exclusive === undefined;
  }

  /** Hands on what was sent and has gathered, before its turn is over. */
  flushParts(): void {
    const bytes = this.#bytes;
    if (bytes > 0) this.owner.send(this, this.#takeParts(), bytes);
  }

  /** Gives back, in order, what has not been started: the owner of the socket has another worker for it. */
  giveBack(): void {
    if (this.#pin !== undefined) return;
    const queue = this.#queue;
    this.#queue = NO_JOBS;
    for (const { kind, seq } of queue) {
      const over = kind === 'packet' && this.#phase !== 'open' && this.#phase !== 'finishing';
      this.owner.settle(this, seq, over ? 'discarded' : 'returned');
      this.all.isolation.leave(this, seq);
    }
  }

  /** Another worker serves the connection from here on: its objects here are disposed. */
  async moveAway(): Promise<void> {
    this.flushParts();
    this.#phase = 'moved';
    // Made while the word of this was on its way: nothing would come to it, and nothing end it.
    this.#pin?.closed('another worker serves it by now');
    await this.disposeScope();
  }

  /** Disposes the objects of the connection, if there are any. */
  async disposeScope(): Promise<void> {
    const scope = this.#scope;
    this.#scope = undefined;
    if (scope !== undefined) await this.all.dispose(this.id, scope);
  }

  /** Starts what may start. */
  advance(): void {
    while (this.#queue.length > 0) {
      const job = this.#queue[0]!;
      if (job.kind === 'packet') {
        if (this.#pin !== undefined) {
          this.#queue.shift();
          this.#pin.take(job.seq, job.data);
          continue;
        }
        // Until the end is on its way, a death of this worker leaves the connection as it was.
        if (this.#phase === 'finishing') return;
        if (this.#phase !== 'open') {
          this.#queue.shift();
          this.#discard(job.seq);
          continue;
        }
        if (!this.#mayStartPacket()) return;
        if (job.isolated && !this.all.isolation.enter(this, job.seq)) return;
        this.#queue.shift();
        this.#startPacket(job.seq, job.data, job.attempt, job.answered);
        continue;
      }
      if (this.#running > 0 || this.#exclusive !== undefined || !this.#mayStartExclusive()) return;
      if (job.isolated && !this.all.isolation.enter(this, job.seq)) return;
      this.#queue.shift();
      this.#startExclusive(job);
    }
    this.#queue = NO_JOBS;
  }

  /** The close of a pinned connection waits for its reader, and for nothing that concerns other workers. */
  #mayStartExclusive(): boolean {
    if (this.#pin !== undefined) return !this.#pin.holds;
    return this.all.mayStart(this) && this.#ownerKnows();
  }

  #enqueue(job: Job): void {
    if (this.#queue === NO_JOBS) this.#queue = [job];
    else this.#queue.push(job);
    this.advance();
  }

  #mayStartPacket(): boolean {
    return (
      this.#exclusive === undefined &&
      this.#running < this.listener.concurrency &&
      this.all.mayStart(this) &&
      this.#ownerKnows()
    );
  }

  /**
   * The owner of the socket takes what is behind a pending handler for not
   * started, and if this worker is lost it is no second attempt. So the owner
   * must be able to hear that the handler has settled before the next one starts.
   */
  #ownerKnows(): boolean {
    if (!this.#ownerLags) return true;
    this.owner.flush();
    if (!this.owner.flushed) {
      this.all.stall(this);
      return false;
    }
    this.#ownerLags = false;
    return true;
  }

  #startPacket(seq: number, data: Buffer, attempt: number, answered: number): void {
    const handler = this.#receive;
    if (handler === undefined || this.#phase !== 'open') {
      if (this.#pin === undefined) this.#discard(seq);
      else this.#pin.take(seq, data);
      return;
    }
    const delivery: Delivery | undefined = handler.parameters >= 3 ? { attempt, answered } : undefined;
    this.#running++;
    this.#inside = this.all.inside = true;
    const settled = this.all.invoker.call(
      handler,
      this.id,
      seq,
      packetSettled,
      this,
      this.connection,
      data,
      delivery,
    );
    this.#inside = this.all.inside = false;
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
    this.#phase = 'finished';
    this.#takeParts();
    this.owner.giveUp(this, seq);
    this.all.isolation.leave(this, seq);
    this.abort(timeout);
  }

  /** Gives a packet up without handling it; others may have been waiting for it to run alone. */
  #discard(seq: number): void {
    this.owner.settle(this, seq, 'discarded');
    this.all.isolation.leave(this, seq);
  }

  #settlePacket(seq: number, label: string): void {
    this.all.countRequest();
    this.all.flushElsewhere(this.owner);
    const state = this.#state?.touched === true ? this.#changedState(label) : undefined;
    const bytes = this.#bytes;
    const ends = this.#phase === 'finishing';
    if (bytes > 0 || state !== undefined || ends) {
      this.owner.answer(this, seq, bytes > 0 ? this.#takeParts() : NO_PARTS, bytes, state, ends);
      if (ends) this.#phase = 'finished';
    } else {
      this.owner.settle(this, seq, 'handled');
    }
    this.all.isolation.leave(this, seq);
  }

  #startExclusive(job: ExclusiveJob): void {
    if (job.kind === 'close') this.#phase = 'closed';
    const handler =
      job.kind === 'close' ? this.#bindSafely(this.listener.handlers.close) : this.#open(job.kind);
    if (handler === undefined) {
      this.#settleExclusive(job);
      return;
    }
    this.#exclusive = job;
    this.#exclusiveLabel = handler.label;
    this.#inside = this.all.inside = true;
    const argument = job.kind === 'connect' ? undefined : job.reason;
    const settled = this.all.invoker.call(
      handler,
      this.id,
      job.seq,
      exclusiveSettled,
      this,
      this.connection,
      argument,
    );
    this.#inside = this.all.inside = false;
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
    this.all.flushElsewhere(this.owner);
    if (job.kind === 'close') {
      this.#takeParts();
      this.#leave(job.seq);
      return;
    }
    const state =
      this.#state?.touched === true
        ? this.#changedState(this.listener.handlers[job.kind]?.label ?? job.kind)
        : undefined;
    const bytes = this.#bytes;
    const ends = this.#isFinishing();
    if (bytes > 0 || state !== undefined || ends) {
      this.owner.answer(this, job.seq, this.#takeParts(), bytes, state, ends);
      if (ends) this.#phase = 'finished';
    } else {
      this.owner.settle(this, job.seq, 'handled');
    }
    this.all.isolation.leave(this, job.seq);
  }

  /** A handler goes on after its call; unless it settles in this turn, the owner is told. */
  #pend(seq: number): void {
    this.all.pending++;
    (this.#begun ??= []).push(seq);
    this.#list();
  }

  #unpend(seq: number): void {
    this.all.pending--;
    const index = this.#begun?.indexOf(seq) ?? -1;
    if (index >= 0) this.#begun!.splice(index, 1);
    else this.#ownerLags = this.owner.outlives;
  }

  /** The close is settled once the objects of the connection are disposed, so that a close ends everything. */
  #leave(seq: number): void {
    this.all.forget(this);
    const scoped = this.#scope !== undefined;
    const settle = (): void => {
      this.owner.settle(this, seq, 'handled');
      this.all.isolation.leave(this, seq);
    };
    if (scoped) void this.disposeScope().then(settle);
    else settle();
  }

  /** Makes the objects of the connection and finds its first handler; a connection whose objects cannot be made is reset. */
  #open(kind: 'connect' | 'adopt'): BoundHandler | undefined {
    try {
      this.#scope = this.all.openScope(this);
      this.#bindReceive();
      this.#opened = true;
      this.#pressure?.open();
      const { connection } = this.listener.handlers;
      if (connection !== undefined && kind === 'connect') return this.#openStream(connection);
      const spec = this.listener.handlers[kind];
      return spec === undefined ? undefined : this.all.bind(spec, this.#scope, this.listener.handlerTimeout);
    } catch (error) {
      this.all.invoker.report(`objects of connection ${this.id}`, kind, error);
      this.finish(true);
      return undefined;
    }
  }

  /** Settles when it has been called, not when it is done: a stream may be served as long as it lives. */
  #openStream(spec: HandlerSpec): BoundHandler {
    const handler = this.all.bind(spec, this.#scope, 0);
    return streamHandler(handler, this.toDuplex(), this.all.invoker);
  }

  #bindReceive(): void {
    const { receive } = this.listener.handlers;
    if (this.#pin !== undefined) return;
    this.#receive =
      receive === undefined ? undefined : this.all.bind(receive, this.#scope, this.listener.handlerTimeout);
  }

  #bindSafely(spec: ServedListener['handlers']['close']): BoundHandler | undefined {
    if (spec === undefined) return undefined;
    try {
      return this.all.bind(spec, this.#scope, this.listener.handlerTimeout);
    } catch (error) {
      this.all.invoker.report(spec.label, spec.event, error);
      return undefined;
    }
  }

  #changedState(label: string): Buffer | undefined {
    try {
      return this.#state?.takeChange();
    } catch (error) {
      this.all.invoker.report(label, 'connection.state', error);
      return undefined;
    }
  }

  #requireState(): void {
    if (this.all.keepsState) return;
    throw new HandlerError(
      'STATE_NOT_KEPT',
      "connection.state needs a dispatch mode that serves a connection in one worker, such as 'fixed'",
    );
  }

  // A method, because a check of the field would narrow it across calls that change it.
  #isFinishing(): boolean {
    return this.#phase === 'finishing';
  }

  #list(): void {
    if (this.#listed) return;
    this.#listed = true;
    this.all.flushLater(this);
  }

  #takeParts(): readonly Part[] {
    const parts = this.#parts;
    this.#parts = NO_PARTS;
    this.#bytes = 0;
    return parts;
  }
}

// What the invoker calls is shared by all conversations: a closure each would stay as long as its connection.

function packetSettled(conversation: Conversation, timeout: HandlerError | undefined, seq: number): void {
  conversation.packetSettled(seq, timeout);
}

function exclusiveSettled(conversation: Conversation, timeout: HandlerError | undefined): void {
  conversation.exclusiveSettled(timeout);
}

function markSettled(conversation: Conversation): void {
  conversation.markSettled();
}

function movedAway(): HandlerError {
  return new HandlerError(
    'STATE_NOT_KEPT',
    'connection.state cannot be written here any more: another worker serves the connection',
  );
}
