import { LARGEST_DATAGRAM, largestPacket, largestSend, streamListener } from '../config/limits.js';
import type { Settings } from '../config/load.js';
import type { ConnectionOwner } from '../directory/connection-directory.js';
import type { DatagramTarget } from '../config/datagram-target.js';
import { fromWire, ProcessError, type WireError } from '../errors.js';
import { addressBytesOf, addressWord, numberOf } from '../pipe/datagram-head.js';
import { MAX_BODY_BYTES } from '../pipe/frame.js';
import { requestId, type OrderFrame, type Request, type Uid } from '../pipe/orders.js';
import type { Part } from '../pipe/parts.js';
import { ownerGone, PendingRequests } from '../pipe/requests.js';
import {
  DATAGRAM_LANE,
  FrameFlag,
  FrameKind,
  PIPE_VERSION,
  type FileRequest,
  type Hello,
  type Introduction,
  type Settlement,
} from '../pipe/messages.js';
import { Pipe, type PipeEvents } from '../pipe/pipe.js';
import { gone, Receipt, refused } from '../pipe/receipt.js';
import type { ByteStream, Clock } from '../platform/platform.js';
import type { Conversation } from './conversation.js';
import type { Arrival } from './datagrams.js';
import type { Sender, Settler, SocketOwner } from './socket-owner.js';

/** What a send costs beside its bytes while it waits: its header and the bookkeeping. */
export const SEND_OVERHEAD_BYTES = 128;

/** Bytes that were sent and not taken yet; several answers to one connection may share it. */
interface Charge {
  readonly sender: Settler | undefined;
  bytes: number;
  /** Of whoever waits for word of it. */
  readonly receipt: Receipt | undefined;
}

/** Where a reactor's events go; the worker's side of `Conversations`. */
export interface LinkEvents {
  open(
    kind: 'connect' | 'adopt' | 'introduce',
    id: number,
    seq: number,
    introduction: Introduction,
    state: Buffer | undefined,
    owner: SocketOwner,
    isolated?: boolean,
  ): void;
  find(id: number): Conversation | undefined;
  datagram(owner: SocketOwner, seq: number, arrival: Arrival): void;
  forget(id: number): void;
  /** The connection is that of `uid` from here on. */
  bound(id: number, uid: Uid): void;
  /** That owner gives no further events: what has not been started goes back to it. */
  ownerRetired(owner: SocketOwner): void;
  /** Handlers may start again, or an announcement has been flushed. */
  relieved(): void;
  lost(error: Error | undefined): void;
}

/** A reactor, at the other end of a pipe. */
export class ReactorLink implements SocketOwner, ConnectionOwner, PipeEvents<Charge> {
  readonly outlives = true;
  readonly #pipe: Pipe<Charge>;
  readonly #requests: PendingRequests;
  readonly #largestSend: number;
  /** Who waits for the reactor's word: `welcome`, later `serving`. */
  #answer: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #retired = false;
  #lastAnswer: Charge | undefined;
  #total = 0;
  #congested = false;
  #leaving = false;

  constructor(
    stream: ByteStream,
    clock: Clock,
    private readonly settings: Settings,
    private readonly events: LinkEvents,
  ) {
    this.#largestSend = largestSend(settings);
    this.#requests = new PendingRequests(clock);
    this.#pipe = new Pipe<Charge>(stream, clock, this, largestPacket(settings) + MAX_BODY_BYTES);
  }

