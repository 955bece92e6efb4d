/**
 * The owner of client sockets: accepts, frames, dispatches, writes, times out.
 *
 * Runs in a thread of the master in process mode, and inside each worker in
 * base mode. It knows workers only as slots and ports; who starts and replaces
 * them is not its business.
 */
import { isStream, largestPacket, streamListener } from '../config/limits.js';
import type { Settings, StreamListenerSettings } from '../config/load.js';
import { isSticky } from '../config/dispatch-modes.js';
import { CLOSE, DISCARD, type DispatchPolicy } from '../dispatch/dispatch.js';
import type { ProtocolError } from '../errors.js';
import type { Observe } from '../events/facts.js';
import type { Framing } from '../framing/framing.js';
import { ReaderPool } from '../framing/reader-pool.js';
import type { Logger } from '../log.js';
import { emptyLedger } from '../pipe/ledger.js';
import type { CloseReason } from '../pipe/messages.js';
import type { ReactorCounters } from '../pipe/counters.js';
import type { ClientInfo } from '../pipe/questions.js';
import { Window } from '../pipe/window.js';
import type {
  BoundListener,
  ByteStream,
  Clock,
  Endpoint,
  Files,
  Listener,
  Network,
  TlsMaterial,
} from '../platform/platform.js';
import type { DoorMemory } from '../pipe/door-memory.js';
import { listenOptions, type ListenPlace } from '../topology/listen-options.js';
import { ClientConnection } from './client-connection.js';
import { clientInfoOf } from './client-info.js';
import type { ConnectionHost, ListenerContext } from './connection-host.js';
import { outletRules } from './outlet.js';
import type { Standing } from './standing.js';
import { OrderDesk, type DeskHost } from './order-desk.js';
import type { ConnectionIds } from '../pipe/connection-ids.js';
import type { Arrival } from './arrival.js';
import { Entrance } from './entrance.js';
import { Datagrams } from './datagrams.js';
import { Door, type Refusal } from './door/door.js';
import type { Delivery } from './delivery.js';
import { WorkerLoad } from './worker-load.js';
import { Sweeps } from './sweeps.js';
import { WorkerSlot } from './worker-slot.js';

/** One line per kind of a peer's fault and this many ms, however many peers there are. */
const FAULT_LOG_INTERVAL_MS = 10_000;

export interface ReactorParts {
  readonly clock: Clock;
  readonly files: Files;
  readonly network: Network;
  readonly logger: Logger;
  readonly settings: Settings;
  readonly ids: ConnectionIds;
  readonly dispatch: DispatchPolicy;
  /** One for each listener of the settings that accepts connections, by its index. */
  readonly framings: readonly (Framing | undefined)[];
  /** Shared by all reactors of a server. */
  readonly door: DoorMemory;
  /** Of the reactor; 0 where there is one. */
  readonly index?: number;
  readonly observe: Observe | undefined;
}

export class Reactor implements ConnectionHost, DeskHost {
  readonly clock: Clock;
  readonly files: Files;
  readonly observe: Observe | undefined;
  readonly outputTotal: Window;
  readonly inputTotal: Window;
  readonly counters = {
    acceptedConnections: 0,
    closedConnections: 0,
    acceptedPackets: 0,
    handledPackets: 0,
    redeliveredPackets: 0,
    pinnedLost: 0,
  };
  readonly ledger = emptyLedger();
  readonly slots: readonly WorkerSlot[];
  /** Where other processes say what they want of its connections. */
  readonly desk: OrderDesk;
  readonly datagrams: Datagrams;
  readonly #connections = new Map<number, ClientConnection>();
  readonly #listeners: Listener[] = [];
  /** By listener: those whose connections are not taken as they come. */
  readonly #entrances = new Map<number, Entrance>();
  readonly #closedBy: Record<string, number> = {};
  readonly #refused = new Map<string, number>();
  readonly #lastFaultLog = new Map<string, number>();
  readonly sticky: boolean;
  readonly unorderedEvents: boolean;
  /** What a worker is looked for. */
  #asked: Delivery | undefined;
  /** Connections whose next event found no worker that could take it. */
  #unrouted = new Set<ClientConnection>();
  #draining = false;
  /** base mode: the worker whose reactor this is has to go, and the server goes on. */
  #retiring = false;
  #drained: (() => void) | undefined;
  #emptied: (() => void) | undefined;
  readonly #door: Door;
  readonly #sweeps: Sweeps;

