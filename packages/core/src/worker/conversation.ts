/**
 * One connection in the worker that serves it: what the owner of its socket, the
 * application and the worker say meets here, and how far its end is.
 *
 *   owner of the socket ─▶ event line ─▶ handlers
 *                     ◀──── outgoing ◀── what they send
 *
 * What is behind it has one idea each: the events in order, what is sent, the
 * state; and once it is pinned the stream, which takes the place of the first two.
 */
import type { ConnectionActs } from '../directory/connection-acts.js';
import type { BoundHandler } from '../events/bound-handler.js';
import type { FileRequest, Introduction } from '../pipe/messages.js';
import type { Uid } from '../pipe/orders.js';
import { byteLength, type Part } from '../pipe/parts.js';
import { gone, promised } from '../pipe/receipt.js';
import { Connection, type ConnectionCore } from './connection.js';
import { ConnectionSignal, MOVED } from './connection-signal.js';
import type { ConnectionStream } from './connection-stream.js';
import type { ConversationHost } from './conversation-host.js';
import { ConversationState, stateMovedAway, stateNotKept } from './conversation-state.js';
import { EventLine, type LinedConversation, type Phase } from './event-line.js';
import { Outgoing, type SendingConversation } from './outgoing.js';
import type { Pinned } from './pinned-connections.js';
import { pinRefusal } from './pinning.js';
import type { ServedListener } from './served-listener.js';
import type { SocketOwner } from './socket-owner.js';
import { StreamConversation, type StreamedConversation } from './stream-conversation.js';

