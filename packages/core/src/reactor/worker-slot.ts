import { MAX_BODY_BYTES } from '../pipe/frame.js';
import type { AdoptReason } from '../pipe/messages.js';
import { Window } from '../pipe/window.js';
import type { Client, Delivery, Loss, WorkerPort } from './delivery.js';

/** After this many deaths in a row a packet goes alone, so that the next death shows whether it is the cause. */
const SUSPECT_DEATHS = 2;

/**
 * The place of one worker id in a reactor. It survives the worker: the port
 * changes, the connections stay, and what the lost worker had not settled goes
 * to the next one, in order.
 */
export class WorkerSlot {
  port: WorkerPort | undefined;
  /** The connections that this worker serves, in sticky dispatch modes. */
  readonly connections = new Set<Client>();
  readonly #window: Window;
  readonly #largeWindow: Window;
  /** Connections that wait for room in the windows, the longest wait first. */
  #blocked = new Set<Client>();
  #lossReason: AdoptReason | undefined;

  constructor(
    readonly workerId: number,
    windowBytes: number,
    largeWindowBytes: number,
    private readonly onRedelivered: () => void,
  ) {
    this.#window = new Window(windowBytes);
    this.#largeWindow = new Window(largeWindowBytes);
  }

  /** Bytes on their way to the worker: in small packets, in large ones. */
  get used(): readonly [small: number, large: number] {
    return [this.#window.used, this.#largeWindow.used];
  }

  admits(delivery: Delivery): boolean {
    return this.#windowOf(delivery).admits(delivery.charge);
  }

  /** Calls the connection's `pump` when there is room again. */
  block(connection: Client): void {
    this.#blocked.add(connection);
  }

  send(delivery: Delivery): void {
    this.#windowOf(delivery).take(delivery.charge);
    if (delivery.attempt > 1) this.onRedelivered();
    this.port!.packet(delivery, delivery.deaths >= SUSPECT_DEATHS);
  }

  settled(delivery: Delivery, discarded: boolean): void {
    const window = this.#windowOf(delivery);
    if (delivery.kind === 'packet') window.give(delivery.charge);
    delivery.connection.settled(delivery, discarded);
    // Half empty, so that connections do not wake up one packet at a time.
    if (this.#blocked.size > 0 && window.used * 2 <= window.limit) this.#unblock();
  }

  /** A worker is ready: it learns of all connections and gets what waits. */
  ready(port: WorkerPort): void {
    this.port = port;
    const reason = this.#lossReason;
    for (const connection of this.connections) {
      connection.introduce(port, reason);
      connection.pump();
    }
    this.#unblock();
    port.flush();
  }

  /** The worker is gone. */
  lost(loss: Loss): void {
    this.port = undefined;
    this.#window.reset();
    this.#largeWindow.reset();
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
    this.#unblock();
  }

  #windowOf(delivery: Delivery): Window {
    return delivery.end - delivery.start > MAX_BODY_BYTES ? this.#largeWindow : this.#window;
  }

  #unblock(): void {
    const waiting = this.#blocked;
    this.#blocked = new Set();
    for (const connection of waiting) connection.pump();
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