  /** Says who this is; resolves when the reactor agrees. */
  async greet(hello: Omit<Hello, 'version'>): Promise<void> {
    const welcome = new Promise<void>((resolve, reject) => (this.#answer = { resolve, reject }));
    this.#pipe.start();
    const text = JSON.stringify({ version: PIPE_VERSION, ...hello } satisfies Hello);
    this.#pipe.control(FrameKind.hello, 0, 0, 0, Buffer.from(text));
    this.#pipe.flush();
    await welcome;
  }

  /** Takes the place of this worker's id; resolves when the reactor says so. */
  async ready(): Promise<void> {
    const serving = new Promise<void>((resolve, reject) => (this.#answer = { resolve, reject }));
    this.#pipe.control(FrameKind.ready);
    this.#pipe.flush();
    await serving;
  }

  /** Says that the end of this process is planned, and closes. */
  leave(unstarted: boolean): void {
    this.#leaving = true;
    this.#pipe.control(FrameKind.goodbye, unstarted ? FrameFlag.unstarted : 0);
    this.#pipe.finish();
  }

  // What conversations ask.

  flush(): void {
    this.#pipe.flush();
  }

  get congested(): boolean {
    return this.#congested;
  }

  get retired(): boolean {
    return this.#retired;
  }

  get flushed(): boolean {
    return !this.#pipe.open || this.#pipe.backlog === 0;
  }

  admits(sender: Sender, bytes: number): boolean {
    const { socketBufferSize, packageMaxLength } = streamListener(
      this.settings,
      sender.introduction.listener,
    );
    const waiting = sender.unacknowledged;
    if (waiting + bytes > socketBufferSize && (waiting > 0 || bytes > packageMaxLength)) return false;
    return this.#total + bytes <= this.settings.reactorMemoryLimit;
  }

  settle(sender: Settler, seq: number, how: Settlement): void {
    // A settlement must not overtake a large send of its connection.
    if (how === 'handled' && this.#pipe.holds(sender.id)) this.answer(sender, seq, [], 0, undefined, false);
    else this.#pipe.settle(seq, how);
  }

  answer(
    sender: Settler,
    seq: number,
    parts: readonly Part[],
    bytes: number,
    state: Buffer | undefined,
    ends: boolean,
  ): void {
    this.#charge(sender, bytes);
    const { id } = sender;
    const last = this.#lastAnswer;
    if (
      state === undefined &&
      !ends &&
      last?.sender === sender &&
      this.#pipe.extend(FrameKind.answer, id, seq, parts, bytes)
    ) {
      last.bytes += bytes;
      return;
    }
    const charge: Charge = { sender, bytes, receipt: undefined };
    const flags = ends ? FrameFlag.ends : 0;
    if (state === undefined) {
      this.#pipe.messageParts(FrameKind.answer, flags, id, seq, 1, parts, bytes, charge);
      this.#lastAnswer = charge;
    } else {
      const length = Buffer.allocUnsafe(4);
      length.writeUInt32LE(state.length);
      const all = [length, state, ...parts];
      this.#pipe.messageParts(
        FrameKind.answer,
        flags | FrameFlag.state,
        id,
        seq,
        1,
        all,
        4 + state.length + bytes,
        charge,
      );
    }
    this.#watchBacklog();
  }

  send(sender: Sender, parts: readonly Part[], bytes: number): void {
    this.#charge(sender, bytes);
    this.#pipe.messageParts(FrameKind.send, 0, sender.id, 0, 0, parts, bytes, {
      sender,
      bytes,
      receipt: undefined,
    });
    this.#watchBacklog();
  }

  sendTo(connectionId: number, data: Part, bytes: number): boolean {
    const cost = bytes + SEND_OVERHEAD_BYTES;
    if (!this.#pipe.open || bytes > this.#largestSend) return false;
    if (this.#total + cost > this.settings.reactorMemoryLimit) return false;
    this.#total += cost;
    this.#pipe.messageParts(FrameKind.send, 0, connectionId, 0, 0, [data], bytes, {
      sender: undefined,
      bytes: cost,
      receipt: undefined,
    });
    this.#watchBacklog();
    return true;
  }

  order({ id, headBytes, parts, bytes }: OrderFrame): boolean {
    const cost = bytes + SEND_OVERHEAD_BYTES;
    if (!this.#pipe.open || bytes - headBytes > this.#largestSend) return false;
    if (this.#total + cost > this.settings.reactorMemoryLimit) return false;
    this.#total += cost;
    const charge = { sender: undefined, bytes: cost, receipt: undefined };
    this.#pipe.messageParts(FrameKind.order, 0, id, 0, headBytes, parts, bytes, charge);
    this.#watchBacklog();
    return true;
  }

  async request(request: Request): Promise<unknown> {
    if (!this.#pipe.open) throw ownerGone();
    const body = Buffer.from(JSON.stringify(request));
    return this.#requests.ask(request, this, (number) => {
      this.#pipe.control(FrameKind.request, 0, requestId(request), number, body);
      return true;
    });
  }

  reserveDatagram(bytes: number): boolean {
    const cost = bytes + SEND_OVERHEAD_BYTES;
    if (bytes > LARGEST_DATAGRAM || this.#total + cost > this.settings.reactorMemoryLimit) return false;
    this.#total += cost;
    return true;
  }

  sendDatagram(
    { listener, address, port }: DatagramTarget,
    data: Part,
    bytes: number,
    seq: number | undefined,
    settles: boolean,
  ): void {
    const addressBytes = Buffer.byteLength(address);
    this.#pipe.messageParts(
      FrameKind.sendTo,
      seq === undefined ? 0 : settles ? FrameFlag.replies | FrameFlag.settles : FrameFlag.replies,
      DATAGRAM_LANE,
      seq ?? 0,
      addressWord(addressBytes, listener),
      [address, data],
      addressBytes + bytes,
      { sender: undefined, bytes: bytes + SEND_OVERHEAD_BYTES, receipt: undefined },
      port,
    );
    this.#watchBacklog();
  }

  sendWait(connectionId: number, data: Part, bytes: number): Promise<void> | Error {
    if (bytes > this.#largestSend) return refused(connectionId);
    return this.#request(FrameKind.send, FrameFlag.tells, connectionId, data, bytes);
  }

  sendFile(connectionId: number, request: FileRequest): Promise<void> | Error {
    const body = JSON.stringify(request);
    return this.#request(FrameKind.sendFile, 0, connectionId, body, Buffer.byteLength(body));
  }

  /** It counts for nobody's own bound: the reactor may take it at once, and settles it late. */
  #request(
    kind: number,
    flags: number,
    connectionId: number,
    body: Part,
    bytes: number,
  ): Promise<void> | Error {
    const cost = bytes + SEND_OVERHEAD_BYTES;
    if (!this.#pipe.open) return gone(connectionId);
    if (this.#total + cost > this.settings.reactorMemoryLimit) return refused(connectionId);
    this.#total += cost;
    const receipt = new Receipt(connectionId);
    const charge: Charge = { sender: undefined, bytes: cost, receipt };
    this.#pipe.messageParts(kind, flags, connectionId, 0, 0, [body], bytes, charge);
    this.#watchBacklog();
    return receipt.promise;
  }

  read(connectionId: number, paused: boolean): boolean {
    this.#pipe.control(FrameKind.read, paused ? FrameFlag.pause : 0, connectionId);
    return true;
  }

  end(connectionId: number, reset: boolean): void {
    this.#pipe.control(FrameKind.end, reset ? FrameFlag.reset : 0, connectionId);
  }

  pin(connectionId: number): void {
    this.#pipe.control(FrameKind.pin, 0, connectionId);
  }

  /** The reactor settles what comes on a pinned connection when its client has taken it. */
  write(sender: Sender, parts: readonly Part[], bytes: number): void {
    this.send(sender, parts, bytes);
  }

  endOutput(connectionId: number): void {
    this.#pipe.control(FrameKind.end, FrameFlag.output, connectionId);
  }

  endLate(connectionId: number): void {
    this.#pipe.control(FrameKind.end, FrameFlag.late, connectionId);
  }

  giveUp(sender: Settler, seq: number): void {
    this.#pipe.control(FrameKind.end, FrameFlag.reset | FrameFlag.timedOut, sender.id, seq);
  }

  overflow(connectionId: number): void {
    this.#pipe.control(FrameKind.end, FrameFlag.reset | FrameFlag.overflow, connectionId);
  }

  keepState(sender: Sender, state: Buffer): void {
    this.#pipe.control(FrameKind.state, 0, sender.id, 0, state);
  }

  notePending(seq: number): void {
    this.#pipe.control(FrameKind.pending, 0, 0, seq);
  }

  announceAlone(seq: number | undefined): void {
    this.#pipe.control(FrameKind.alone, seq === undefined ? 0 : FrameFlag.mine, 0, seq);
    this.#pipe.flush();
  }

  announceAloneOver(): void {
    this.#pipe.control(FrameKind.aloneOver);
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
    const isolated = (flags & FrameFlag.isolated) !== 0;
    switch (kind) {
      case FrameKind.packet: {
        const conversation = this.events.find(id);
        if (conversation === undefined) this.#pipe.settle(seq, 'discarded');
        else conversation.packet(seq, buffer, start, end, aux, word, isolated);
        return;
      }
      case FrameKind.datagram: {
        const from = start + addressBytesOf(count);
        this.events.datagram(this, seq, {
          listener: word >>> 16,
          address: buffer.toString('utf8', start, from),
          port: word & 0xffff,
          arrivedAt: id,
          data: buffer.subarray(from, end),
          attempt: aux,
          answered: numberOf(count),
          isolated,
        });
        return;
      }
      case FrameKind.connect:
        this.events.open(
          'connect',
          id,
          seq,
          parseIntroduction(buffer, start, end),
          undefined,
          this,
          isolated,
        );
        return;
      case FrameKind.adopt: {
        const state = end > start + word ? Buffer.from(buffer.subarray(start + word, end)) : undefined;
        this.events.open(
          'adopt',
          id,
          seq,
          parseIntroduction(buffer, start, start + word),
          state,
          this,
          isolated,
        );
        return;
      }
      case FrameKind.introduce:
        this.events.open('introduce', id, 0, parseIntroduction(buffer, start, end), undefined, this);
        return;
      case FrameKind.close: {
        const conversation = this.events.find(id);
        if (conversation === undefined) this.#pipe.settle(seq);
        else conversation.end(seq, buffer.toString('utf8', start, end), isolated);
        return;
      }
      case FrameKind.bufferFull:
      case FrameKind.bufferEmpty:
        this.events.find(id)?.marked(kind === FrameKind.bufferFull);
        return;
      case FrameKind.sendFile: {
        const error = fromWire(JSON.parse(buffer.toString('utf8', start, end)) as WireError);
        this.#pipe.entry(seq)?.receipt?.failed(error);
        return;
      }
      case FrameKind.cancel:
        this.events.find(id)?.cancel();
        return;
      case FrameKind.inputEnded:
        this.events.find(id)?.inputEnded();
        return;
      case FrameKind.forget:
        this.events.forget(id);
        return;
      case FrameKind.response:
        if ((flags & FrameFlag.unasked) === 0) this.#requests.answered(seq, buffer, start, end);
        else this.events.bound(id, JSON.parse(buffer.toString('utf8', start, end)) as Uid);
        return;
      case FrameKind.welcome:
      case FrameKind.serving:
        this.#answer?.resolve();
        return;
      case FrameKind.retire:
        this.#retired = true;
        this.events.ownerRetired(this);
        return;
      case FrameKind.refused: {
        const reason = buffer.toString('utf8', start, end);
        this.#answer?.reject(new ProcessError('PIPE_REFUSED', `a reactor refused this worker: ${reason}`));
      }
    }
  }

  settled({ sender, bytes, receipt }: Charge, how: Settlement): void {
    this.#total -= bytes;
    if (sender !== undefined) {
      sender.unacknowledged -= bytes;
      if (sender.pressed) sender.eased();
    }
    receipt?.settled(how);
  }

  turn(): void {
    this.#lastAnswer = undefined;
    this.#pipe.flush();
  }

  drained(): void {
    this.#congested = false;
    this.events.relieved();
  }

  closed(error: Error | undefined): void {
    this.#requests.lost(this);
    this.#answer?.reject(error ?? new ProcessError('PIPE_BROKEN', 'a reactor closed the pipe'));
    for (const { receipt } of this.#pipe.takeOutstanding()) receipt?.settled('discarded');
    if (!this.#leaving) this.events.lost(error);
  }

  #charge(sender: Settler, bytes: number): void {
    sender.unacknowledged += bytes;
    this.#total += bytes;
  }

  /** Above the window no further handler starts until the pipe has drained. */
  #watchBacklog(): void {
    if (!this.#congested && this.#pipe.backlog > this.settings.pipeWindow) this.#congested = true;
  }
}

function parseIntroduction(buffer: Buffer, start: number, end: number): Introduction {
  return JSON.parse(buffer.toString('utf8', start, end)) as Introduction;
}