  constructor(private readonly parts: ReactorParts) {
    const { settings } = parts;
    this.clock = parts.clock;
    this.files = parts.files;
    this.observe = parts.observe;
    this.outputTotal = new Window(settings.reactorMemoryLimit);
    this.inputTotal = new Window(settings.reactorMemoryLimit);
    this.desk = new OrderDesk(this, settings.maxGroups, settings.maxGroupsPerConnection);
    this.sticky = parts.dispatch.sticky;
    this.unorderedEvents = settings.enableUnsafeEvent && !isSticky(settings);
    const { inFlight, connections } = parts.dispatch;
    const largest = largestPacket(settings);
    this.slots = Array.from({ length: settings.workerNum }, (_, workerId) => {
      return new WorkerSlot(
        workerId,
        settings.pipeWindow,
        4 * largest,
        () => this.counters.redeliveredPackets++,
        inFlight && new WorkerLoad(inFlight, workerId),
        connections,
      );
    });
    this.datagrams = new Datagrams(this, parts.network, parts.dispatch, parts.logger);
    this.#door = new Door(parts.door, settings, parts.clock, parts.logger);
    this.#sweeps = new Sweeps(parts.clock, settings, this.#connections);
  }

  get settings(): Settings {
    return this.parts.settings;
  }

  get index(): number {
    return this.parts.index ?? 0;
  }

  /**
   * Accepts where the listener says, or on a socket that came with the start.
   * Rejects with the system's error.
   */
  async listen(index: number, place: ListenPlace = {}): Promise<Endpoint> {
    const listener = this.settings.listeners[index]!;
    if (!isStream(listener)) return this.datagrams.open(index, place);
    const options = listenOptions(listener, place);
    return this.#keep(await this.parts.network.listen(options, this.#acceptor(index)));
  }

  /** Accepts on a socket that another process has bound. */
  async adopt(index: number, bound: BoundListener): Promise<Endpoint> {
    const listener = this.settings.listeners[index]!;
    if (!isStream(listener)) return this.datagrams.adopt(index, bound);
    const options = listenOptions(listener);
    return this.#keep(await this.parts.network.adopt(bound, options, this.#acceptor(index)));
  }

  /** Secures new connections by this, in the order of the listeners; those that are there keep what they have. */
  secure(certificates: readonly (TlsMaterial | null)[]): void {
    for (const [index, material] of certificates.entries())
      if (material !== null) this.#entranceOf(index).tls = this.parts.network.tlsServer(material);
  }

  connection(id: number): ClientConnection | undefined {
    return this.#connections.get(id);
  }

  allConnections(): Iterable<ClientConnection> {
    return this.#connections.values();
  }

  /** In a dispatch mode that looks at uids the connection may have to go to another worker. */
  bound(connection: ClientConnection): void {
    connection.whereabouts.bound(connection.uid!);
    const { dispatch } = this.parts;
    if (dispatch.followsUid !== true) return;
    const slot = this.slots[dispatch.pick(connection, this.isReady)];
    if (slot !== undefined) {
      connection.moveToSlot(slot);
      return;
    }
    // A dispatch module does not want it.
    this.refuse('DISPATCH_CLOSED');
    connection.finish('dispatch');
  }

  left(standing: Standing): void {
    this.desk.left(standing);
  }

  get stopping(): boolean {
    return this.#draining && !this.#retiring;
  }

  /** Ends a connection, if it is known: flushes first, unless `reset`. */
  end(id: number, reset: boolean): void {
    const connection = this.#connections.get(id);
    if (reset) connection?.abort('server');
    else connection?.finish('server');
  }

  route(connection: ClientConnection, delivery: Delivery): WorkerSlot | 'wait' | 'discard' | 'close' {
    this.#asked = delivery;
    const answer = this.parts.dispatch.pick(connection, this.#canTake, delivery);
    if (answer >= 0) return this.slots[answer]!;
    if (answer === DISCARD) return 'discard';
    if (answer === CLOSE) return 'close';
    this.#await(connection, delivery);
    return 'wait';
  }

  /** Whoever is ready and has no room wakes the connection when there is some; so does whoever becomes ready. */
  #await(connection: ClientConnection, delivery: Delivery): void {
    this.#unrouted.add(connection);
    if (delivery.kind !== 'packet') return;
    for (const slot of this.slots) {
      const isMeant = delivery.choice < 0 || delivery.choice === slot.workerId;
      if (isMeant && slot.port !== undefined) slot.block(delivery);
    }
  }

  /** Wakes the connections that found no worker ready. */
  workerIsReady(): void {
    const waiting = this.#unrouted;
    this.#unrouted = new Set();
    for (const connection of waiting) connection.pump();
    this.datagrams.pump();
  }