export class Conversation
  implements ConnectionCore, LinedConversation, SendingConversation, StreamedConversation
{
  readonly connection: Connection;
  /** Bytes that were sent and that the owner of the socket has not taken yet. */
  unacknowledged = 0;
  /** Whose it is, as far as this worker has heard. */
  uid: Uid | undefined;

  readonly #line: EventLine;
  outgoing: Outgoing | undefined;
  /** On the list of those that flush at the end of the turn. */
  #listed = false;
  phase: Phase = 'open';
  /** Its socket is closed, and the event that tells so may have to wait. */
  #gone = false;
  #signal: ConnectionSignal | undefined;
  #state: ConversationState | undefined;
  /** It is served as a stream: what comes goes there, and what is sent comes from there. */
  stream: StreamConversation | undefined;

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
    this.#line = new EventLine(this, all);
  }

  get acts(): ConnectionActs {
    return this.phase === 'moved' ? this.all.byId.acts : this.all.acts;
  }

  get closed(): boolean {
    return this.#gone || (this.phase !== 'open' && this.phase !== 'moved');
  }

  get signal(): AbortSignal {
    this.#signal ??= new ConnectionSignal(this.id);
    return this.#signal.signal;
  }

  /** What a handler of this connection that is pending is called. */
  get runs(): string | undefined {
    return this.#line.runs;
  }

  // What the owner of the socket says.

  /** The first event: the connection was opened, or comes from another worker. */
  begin(kind: 'connect' | 'adopt', seq: number, isolated: boolean): void {
    this.#line.exclusive(kind, seq, this.introduction.reason ?? 'workerLost', isolated);
  }

  /** The connection exists and has no events of its own; packets may follow. */
  beginSilently(): void {
    this.#line.bindReceive();
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
    this.#line.packet(seq, data, attempt, answered, isolated);
  }

  end(seq: number, reason: string, isolated: boolean): void {
    this.cancel();
    this.stream?.closed(reason);
    this.#line.exclusive('close', seq, reason, isolated);
  }

  /** Its socket is closed. What has come is still handled, for nobody. */
  cancel(): void {
    this.#gone = true;
    this.abort('nobody is at its other end any more');
  }

  /** So is that of every other: their owner is gone, and says nothing any more. */
  lose(): void {
    this.cancel();
    this.stream?.closed('the owner of its socket is gone');
  }

  /** The client of a pinned connection has finished sending, and everything was read. */
  inputEnded(): void {
    this.stream?.inputEnded();
  }

  /** Aborts the signal of its handlers, if that was not done before: an error, why the connection is closed, or that it has moved. */
  abort(reason: string | Error | typeof MOVED): void {
    this.#signal ??= new ConnectionSignal(this.id);
    this.#signal.abort(reason);
  }

  // What the application says.

  send(data: Part): boolean {
    const bytes = byteLength(data);
    if (this.closed) return false;
    if (this.phase === 'moved') return this.all.byId.send(this.id, data);
    if (bytes === 0) return true;
    if (this.stream !== undefined) return this.stream.send(data, bytes);
    return (this.outgoing ??= new Outgoing(this, this.all)).send(data, bytes);
  }

  sendWait(data: Part): Promise<void> {
    const bytes = byteLength(data);
    if (this.closed) return promised(gone(this.id));
    if (this.phase === 'moved') return this.all.byId.clients.sendWait(this.id, data);
    if (this.stream !== undefined) return promised(this.stream.sendWait(data, bytes));
    this.#sendGathered();
    const sent = this.owner.sendWait(this.id, data, bytes);
    if (!(sent instanceof Error)) this.all.invoker.sent(this.id, data, bytes);
    return promised(sent);
  }

  sendFile(request: FileRequest): Promise<void> {
    if (this.closed) return promised(gone(this.id));
    if (this.phase === 'moved') return this.all.byId.clients.sendFile(this.id, request);
    this.#sendGathered();
    return promised(this.owner.sendFile(this.id, request));
  }

  /** What has gathered leaves, in front of something that cannot gather. */
  #sendGathered(): void {
    this.flushParts();
    this.all.sentElsewhere(this.owner);
  }

  read(paused: boolean): boolean {
    if (this.phase === 'moved') return !this.closed && this.all.byId.clients.read(this.id, paused);
    return !this.closed && this.owner.read(this.id, paused);
  }

  gathers(): void {
    if (this.#line.inside) this.all.speaker = this;
    else this.list();
  }

  get pressed(): boolean {
    return this.outgoing?.pressed === true;
  }

  eased(): void {
    this.outgoing?.eased();
  }

  /** The owner of the socket says that its output is full, or is not any more. */
  marked(full: boolean): void {
    (this.outgoing ??= new Outgoing(this, this.all)).marked(full);
  }

  get opened(): boolean {
    return this.#line.opened;
  }

  get silent(): boolean {
    return this.closed || this.phase === 'moved';
  }

  overflow(): void {
    this.all.overflowed(this.id);
    this.phase = 'finished';
    this.outgoing?.take();
    this.owner.overflow(this.id);
    this.abort('more than socketBufferSize waited to be sent');
    this.advance();
  }

  finish(reset: boolean): boolean {
    if (this.phase === 'moved') return !this.closed && this.all.byId.close(this.id, reset);
    if (this.phase !== 'open' && !(reset && this.phase === 'finishing')) return false;
    if (this.stream !== undefined) {
      this.stream.finish(reset);
      return true;
    }
    this.all.invoker.ended(this.id, reset);
    if (reset) {
      this.phase = 'finished';
      this.outgoing?.take();
      this.owner.end(this.id, true);
      this.advance();
    } else {
      this.phase = 'finishing';
      if (this.isForeign(this.outgoing?.bytes ?? 0)) {
        this.flush();
        this.all.sentElsewhere(this.owner);
      } else if (!this.#line.inside) this.list();
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
  isForeign(gathered: number): boolean {
    if (this.#line.inside || gathered > 0) return false;
    if (this.all.inside) return true;
    return this.all.pending > 0 && !this.#line.busy;
  }

  readState(): unknown {
    if (!this.all.keepsState) throw stateNotKept();
    if (!this.#line.inside) this.list();
    this.#state ??= new ConversationState(undefined);
    return this.#state.read();
  }

  writeState(value: unknown): void {
    if (!this.all.keepsState) throw stateNotKept();
    if (this.phase === 'moved') throw stateMovedAway();
    if (!this.#line.inside) this.list();
    this.#state ??= new ConversationState(undefined);
    this.#state.write(value);
  }

  /** Pins the connection to this worker, once, and gives its stream. */
  toDuplex(): ConnectionStream {
    this.stream ??= this.#makeStream();
    return this.stream.stream;
  }

  #makeStream(): StreamConversation {
    const refusal = pinRefusal(this.listener, this.all.keepsState, this.phase === 'moved');
    if (refusal !== undefined) throw refusal;
    const stream = (this.stream = new StreamConversation(this, this.all));
    if (this.phase !== 'open') {
      stream.closed('server');
      return stream;
    }
    // What was sent before goes before what the stream is given.
    this.flushParts();
    this.owner.pin(this.id);
    this.all.pinned(stream);
    const reason = this.#line.divert();
    if (reason !== undefined) stream.closed(reason);
    return stream;
  }

  get pinned(): Pinned | undefined {
    return this.stream;
  }

  finishSending(): boolean {
    if (this.phase !== 'open') return false;
    this.phase = 'finished';
    return true;
  }

  // What the worker says.

  /** The turn is over: what has gathered goes out. A state waits for the handler that is changing it. */
  flush(): void {
    this.#listed = false;
    this.#line.tell();
    this.flushParts();
    if (this.#mayKeepState()) {
      const state = this.#changedState('connection.state');
      if (state !== undefined) this.owner.keepState(this, state);
    }
    if (this.phase === 'finishing') {
      this.phase = 'finished';
      this.owner.end(this.id, false);
      this.advance();
    }
  }

  #mayKeepState(): boolean {
    if (this.#state?.touched !== true || this.phase === 'moved') return false;
    return !this.#line.busy;
  }

  /** Hands on what was sent and has gathered, before its turn is over. */
  flushParts(): void {
    this.outgoing?.flush();
  }

  /** Gives back, in order, what has not been started: the owner of the socket has another worker for it. */
  giveBack(): void {
    this.#line.giveBack();
  }

  /** Another worker serves the connection from here on. One that was closed here stays so. */
  moveAway(): void {
    if (this.phase === 'finishing') this.flush();
    else this.flushParts();
    if (this.phase === 'open') this.phase = 'moved';
    this.abort(MOVED);
    // Made while the word of this was on its way: nothing would come to it, and nothing end it.
    this.stream?.closed('another worker serves it by now');
  }

  /**
   * This worker has left, and the owner of the socket hears nothing of it any
   * more. What ends with the worker is over; so is, from here, what a handler has
   * not finished, because another worker starts that again and answers it.
   */
  leave(): void {
    const goesOn = this.owner.outlives && this.stream === undefined && !this.#line.busy;
    if (goesOn && this.phase === 'open') this.phase = 'moved';
    else this.#gone = true;
  }

  /** Tells the application so. What that runs may use other connections, so all of them have left by then. */
  tellLeft(): void {
    this.abort(this.phase === 'moved' ? MOVED : 'its worker has left');
    if (this.owner.outlives) this.stream?.closed('its worker has left');
  }

  /** Disposes the objects of the connection, if there are any. */
  disposeScope(): Promise<void> {
    return this.#line.dispose();
  }

  advance(): void {
    this.#line.advance();
  }

  // What its parts ask.

  enter(phase: 'finished' | 'closed'): void {
    this.phase = phase;
  }

  bindEvent(event: 'drain' | 'bufferFull' | 'bufferEmpty'): BoundHandler | undefined {
    return this.#line.bindEvent(event);
  }

  waits(seq: number): void {
    this.#line.waits(seq);
  }

  waitsNoMore(seq: number): void {
    this.#line.waitsNoMore(seq);
  }

  takeState(label: string): Buffer | undefined {
    return this.#state?.touched === true ? this.#changedState(label) : undefined;
  }

  #changedState(label: string): Buffer | undefined {
    try {
      return this.#state?.takeChange();
    } catch (error) {
      this.all.invoker.report(label, 'connection.state', error);
      return undefined;
    }
  }

  list(): void {
    if (this.#listed) return;
    this.#listed = true;
    this.all.flushLater(this);
  }
}
