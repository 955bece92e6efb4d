/**
 * An event worker: serves connections with the application's handlers.
 *
 * Its manager starts, watches and replaces it; the sockets belong to the
 * reactors of the master (process mode) or to this process (base mode).
 */
import type { DatagramTarget } from '../config/datagram-target.js';
import { isSticky } from '../config/dispatch-modes.js';
import { isStream } from '../config/limits.js';
import type { Settings } from '../config/load.js';
import type { Container, Definition } from '../definition.js';
import { handlersOf } from '../events/handler-table.js';
import type { Invoker } from '../events/invoke.js';
import { ConnectionActs } from '../directory/connection-acts.js';
import type { ConnectionDirectory } from '../directory/connection-directory.js';
import type { Uid } from '../pipe/orders.js';
import { byteLength, type Part } from '../pipe/parts.js';
import type { FileRequest, Introduction } from '../pipe/messages.js';
import type { WorkerCounters } from '../pipe/counters.js';
import { gone, promised } from '../pipe/receipt.js';
import type { Clock, Timer } from '../platform/platform.js';
import type { ById } from '../role-actions.js';
import { Conversation } from './conversation.js';
import { Conversations } from './conversations.js';
import { Datagrams, type Arrival } from './datagrams.js';
import type { LinkEvents } from './reactor-link.js';
import type { ServedListener } from './served-listener.js';
import type { SocketOwner } from './socket-owner.js';
import type { Sockets } from './sockets.js';

/** Bytes of one stream that may be on their way to its client, if `socketBufferSize` admits them. */
const STREAM_WINDOW_BYTES = 256 * 1024;

export interface WorkerParts {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly definition: Definition;
  readonly invoker: Invoker;
  readonly container: Container | undefined;
  /** A pipe to a reactor broke, which only the end of the master explains. */
  readonly onLost: (error: Error | undefined) => void;
  /** It has given its connections back. */
  readonly onLeft?: () => void;
  /** What this process does with connections by their ids; when it has left the owners of sockets too. */
  readonly byId: ById;
  /** After so many packets `onRequestLimit` is called, once; 0 is never. */
  readonly requestLimit?: number;
  readonly onRequestLimit?: () => void;
}

export class Worker implements LinkEvents {
  /** Those of connections, by index. */
  readonly #listeners: readonly (ServedListener | undefined)[];
  readonly #conversations: Conversations;
  /** What this process does with connections wherever they are. */
  readonly acts: ConnectionActs;
  #directory: ConnectionDirectory | undefined;
  readonly #datagrams: Datagrams;
  #sockets: Sockets | undefined;
  #onRelieved: (() => void) | undefined;
  #onRetired: (() => void) | undefined;
  #warning: Timer | undefined;