  refuse(reason: string): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
  }

  peerFault(error: ProtocolError, connection: ClientConnection): void {
    const { name } = connection.listener.settings;
    this.#countAloud(error.code, `closed a connection of listener ${name}: ${error.message}`, {
      connection: connection.id,
    });
  }

  refuseOrder(code: 'GROUP_LIMIT', message: string): void {
    this.#countAloud(code, message);
  }

  /** Counts what is refused, and logs it once per kind and interval. */
  #countAloud(code: string, message: string, about: object = {}): void {
    this.refuse(code);
    const now = this.clock.now();
    const last = this.#lastFaultLog.get(code);
    if (last !== undefined && now - last < FAULT_LOG_INTERVAL_MS) return;
    this.#lastFaultLog.set(code, now);
    this.parts.logger.warn(message, { code, ...about, count: this.#refused.get(code) });
  }

  brokenFile(error: Error, connection: ClientConnection): void {
    this.refuse('SEND_FILE_FAILED');
    this.parts.logger.warn(`reset connection ${connection.id} amid a file: ${error.message}`, { error });
  }

  closed(connection: ClientConnection, reason: CloseReason): void {
    this.counters.closedConnections++;
    this.#closedBy[reason] = (this.#closedBy[reason] ?? 0) + 1;
    this.#sweeps.remove(connection);
    this.#door.leave(connection.listener.index, connection.remote.address);
  }

  forget(connection: ClientConnection): void {
    this.#connections.delete(connection.id);
    connection.slot?.leave(connection);
    this.#unrouted.delete(connection);
    this.observe?.({ kind: 'forgotten', connection: connection.id });
    this.checkDrained();
  }

  stats(): ReactorCounters {
    const { acceptedConnections, closedConnections } = this.counters;
    this.#tellLoads();
    // From the tables themselves: a packet that is in none of them shows as a difference in the ledger.
    let outstandingPackets = this.datagrams.waiting;
    for (const slot of this.slots) outstandingPackets += slot.countPackets();
    for (const connection of this.#connections.values()) outstandingPackets += connection.backlog.waiting;
    return {
      ...this.counters,
      connections: acceptedConnections - closedConnections,
      failedDispatches: this.parts.dispatch.failures ?? 0,
      outstandingPackets,
      closedBy: { ...this.#closedBy },
      refused: Object.fromEntries(this.#refused),
      ledger: { ...this.ledger, refused: { ...this.ledger.refused } },
      connectionsOfWorkers: this.slots.map((slot) => slot.connections.size),
    };
  }

  clientInfo(id: number): ClientInfo | undefined {
    const connection = this.#connections.get(id);
    return connection && clientInfoOf(connection, this.clock);
  }

  /**
   * Connections with ids above `after`, at most `limit`. Ids grow, and so does
   * the order of the table: a page costs a walk over those before it, which an
   * index by id would save if anybody listed millions.
   */
  connectionsAfter(after: number, limit: number): ClientInfo[] {
    const page: ClientInfo[] = [];
    for (const [id, connection] of this.#connections) {
      if (page.length >= limit) break;
      if (id > after) page.push(clientInfoOf(connection, this.clock));
    }
    return page;
  }

  /**
   * Stops accepting and reading, lets workers finish what was accepted, flushes
   * and closes. Pinned connections are read and served until their worker ends them. After `deadline` ms what is left is reset.
   */
  async drain(deadline: number): Promise<void> {
    this.#draining = true;
    const closing = this.#listeners.splice(0).map((listener) => listener.close());
    for (const entrance of this.#entrances.values()) entrance.close();
    this.datagrams.drain();
    for (const connection of this.#connections.values()) connection.finishWhenSettled('shutdown');
    const timer = this.clock.setTimer(deadline, () => {
      this.observe?.({ kind: 'outOfTime' });
      this.parts.logger.warn(
        `reset ${this.#connections.size} connections: they had not ended in ${deadline} ms`,
      );
      for (const connection of this.#connections.values()) connection.abortLate();
      this.datagrams.giveUp();
      // Their close events have no time left to be settled.
      this.#drained?.();
    });
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      this.checkDrained();
    });
    timer.cancel();
    this.#sweeps.stop();
    this.#door.close();
    await Promise.all([...closing, this.datagrams.close()]);
  }

  /** Stops accepting; resolves when every connection has closed by itself, or after `deadline` ms. */
  async outlast(deadline: number): Promise<void> {
    this.#retiring = true;
    const closing = this.#listeners.splice(0).map((listener) => listener.close());
    this.datagrams.drain();
    await Promise.all(closing);
    if (this.#isEmpty) return;
    await new Promise<void>((resolve) => {
      const timer = this.clock.setTimer(deadline, resolve);
      this.#emptied = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#emptied = undefined;
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  #tellLoads(): void {
    const { inFlight, connections } = this.parts.dispatch;
    if (this.observe === undefined || (inFlight === undefined && connections === undefined)) return;
    this.observe({
      kind: 'loads',
      ...(inFlight !== undefined && { inFlight: [...inFlight] }),
      ...(connections !== undefined && { connections: [...connections] }),
    });
  }

  checkDrained(): void {
    if ((this.#emptied === undefined && !this.#draining) || !this.#isEmpty) return;
    this.#emptied?.();
    if (this.#draining) this.#drained?.();
  }

  /** Who is on the way in becomes a connection as a rule. */
  get #isEmpty(): boolean {
    if (this.#connections.size > 0 || !this.datagrams.idle) return false;
    for (const entrance of this.#entrances.values()) if (entrance.size > 0) return false;
    return true;
  }

  readonly isReady = (workerId: number): boolean => this.slots[workerId]?.port !== undefined;

  /** Whether a worker is ready for what is asked for, and its windows admit that. */
  readonly #canTake = (workerId: number): boolean => {
    const slot = this.slots[workerId];
    if (slot?.port === undefined) return false;
    return this.#asked!.kind !== 'packet' || slot.admits(this.#asked!);
  };

  #keep(listener: Listener): Endpoint {
    this.#listeners.push(listener);
    return listener.endpoint;
  }

  #contextOf(index: number): ListenerContext {
    const settings = streamListener(this.settings, index);
    const readers = new ReaderPool(this.parts.framings[index]!, settings.packageMaxLength);
    const { inputTotal } = this;
    return {
      index,
      settings,
      readers,
      inputTotal,
      outlet: outletRules(settings, this),
      timed: isTimed(settings),
    };
  }

  #acceptor(index: number): (stream: ByteStream) => void {
    const context = this.#contextOf(index);
    const { tls, proxyProtocol } = context.settings;
    if (tls === undefined && proxyProtocol === undefined)
      return (stream) => this.#accept(context, stream, stream, false);
    const entrance = this.#entranceOf(index);
    return (stream) => entrance.receive(stream);
  }

  #entranceOf(index: number): Entrance {
    const known = this.#entrances.get(index);
    if (known !== undefined) return known;
    const context = this.#contextOf(index);
    const { name } = context.settings;
    const entrance = new Entrance(context.settings, {
      clock: this.clock,
      approach: (remote) => {
        const refusal = this.#door.approach(index, remote.address);
        if (refusal !== undefined) this.#noteTurnedAway(context, remote, refusal);
        return refusal === undefined;
      },
      withdraw: ({ address }) => this.#door.withdraw(index, address),
      admit: (stream, arrival, approached) => this.#accept(context, stream, arrival, approached),
      turnAway: (error, { address, port }) => {
        this.observe?.({ kind: 'turnedAway', listener: name, address, port, reason: error.code });
        this.#countAloud(error.code, `closed a connection of listener ${name}: ${error.message}`, {
          remote: address,
        });
      },
      left: () => this.checkDrained(),
    });
    this.#entrances.set(index, entrance);
    return entrance;
  }

  /** `approached`: its address counts already, since its handshake began. */
  #accept(listener: ListenerContext, stream: ByteStream, arrival: Arrival, approached: boolean): void {
    const { address } = arrival.remote;
    const id = this.#draining ? undefined : this.parts.ids.next();
    if (id === undefined) {
      if (approached) this.#door.withdraw(listener.index, address);
      stream.destroy(true);
      return;
    }
    const refusal = approached
      ? this.#door.admit(listener.index, address)
      : this.#door.enter(listener.index, address);
    if (refusal !== undefined) {
      this.#noteTurnedAway(listener, arrival.remote, refusal);
      stream.destroy(true);
      return;
    }
    const connection = new ClientConnection(id, listener, stream, this, arrival);
    this.#connections.set(id, connection);
    this.#sweeps.add(connection);
    this.counters.acceptedConnections++;
    this.observe?.({
      kind: 'accepted',
      connection: id,
      listener: listener.settings.name,
      address: arrival.remote.address,
      port: arrival.remote.port,
    });
    stream.start(connection);
    if (listener.settings.enableDelayReceive) connection.awaitConfirmation();
    if (this.sticky) this.#attach(connection);
    connection.pump();
  }

  /** No worker hears of it: a flood costs the server no more than this. */
  #noteTurnedAway(listener: ListenerContext, { address, port }: Endpoint, reason: Refusal): void {
    this.refuse(reason);
    this.observe?.({ kind: 'turnedAway', listener: listener.settings.name, address, port, reason });
  }

  #attach(connection: ClientConnection): void {
    const slot = this.slots[this.parts.dispatch.pick(connection, this.isReady)];
    if (slot === undefined) {
      connection.refuseConnection();
      return;
    }
    connection.whereabouts.enter(slot);
  }
}

/** Whether it matters when bytes come and go. */
function isTimed({ heartbeatIdleTime, maxIdleTime }: StreamListenerSettings): boolean {
  return heartbeatIdleTime > 0 || maxIdleTime > 0;
}
