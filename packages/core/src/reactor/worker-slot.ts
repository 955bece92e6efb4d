import { MAX_BODY_BYTES } from '../pipe/frame.js';
import type { AdoptReason, Settlement } from '../pipe/messages.js';
import type { Client, DatagramDelivery, Delivery, Loss, WorkerPort } from './delivery.js';
import { Turnstile } from './turnstile.js';
import type { WorkerLoad } from './worker-load.js';

/**
 * The place of one worker id in a reactor. It survives the worker: the port
 * changes, the connections stay, and what the lost worker had not settled goes
 * to the next one, in order.
 *
 * A worker that is replaced while it lives retires: from the moment at which its
 * successor is ready it gets nothing more, and each of its connections follows
 * to the successor as soon as nothing of it is unsettled.
 */
export class WorkerSlot {
  /** The worker that events go to. */
  port: WorkerPort | undefined;
  /** The connections that this worker serves, in sticky dispatch modes. */
  readonly connections = new Set<Client>();
  /** Out of dispatch, with something to finish. */
  readonly #retiring = new Set<WorkerPort>();
  readonly #small: Turnstile;
  readonly #large: Turnstile;
  #lossReason: AdoptReason | undefined;

  constructor(
    readonly workerId: number,
    windowBytes: number,
    largeWindowBytes: number,
    private readonly onRedelivered: () => void,
    /** For dispatch modes that look at the load of workers. */
    private readonly load?: WorkerLoad,
    /** By worker id, what all reactors count together, for dispatch modes that look at that. */
    private readonly connectionCounts?: Int32Array,
  ) {
    this.#small = new Turnstile(windowBytes);
    this.#large = new Turnstile(largeWindowBytes);
  }