  constructor(private readonly parts: WorkerParts) {
    const { settings, definition } = parts;
    this.#listeners = settings.listeners.map((listener) => {
      if (!isStream(listener)) return undefined;
      const { name, concurrency, handlerTimeout, framing, socketBufferSize } = listener;
      const { outputOverflow, bufferHighWatermark, bufferLowWatermark } = listener;
      return {
        name,
        concurrency,
        handlerTimeout,
        framing: framing.kind,
        streamWindow: Math.min(socketBufferSize, STREAM_WINDOW_BYTES),
        outputOverflow,
        bufferHighWatermark,
        bufferLowWatermark,
        handlers: handlersOf(definition, name),
      };
    });
    const scoped = definition.handlers.some(
      ({ target }) => target.kind === 'method' && target.scope === 'connection',
    );
    const sticky = isSticky(settings);
    const owners = (): Iterable<SocketOwner> => this.#sockets?.owners ?? [];
    this.#conversations = new Conversations(
      parts.invoker,
      parts.clock,
      parts.container,
      scoped,
      sticky,
      owners,
      parts.requestLimit || Infinity,
      parts.onRequestLimit,
    );
    const conversations = this.#conversations;
    conversations.byId = parts.byId;
    this.acts = conversations.acts = new ConnectionActs({
      directory: () => this.#directory,
      observe: parts.invoker.observe,
      flushFirst: () => conversations.flushNow(),
      ordered: (owner) => conversations.sentElsewhere(owner),
    });
    const inOrder = (): readonly SocketOwner[] => this.#sockets?.owners ?? [];
    this.#datagrams = new Datagrams(this.#conversations, settings, definition, parts.container, inOrder);
  }

  /** From here on it orders and requests; it has no events yet. */
  reach({ directory }: Sockets): void {
    this.#directory = directory;
  }

  /** Takes the place of its id at the owners of these sockets; resolves when all of them give their events here. */
  async serve(sockets: Sockets): Promise<void> {
    this.#sockets = sockets;
    this.reach(sockets);
    await sockets.ready();
  }

  /** Whether a handler is pending, or an owner of sockets still gives events. */
  get busy(): boolean {
    return this.#conversations.pending > 0 || !this.#isRetired();
  }

  get requests(): number {
    return this.#conversations.requests;
  }

  /** Events whose handler is pending. */
  get inFlight(): number {
    return this.#conversations.pending;
  }

  /**
   * Another worker has the place of this one, or is about to: resolves when all
   * owners of sockets have said that they give nothing more, or after `deadline`
   * ms. What had not been started is given back by then.
   */
  async allRetired(deadline: number): Promise<void> {
    if (this.#isRetired()) return;
    await new Promise<void>((resolve) => {
      const timer = this.parts.clock.setTimer(deadline, resolve);
      this.#onRetired = () => {
        if (!this.#isRetired()) return;
        timer.cancel();
        resolve();
      };
    });
  }

  #isRetired(): boolean {
    return this.#sockets?.owners.every((owner) => owner.retired) ?? true;
  }

  /** The server stops: the owners of the sockets wait for the handlers that run, and reset what is left after `deadline` ms. */
  warn(deadline: number): void {
    this.#warning ??= this.#conversations.warn(deadline);
    this.drainPinned();
    void this.#conversations.pinnedOnes.outlast(deadline);
  }

  /** Connections that are pinned to this worker and have not ended. */
  get pinned(): number {
    return this.#conversations.pinnedOnes.size;
  }

  /** The worker has to go: the application says goodbye to the clients of pinned connections. */
  drainPinned(): void {
    this.#conversations.pinnedOnes.drain();
  }

  /** Resolves when no pinned connection is left, which takes at most `deadline` ms. */
  async outlastPinned(deadline: number): Promise<void> {
    await this.#conversations.pinnedOnes.outlast(deadline);
  }

  /**
   * Finishes the handlers that run, within `deadline` ms, and gives the rest
   * back to the owners of the sockets.
   */
  async stop(deadline: number): Promise<void> {
    const { clock } = this.parts;
    const end = clock.now() + deadline;
    this.#warning?.cancel();
    await this.#conversations.finish(deadline);
    this.#datagrams.nameStragglers();
    // A handler that has settled since may have pinned its connection.
    await this.outlastPinned(Math.max(0, end - clock.now()));
    this.#conversations.pinnedOnes.stop();
    await this.#handOver(Math.max(0, end - clock.now()));
    const unstarted = this.#conversations.pending === 0 && this.#handedOver();
    // What was sent since would gather for nobody.
    this.#conversations.flushAll();
    this.leave(unstarted);
    this.parts.onLeft?.();
    await this.#conversations.leaveAll();
  }

  /** Resolves once everything that was sent is with the system and outlives this process, or after `deadline` ms. */
  async #handOver(deadline: number): Promise<void> {
    if (this.#handedOver()) return;
    await new Promise<void>((resolve) => {
      const timer = this.parts.clock.setTimer(deadline, resolve);
      this.#onRelieved = () => {
        if (!this.#handedOver()) return;
        timer.cancel();
        resolve();
      };
    });
  }

  #handedOver(): boolean {
    return this.#sockets?.owners.every((owner) => owner.flushed) ?? true;
  }

  /** Gives everything back at once. */
  leave(unstarted: boolean): void {
    this.#sockets?.leave(unstarted);
  }

  /** The sends that did not fit, and in base mode what the sockets have counted that it owns. */
  counters(): Pick<WorkerCounters, 'sockets' | 'refused'> {
    const sockets = this.#sockets?.stats();
    const { refusals } = this.#conversations;
    return {
      ...(sockets !== undefined && { sockets }),
      ...(refusals.size > 0 && { refused: Object.fromEntries(refusals) }),
    };
  }

  send(connectionId: number, data: Part): boolean {
    const conversation = this.#conversations.get(connectionId);
    if (conversation !== undefined) return conversation.send(data);
    const bytes = byteLength(data);
    if (bytes === 0) return true;
    const owner = this.#sockets?.ownerOf(connectionId);
    if (owner?.sendTo(connectionId, data, bytes) !== true) return false;
    this.#conversations.sentElsewhere(owner);
    this.parts.invoker.sent(connectionId, data, bytes);
    return true;
  }

  /** Sends a datagram by the owner of the socket. */
  sendto(to: DatagramTarget, data: Part, bytes: number): boolean {
    const owners = this.#sockets?.owners ?? [];
    const owner = owners[to.listener % owners.length];
    if (owner?.reserveDatagram(bytes) !== true) return false;
    const { settings, invoker } = this.parts;
    invoker.sentDatagram(settings.listeners[to.listener]!.name, to.address, to.port, data, bytes);
    owner.sendDatagram(to, data, bytes, undefined, false);
    this.#conversations.sentElsewhere(owner);
    return true;
  }

  close(connectionId: number, reset: boolean): boolean {
    const conversation = this.#conversations.get(connectionId);
    if (conversation !== undefined) return conversation.finish(reset);
    if (this.#sockets?.end(connectionId, reset) !== true) return false;
    this.parts.invoker.ended(connectionId, reset);
    return true;
  }

  sendWait(connectionId: number, data: Part): Promise<void> {
    const conversation = this.#conversations.get(connectionId);
    if (conversation !== undefined) return conversation.sendWait(data);
    const bytes = byteLength(data);
    const owner = this.#sockets?.ownerOf(connectionId);
    const sent = owner?.sendWait(connectionId, data, bytes) ?? gone(connectionId);
    if (owner !== undefined && !(sent instanceof Error)) {
      this.#conversations.sentElsewhere(owner);
      this.parts.invoker.sent(connectionId, data, bytes);
    }
    return promised(sent);
  }

  sendFile(connectionId: number, request: FileRequest): Promise<void> {
    const conversation = this.#conversations.get(connectionId);
    if (conversation !== undefined) return conversation.sendFile(request);
    const owner = this.#sockets?.ownerOf(connectionId);
    if (owner !== undefined) this.#conversations.sentElsewhere(owner);
    return promised(owner?.sendFile(connectionId, request) ?? gone(connectionId));
  }

  read(connectionId: number, paused: boolean): boolean {
    const conversation = this.#conversations.get(connectionId);
    if (conversation !== undefined) return conversation.read(paused);
    return this.#sockets?.ownerOf(connectionId)?.read(connectionId, paused) ?? false;
  }

  // What the owners of the sockets say.

  open(
    kind: 'connect' | 'adopt' | 'introduce',
    id: number,
    seq: number,
    introduction: Introduction,
    state: Buffer | undefined,
    owner: SocketOwner,
    isolated = false,
  ): void {
    // Without order a worker may get a packet of a connection first, and its connect when another has died with that.
    const known = kind === 'connect' ? this.#conversations.get(id) : undefined;
    if (known !== undefined) {
      known.begin('connect', seq, isolated);
      return;
    }
    const listener = this.#listeners[introduction.listener]!;
    const conversation = new Conversation(id, listener, introduction, owner, state, this.#conversations);
    this.#conversations.add(conversation);
    if (kind === 'introduce') conversation.beginSilently();
    else conversation.begin(kind, seq, isolated);
  }

  datagram(owner: SocketOwner, seq: number, arrival: Arrival): void {
    this.#datagrams.take(owner, seq, arrival);
  }

  find(id: number): Conversation | undefined {
    return this.#conversations.get(id);
  }

  forget(id: number): void {
    const conversation = this.#conversations.get(id);
    if (conversation !== undefined) this.#conversations.moveAway(conversation);
  }

  bound(id: number, uid: Uid): void {
    const conversation = this.#conversations.get(id);
    if (conversation !== undefined) conversation.uid = uid;
  }

  ownerRetired(owner: SocketOwner): void {
    this.#conversations.giveBack(owner);
    this.#datagrams.giveBack(owner);
    this.#onRetired?.();
  }

  relieved(): void {
    this.#conversations.isolation.step();
    this.#conversations.resume();
    this.#onRelieved?.();
  }

  lost(error: Error | undefined): void {
    this.#conversations.cancelAll();
    this.#onRelieved?.();
    this.parts.onLost(error);
  }
}
