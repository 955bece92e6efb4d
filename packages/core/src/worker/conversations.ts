import type { Binding, ConnectionScope, Container, HandlerSpec } from '../definition.js';
import { ProcessError } from '../errors.js';
import type { BoundHandler } from '../events/bound-handler.js';
import { bind } from '../events/handler-table.js';
import type { Invoker } from '../events/invoke.js';
import type { Clock, Timer } from '../platform/platform.js';
import type { ConnectionActs } from '../directory/connection-acts.js';
import type { ById } from '../role-actions.js';
import { Connection } from './connection.js';
import { ConnectionObjects } from './connection-objects.js';
import type { Conversation } from './conversation.js';
import type { ConversationHost, Hosted } from './conversation-host.js';
import { Isolation, type Lonely } from './isolation.js';
import { PinnedConnections, type Pinned } from './pinned-connections.js';
import type { SocketOwner } from './socket-owner.js';

/** Who has something at the end of a turn. */
interface Flushed {
  flush(): void;
  /** What is sent, without what settles. */
  flushParts?(): void;
}

/** Of the time that handlers get to end, the part after which they are told to give up. */
const PATIENT_PART = 0.75;

/** All connections that one worker serves, and what they share. */
export class Conversations implements ConversationHost {
  readonly isolation: Isolation;
  /** Set by whoever knows the owners of sockets. */
  acts!: ConnectionActs;
  /** Set by whoever knows the process. */
  byId!: ById;
  speaker: { flushParts(): void } | undefined;
  readonly noObjects = new ConnectionObjects(this, undefined);
  readonly pinnedOnes: PinnedConnections;
  /** Sends that were refused because too much waited for the owner of the socket. */
  overflows = 0;
  /** Sends that did not fit where the connection lives on, by what is counted. */
  readonly refusals = new Map<string, number>();
  inside = false;
  /** Where something was sent that must be with the system before a settlement elsewhere. */
  readonly #elsewhere = new Set<{ flush(): void }>();
  readonly #byId = new Map<number, Conversation>();
  /** With the timeout of the listener that has asked last. */
  readonly #bound = new Map<HandlerSpec, BoundHandler>();
  #flushList: Flushed[] = [];
  #scheduled = false;
  /** Connections that could not start a handler, the longest wait first. */
  #stalled = new Set<Lonely>();
  #closing = false;
  #pending = 0;
  /** Packets that handlers have settled. */
  requests = 0;
  readonly #disposing = new Set<Promise<void>>();
  /** Called when the last pending handler of a connection settles. */
  #idle: (() => void) | undefined;

  constructor(
    readonly invoker: Invoker,
    readonly clock: Clock,
    private readonly container: Container | undefined,
    /** Whether any handler is of a class with scope 'connection'. */
    private readonly hasScopes: boolean,
    readonly keepsState: boolean,
    owners: () => Iterable<SocketOwner>,
    /** After so many requests `onRequestLimit` is called, once. */
    private readonly requestLimit = Infinity,
    private readonly onRequestLimit: () => void = () => {},
  ) {
    this.pinnedOnes = new PinnedConnections(clock, invoker.warn);
    this.isolation = new Isolation(() => this.pending, owners, this.resume);
  }

  get pending(): number {
    return this.#pending;
  }

  set pending(count: number) {
    this.#pending = count;
    if (count === 0) this.#idle?.();
  }

  get(id: number): Conversation | undefined {
    return this.#byId.get(id);
  }

  add(conversation: Conversation): void {
    this.#byId.set(conversation.id, conversation);
  }

  forget(conversation: Hosted): void {
    this.#byId.delete(conversation.id);
    if (conversation.pinned !== undefined) this.pinnedOnes.delete(conversation.pinned);
    this.#stalled.delete(conversation);
  }

  pinned(stream: Pinned): void {
    this.pinnedOnes.add(stream);
  }

  streamOver(stream: Pinned): void {
    this.pinnedOnes.delete(stream);
  }

  bind(spec: HandlerSpec, scope: ConnectionScope | undefined, timeout: number): BoundHandler {
    // Those of a connection's own objects are its own, all others are the same for every connection.
    if (spec.target.kind === 'method' && spec.target.scope === 'connection')
      return bind(spec, this.container, scope, timeout);
    const before = this.#bound.get(spec);
    if (before?.timeout === timeout) return before;
    const handler = bind(spec, this.container, undefined, timeout);
    this.#bound.set(spec, handler);
    return handler;
  }

  openObjects(connection: Connection): ConnectionObjects {
    if (!this.hasScopes || this.container === undefined) return this.noObjects;
    const binding: Binding = [Connection, connection];
    return new ConnectionObjects(this, this.container.openScope([binding]));
  }

