import { MAX_BODY_BYTES } from '../pipe/frame.js';
import type { AdoptReason } from '../pipe/messages.js';
import type { Client, Delivery, Loss, WorkerPort } from './delivery.js';
import { Turnstile } from './turnstile.js';

/**
 * The place of one worker id in a reactor. It survives the worker: the port
 * changes, the connections stay, and what the lost worker had not settled goes
 * to the next one, in order.
 */
export class WorkerSlot {
  port: WorkerPort | undefined;
  /** The connections that this worker serves, in sticky dispatch modes. */
  readonly connections = new Set<Client>();
  readonly #small: Turnstile;
  readonly #large: Turnstile;
  #lossReason: AdoptReason | undefined;

  constructor(
    readonly workerId: number,
    windowBytes: number,
    largeWindowBytes: number,
    private readonly onRedelivered: () => void,
  ) {
    this.#small = new Turnstile(windowBytes);
    this.#large = new Turnstile(largeWindowBytes);
  }

  /** Bytes on their way to the worker: in small packets, in large ones. */
  get used(): readonly [small: number, large: number] {
    return [this.#small.window.used, this.#large.window.used];
  }

  admits(delivery: Delivery): boolean {
    return this.#turnstileOf(delivery).admits(delivery);
  }

  /** Calls the `pump` of its connection when there is room for it. */
  block(delivery: Delivery): void {
    this.#turnstileOf(delivery).block(delivery.connection);
  }

  send(delivery: Delivery): void {
    this.#turnstileOf(delivery).window.take(delivery.charge);
    if (delivery.attempt > 1) this.onRedelivered();
    this.port!.packet(delivery);
  }

  settled(delivery: Delivery, discarded: boolean): void {
    const turnstile = this.#turnstileOf(delivery);
    if (delivery.kind === 'packet') turnstile.window.give(delivery.charge);
    delivery.connection.settled(delivery, discarded);
    turnstile.wake();
  }

  /** Its handler took longer than it may: the connection is reset, and the event is over. */
  giveUp(delivery: Delivery): void {
    // First of all, so that nothing else of the connection follows.
    delivery.connection.abort('handlerTimeout');
    delivery.refusal = 'HANDLER_TIMEOUT';
    this.settled(delivery, delivery.kind === 'packet');
  }

  /** A worker is ready: it learns of all connections and gets what waits. */
  ready(port: WorkerPort): void {
    this.port = port;
    const reason = this.#lossReason;
    // All of them first: a packet may be answered to a neighbour, which the worker must know by then.
    for (const connection of this.connections) connection.introduce(port, reason);
    for (const connection of this.connections) connection.pump();
    port.flush();
  }

  /** The worker is gone. */
  lost(loss: Loss): void {
    this.port = undefined;
    const waiting = [...this.#small.reset(), ...this.#large.reset()];
    this.#lossReason = loss.reason;
    const charged = !loss.blameless && loss.alone === undefined;
    const returned = new Map<Client, Delivery[]>();
    for (const connection of this.connections) returned.set(connection, []);
    for (const delivery of loss.unsettled) {
      const list = returned.get(delivery.connection);
      if (list === undefined) returned.set(delivery.connection, [delivery]);
      else list.push(delivery);
    }
    for (const [connection, deliveries] of returned) {
      if (loss.started) noteDeath(deliveries, connection.concurrency, charged);
      connection.takeBack(deliveries, loss);
    }
    for (const connection of returned.keys()) connection.pump();
    for (const connection of waiting) connection.pump();
  }

  #turnstileOf(delivery: Delivery): Turnstile {
    return delivery.end - delivery.start > MAX_BODY_BYTES ? this.#large : this.#small;
  }
}

/**
 * Notes a worker's death on those of one connection's deliveries that may have
 * been started. What is behind as many pending handlers as the connection may
 * have at once certainly was not: it is neither a second attempt nor charged.
 */
function noteDeath(deliveries: readonly Delivery[], concurrency: number, charged: boolean): void {
  let pending = 0;
  for (const delivery of deliveries) {
    if (pending >= concurrency) return;
    if (delivery.pending) pending += delivery.kind === 'packet' ? 1 : concurrency;
    delivery.pending = false;
    delivery.attempt++;
    if (charged) delivery.deaths++;
  }
}