  /** Bytes on their way to the worker: in small packets, in large ones. */
  get used(): readonly [small: number, large: number] {
    return [this.#small.window.used, this.#large.window.used];
  }

  /** A connection is served by the worker of this id. */
  enter(connection: Client): void {
    this.connections.add(connection);
    if (this.connectionCounts !== undefined) Atomics.add(this.connectionCounts, this.workerId, 1);
  }

  leave(connection: Client): void {
    if (!this.connections.delete(connection) || this.connectionCounts === undefined) return;
    Atomics.sub(this.connectionCounts, this.workerId, 1);
  }

  /** Packets that workers of this id have and have not settled. */
  countPackets(): number {
    let count = this.port?.countPackets() ?? 0;
    for (const port of this.#retiring) count += port.countPackets();
    return count;
  }

  admits(delivery: Delivery): boolean {
    return this.#turnstileOf(delivery).admits(delivery);
  }

  /** Calls the `pump` of its connection when there is room for it. */
  block(delivery: Delivery): void {
    this.#turnstileOf(delivery).block(delivery.connection);
  }

  /** `port` is where its connection lives. */
  send(delivery: Delivery, port: WorkerPort): void {
    this.#turnstileOf(delivery).window.take(delivery.charge);
    this.load?.given(delivery, this.port!);
    if (delivery.attempt > 1) this.onRedelivered();
    port.packet(delivery);
  }

  sendDatagram(delivery: DatagramDelivery): void {
    this.#small.window.take(delivery.charge);
    if (delivery.attempt > 1) this.onRedelivered();
    this.load?.given(delivery, this.port!);
    this.port!.datagram(delivery);
  }

  settled(delivery: Delivery, how: Settlement): void {
    if (delivery.kind === 'packet') this.load?.settled(delivery, this.port);
    const turnstile = this.#turnstileOf(delivery);
    if (delivery.kind === 'packet' && !delivery.held) turnstile.window.give(delivery.charge);
    delivery.connection.settled(delivery, how);
    turnstile.wake();
  }

  /**
   * Its worker has it, and it waits for the reader of its stream, which may never
   * come: from here on it counts in the bound of its connection alone. Else a few
   * readers that stop would stop all connections of the worker.
   */
  hold(delivery: Delivery): void {
    if (delivery.kind !== 'packet' || delivery.held || !delivery.connection.pinned) return;
    delivery.held = true;
    const turnstile = this.#turnstileOf(delivery);
    turnstile.window.give(delivery.charge);
    turnstile.wake();
  }

  /** Its handler took longer than it may: the connection is reset, and the event is over. */
  giveUp(delivery: Delivery): void {
    // First of all, so that nothing else of the connection follows.
    delivery.connection.abort('handlerTimeout');
    delivery.refusal = 'HANDLER_TIMEOUT';
    this.settled(delivery, delivery.kind === 'packet' ? 'discarded' : 'handled');
  }

  /** A worker takes the place: it learns of the connections and gets what waits. Another one that has it retires. */
  ready(port: WorkerPort): void {
    const before = this.port;
    // A slow pipe may bring the older of two last.
    if (before !== undefined && before.incarnation > port.incarnation) {
      port.retire();
      return;
    }
    this.port = port;
    if (before !== undefined) {
      this.#retiring.add(before);
      this.load?.clear();
      before.retire();
    }
    // All of them first: a packet may be answered to a neighbour, which the worker must know by then.
    for (const connection of this.connections) connection.moveTo(port, this.#lossReason);
    for (const connection of this.connections) connection.pump();
    port.flush();
  }

  /** A worker is gone, which had the place or was retiring. */
  lost(loss: Loss): void {
    const { port, unsettled } = loss;
    const retired = this.#retiring.delete(port);
    if (!retired && this.port !== port) return;
    if (!retired) this.port = undefined;
    this.#lossReason = loss.reason;
    if (!retired) this.load?.clear();
    const charged = !loss.blameless && loss.alone === undefined;
    const returned = this.#returned(port, unsettled);
    for (const [connection, deliveries] of returned) {
      const started = loss.started ? noteDeath(deliveries, connection.concurrency, charged) : 0;
      connection.takeBack(deliveries, loss, started);
    }
    // All introductions first, as for a worker that is ready.
    if (this.port !== undefined) {
      for (const connection of returned.keys())
        if (this.connections.has(connection)) connection.moveTo(this.port, loss.reason);
    }
    // Those that were about to move to another place need not wait any longer.
    for (const connection of returned.keys()) if (!this.connections.has(connection)) connection.followPlace();
    for (const connection of returned.keys()) connection.pump();
    this.#wakeWaiting(retired);
  }

  /** What is given back has left room. When the place is empty nobody waits for room in it, but for a worker. */
  #wakeWaiting(retired: boolean): void {
    for (const turnstile of [this.#small, this.#large]) {
      if (retired) turnstile.wake();
      else for (const connection of turnstile.release()) connection.pump();
    }
  }

  /** What the connections of a lost worker get back, which leaves the windows. */
  #returned(port: WorkerPort, unsettled: readonly Delivery[]): Map<Client, Delivery[]> {
    const returned = new Map<Client, Delivery[]>();
    for (const connection of this.connections) if (connection.home === port) returned.set(connection, []);
    for (const delivery of unsettled) {
      const list = returned.get(delivery.connection);
      if (list === undefined) returned.set(delivery.connection, [delivery]);
      else list.push(delivery);
      if (delivery.kind === 'packet' && !delivery.held)
        this.#turnstileOf(delivery).window.give(delivery.charge);
    }
    return returned;
  }

  #turnstileOf(delivery: Delivery): Turnstile {
    return delivery.end - delivery.start > MAX_BODY_BYTES ? this.#large : this.#small;
  }
}

/**
 * Notes a worker's death on those of one connection's deliveries that may have
 * been started, and says how many they are. What is behind as many pending
 * handlers as the connection may have at once certainly was not: it is neither a
 * second attempt nor charged.
 */
function noteDeath(deliveries: readonly Delivery[], concurrency: number, charged: boolean): number {
  let pending = 0;
  let started = 0;
  for (const delivery of deliveries) {
    if (pending >= concurrency) return started;
    if (delivery.pending) pending += delivery.kind === 'packet' ? 1 : concurrency;
    delivery.pending = false;
    delivery.attempt++;
    if (charged) delivery.deaths++;
    started++;
  }
  return started;
}