  mayStart(starter: Lonely): boolean {
    const { congested, retired } = starter.owner;
    if (!this.#closing && !congested && !retired && this.isolation.admits(starter)) return true;
    this.stall(starter);
    return false;
  }

  stall(starter: Lonely): void {
    this.#stalled.add(starter);
  }

  /** Wakes the connections that could not start a handler. Those that could and wait again go behind the others. */
  readonly resume = (): void => {
    const stalled = this.#stalled;
    this.#stalled = new Set();
    const served: Lonely[] = [];
    for (const conversation of stalled) {
      if (!this.mayStart(conversation)) continue;
      conversation.advance();
      if (this.#stalled.delete(conversation)) served.push(conversation);
    }
    for (const conversation of served) this.#stalled.add(conversation);
  };

  sentElsewhere(owner: { flush(): void }): void {
    this.#elsewhere.add(owner);
  }

  flushElsewhere(owner: SocketOwner): void {
    if (this.#elsewhere.size === 0) return;
    // To the owner itself it has been written before, and order within a pipe holds.
    for (const other of this.#elsewhere) if (other !== owner) other.flush();
    this.#elsewhere.clear();
  }

  flushLater(flusher: { flush(): void }): void {
    this.#flushList.push(flusher);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.clock.defer(this.flushAll);
  }

  countRequest(): void {
    if (++this.requests === this.requestLimit) this.onRequestLimit();
  }

  /** That owner gives nothing more: what its connections have not started goes back, in order. */
  giveBack(owner: SocketOwner): void {
    for (const conversation of this.#byId.values())
      if (conversation.owner === owner) {
        this.#stalled.delete(conversation);
        conversation.giveBack();
      }
  }

  /** The owner of the socket has given the connection to another worker; in modes that do not stick, it is over. */
  moveAway(conversation: Conversation): void {
    this.forget(conversation);
    if (!this.keepsState) {
      conversation.cancel();
      return;
    }
    conversation.moveAway();
    void conversation.disposeScope();
  }

  /**
   * This worker has left the owners of the sockets, which give its connections to
   * others: those that have been kept act by their ids from here on. Disposes the
   * objects of all connections; resolves when that is done.
   */
  async leaveAll(): Promise<void> {
    const left = [...this.#byId.values()];
    for (const conversation of left) {
      this.forget(conversation);
      conversation.leave();
    }
    for (const conversation of left) {
      conversation.tellLeft();
      void conversation.disposeScope();
    }
    await Promise.all(this.#disposing);
  }

  /** The owners of their sockets are gone, and the sockets with them. */
  cancelAll(): void {
    for (const conversation of this.#byId.values()) conversation.lose();
  }

  async dispose(id: number, scope: ConnectionScope): Promise<void> {
    const disposal = scope
      .dispose()
      .catch((error: unknown) => this.invoker.report(`objects of connection ${id}`, 'dispose', error));
    this.#disposing.add(disposal);
    await disposal;
    this.#disposing.delete(disposal);
  }

  overflowed(connectionId: number): void {
    this.overflows++;
    this.invoker.report(
      `connection ${connectionId}`,
      'send',
      new Error('more than socketBufferSize waited to be sent'),
    );
  }

  refused(reason: string): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
  }

  later(run: () => void): void {
    this.clock.defer(run);
  }

  /**
   * Starts no further handler, and resolves once those that run have settled
   * and their answers were handed on, or after `deadline` ms. Near its end
   * `connection.signal` tells what still runs to give up.
   */
  async finish(deadline: number): Promise<void> {
    this.#closing = true;
    if (this.#pending > 0 && !(await this.#settle(deadline))) this.#nameStragglers();
    this.flushAll();
  }

  /** Resolves to true once no handler runs, or to false after `deadline` ms. */
  async #settle(deadline: number): Promise<boolean> {
    return new Promise<boolean>((resolve) => {
      const warning = this.warn(deadline);
      const timer = this.clock.setTimer(deadline, () => resolve(false));
      this.#idle = () => {
        warning.cancel();
        timer.cancel();
        resolve(true);
      };
    });
  }

  /** Near the end of `deadline` ms `connection.signal` tells the handlers that run then. */
  warn(deadline: number): Timer {
    return this.clock.setTimer(deadline * PATIENT_PART, () => this.#abortAll());
  }

  #abortAll(): void {
    const reason = new ProcessError('SHUTTING_DOWN', 'this worker has to leave, and its time is nearly over');
    for (const conversation of this.#byId.values()) conversation.abort(reason);
  }

  #nameStragglers(): void {
    const calls = new Map<string, number>();
    for (const conversation of this.#byId.values()) {
      const label = conversation.runs;
      if (label !== undefined) calls.set(label, (calls.get(label) ?? 0) + 1);
    }
    for (const [label, count] of calls) this.invoker.abandon(label, count);
  }

  /** Hands on what connections have gathered: something for many of them comes next. */
  flushNow(): void {
    this.speaker?.flushParts();
    for (const each of this.#flushList) each.flushParts?.();
  }

  /** The turn is over: what has gathered goes out. */
  readonly flushAll = (): void => {
    this.#scheduled = false;
    const list = this.#flushList;
    this.#flushList = [];
    for (const conversation of list) conversation.flush();
  };
}
