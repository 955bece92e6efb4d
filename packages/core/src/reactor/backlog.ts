import type { Delivery } from './delivery.js';

/**
 * What of one connection was accepted and is not settled: packets that wait
 * here, and deliveries that a worker has.
 *
 * The bytes of those that a worker has are bounded, as by a `Window`, which would
 * be one more object for each connection that is idle. What waits is in the order
 * of its numbers, also after workers have given some of it back.
 */
export class Backlog {
  /** Deliveries that a worker has, events of the connection itself included. */
  unsettled = 0;
  /** The packets among them. */
  unsettledPackets = 0;
  /** Bytes that the worker has sent since it last settled anything, for `delivery.answered`. */
  answered = 0;
  /** Framed, and not with a worker: given back by one, or refused by a window. Most connections never have any. */
  #waiting: Delivery[] | undefined;
  /** Bytes of the packets that a worker has. */
  #used = 0;

  /** `limit`: bytes of packets that a worker may have. */
  constructor(private readonly limit: number) {}

  /** Packets that wait. */
  get waiting(): number {
    return this.#waiting === undefined ? 0 : this.#waiting.length;
  }

  /** Packets that were accepted and are not settled, wherever they are. */
  get packets(): number {
    return this.unsettledPackets + this.waiting;
  }

  /** Whether a worker may have this packet as well; one that has none may have any. */
  admits(packet: Delivery): boolean {
    return this.#used === 0 || this.#used + packet.charge <= this.limit;
  }

  /** A worker gets it. */
  given(delivery: Delivery): void {
    this.unsettled++;
    if (delivery.kind !== 'packet') return;
    this.unsettledPackets++;
    this.#used += delivery.charge;
  }

  /** No worker has it any longer: it is settled, given back, or its worker is lost. */
  over(delivery: Delivery): void {
    this.unsettled--;
    if (delivery.kind !== 'packet') return;
    this.unsettledPackets--;
    this.#used -= delivery.charge;
  }

  /** Behind all that waits. */
  push(packet: Delivery): void {
    (this.#waiting ??= []).push(packet);
  }

  /** The first of those that wait, which waits no longer. */
  shift(): Delivery | undefined {
    return this.#waiting?.shift();
  }

  /** Before all that waits. */
  unshift(packet: Delivery): void {
    (this.#waiting ??= []).unshift(packet);
  }

  /** At its place among those that wait. */
  insert(packet: Delivery): void {
    const waiting = (this.#waiting ??= []);
    const at = waiting.findIndex((other) => other.packet > packet.packet);
    if (at < 0) waiting.push(packet);
    else waiting.splice(at, 0, packet);
  }

  /** Before all that waits, in their order: a worker had them, and whatever waits was framed later. */
  putBack(packets: readonly Delivery[]): void {
    if (packets.length > 0) this.#waiting = packets.concat(this.#waiting ?? []);
  }

  /** All that wait: none of them does any longer. */
  clear(): readonly Delivery[] {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    return waiting;
  }
}
