import type { DatagramListenerSettings } from '../config/load.js';
import { factText, type Observe } from '../events/facts.js';
import type { Ledger } from '../pipe/ledger.js';
import type { Settlement } from '../pipe/messages.js';
import type { Clock, DatagramEvents, Endpoint } from '../platform/platform.js';
import { DatagramDelivery, type Client, type Delivery, type Loss } from './delivery.js';
import type { WorkerSlot } from './worker-slot.js';

/** Why a datagram goes to no worker: it waits for one, or for room; or a dispatch module has refused it. */
export type NoRoute = 'NO_WORKER' | 'WINDOW_FULL' | 'DISPATCH_DISCARDED' | 'DISPATCH_CLOSED';

/** What a listener of datagrams needs of its reactor. */
export interface DatagramHost {
  readonly clock: Clock;
  readonly observe: Observe | undefined;
  readonly counters: { acceptedPackets: number; handledPackets: number };
  readonly ledger: Ledger;
  /** The worker for a datagram, or why there is none; `pump` is called when there may be one. */
  routeDatagram(delivery: DatagramDelivery): WorkerSlot | NoRoute;
  /** Numbers the datagrams of this owner, from 1. */
  nextDatagram(): number;
  refuse(reason: string): void;
  /** A datagram was refused because its worker died while it ran alone. */
  poisoned(listener: DatagramListenerSettings, from: Endpoint): void;
  socketFailed(listener: DatagramListenerSettings, error: Error): void;
  /** A datagram was settled, or refused. */
  datagramOver(): void;
}

/**
 * One socket for datagrams, on the side that owns it. To workers it is the client
 * of all the datagrams that it takes.
 *
 *   receive ─▶ a worker's window ─▶ settled
 *      └─ no worker, or no room ─▶ waits here, within a bound; the newest beyond it is dropped
 *
 * Unlike a stream nothing can be paused, and unlike a connection nothing has an
 * order: whatever waits goes when its worker has room for it.
 */
export class DatagramListener implements Client, DatagramEvents {
  readonly id = -1;
  readonly concurrency = Infinity;
  readonly home = undefined;
  readonly pinned = false;
  state: Buffer | undefined;
  #waiting: DatagramDelivery[] = [];
  #waitingBytes = 0;
  #unsettled = 0;
  #pumping = false;
  #phase: 'open' | 'draining' | 'closed' = 'open';
  /** The worker that was chosen for one that waits for room. */
  readonly #chosen = new Map<DatagramDelivery, WorkerSlot>();

  constructor(
    private readonly index: number,
    readonly settings: DatagramListenerSettings,
    private readonly host: DatagramHost,
  ) {}

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether nothing that was accepted is unfinished. */
  get idle(): boolean {
    return this.#unsettled === 0 && this.#waiting.length === 0;
  }

  // What the socket says.

  receive(data: Buffer, from: Endpoint): void {
    if (this.#phase !== 'open') return;
    const { host, settings } = this;
    host.counters.acceptedPackets++;
    host.ledger.accepted++;
    const arrivedAt = Math.round(host.clock.wallTime());
    const { name } = settings;
    const number = host.nextDatagram();
    const delivery = new DatagramDelivery(this, data, from, this.index, name, arrivedAt, number);
    if (host.observe !== undefined) {
      const { address, port } = from;
      const bytes = { bytes: data.length, data: factText(data) };
      const datagram = delivery.packet;
      host.observe({ kind: 'datagramAccepted', datagram, listener: name, address, port, ...bytes });
    }
    const reason = this.#give(delivery);
    if (reason !== undefined) this.#wait(delivery, reason);
  }

  failed(error: Error): void {
    this.host.socketFailed(this.settings, error);
  }

  /** It has no place of its own: each datagram finds its worker. */
  followPlace(): void {}

  /** Takes no further datagram. */
  drain(): void {
    if (this.#phase === 'open') this.#phase = 'draining';
  }

  /** There is no time left: what waits for a worker is refused. */
  giveUp(): void {
    this.#phase = 'closed';
    this.#chosen.clear();
    for (const delivery of this.#takeWaiting()) this.#refuse(delivery, 'CLOSED');
  }

  // What the worker's slot says.

  settled(delivery: Delivery, how: Settlement): void {
    this.#unsettled--;
    const datagram = delivery.packet;
    if (how === 'returned') {
      this.#takeBack([delivery as DatagramDelivery], true);
      this.pump();
      return;
    }
    const discarded = how === 'discarded';
    this.host.observe?.({ kind: 'datagramAcknowledged', datagram, discarded });
    if (discarded) {
      this.#refuse(delivery, delivery.refusal);
      return;
    }
    this.host.counters.handledPackets++;
    if (delivery.attempt === 1) this.host.ledger.handled++;
    else this.host.ledger.redeliveredAndHandled++;
    this.host.datagramOver();
  }

  takeBack(deliveries: readonly Delivery[], loss: Loss, started: number): void {
    this.#unsettled -= deliveries.length;
    const drops = this.settings.onWorkerLost === 'redeliver' ? 0 : started;
    const returned: DatagramDelivery[] = [];
    for (const [index, delivery] of (deliveries as readonly DatagramDelivery[]).entries()) {
      if (loss.alone === delivery) {
        this.host.poisoned(this.settings, delivery.remote);
        this.#refuse(delivery, 'PACKET_POISON');
      } else if (index < drops) {
        this.#refuse(delivery, 'WORKER_LOST');
      } else if (this.#phase === 'closed') {
        this.#refuse(delivery, 'CLOSED');
      } else {
        returned.push(delivery);
      }
    }
    this.#takeBack(returned, !loss.started);
  }

  pump(): void {
    if (this.#pumping || this.#waiting.length === 0) return;
    this.#pumping = true;
    for (const delivery of this.#takeWaiting()) if (this.#give(delivery) !== undefined) this.#keep(delivery);
    this.#pumping = false;
  }

  // What only connections have.

  send(): void {}
  moveTo(): void {}
  finish(): void {}
  abort(): void {}

  /** Gives it to a worker, or says why it has to wait. */
  #give(delivery: DatagramDelivery): 'NO_WORKER' | 'WINDOW_FULL' | undefined {
    const chosen = this.#chosen.get(delivery);
    const slot = chosen?.port === undefined ? this.host.routeDatagram(delivery) : chosen;
    if (slot === 'NO_WORKER' || slot === 'WINDOW_FULL') return slot;
    if (slot === 'DISPATCH_DISCARDED' || slot === 'DISPATCH_CLOSED') {
      this.#chosen.delete(delivery);
      this.#refuse(delivery, slot);
      return undefined;
    }
    if (slot.port === undefined) return 'NO_WORKER';
    if (!slot.admits(delivery)) {
      slot.block(delivery);
      if (chosen !== slot) this.#chosen.set(delivery, slot);
      return 'WINDOW_FULL';
    }
    if (chosen !== undefined) this.#chosen.delete(delivery);
    this.#unsettled++;
    slot.sendDatagram(delivery);
    return undefined;
  }

  /** Nothing tells a sender to stop, so there is a bound on what waits. */
  #wait(delivery: DatagramDelivery, reason: string): void {
    if (this.#waitingBytes + delivery.charge <= this.settings.maxQueuedBytes) {
      this.#keep(delivery);
      return;
    }
    this.#chosen.delete(delivery);
    this.#refuse(delivery, reason);
  }

  #keep(delivery: DatagramDelivery): void {
    this.#waiting.push(delivery);
    this.#waitingBytes += delivery.charge;
  }

  #takeWaiting(): readonly DatagramDelivery[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return waiting;
  }

  /** What was accepted once is not dropped for want of room: it was within the bound of a window. */
  #takeBack(deliveries: readonly DatagramDelivery[], planned: boolean): void {
    const { observe } = this.host;
    const later = this.#takeWaiting();
    for (const delivery of deliveries) {
      observe?.({ kind: 'datagramReturned', datagram: delivery.packet, planned });
      this.#keep(delivery);
    }
    for (const delivery of later) this.#keep(delivery);
  }

  /** Counts one that will not be handled. */
  #refuse({ packet: datagram }: Delivery, reason: string): void {
    const { host } = this;
    const { refused } = host.ledger;
    host.refuse(reason);
    refused[reason] = (refused[reason] ?? 0) + 1;
    host.observe?.({ kind: 'datagramRefused', datagram, reason });
    host.datagramOver();
  }
}
