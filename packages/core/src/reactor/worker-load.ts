import type { Delivery, WorkerPort } from './delivery.js';

/**
 * What this reactor adds to the count of packets that the worker of one place
 * has and has not settled. A worker that retires is out of dispatch, and what it
 * still has does not count: its successor is idle until it gets something.
 */
export class WorkerLoad {
  /** This reactor's own part. */
  #packets = 0;

  constructor(
    private readonly counts: Int32Array,
    private readonly workerId: number,
  ) {}

  given(delivery: Delivery, port: WorkerPort): void {
    delivery.countedFor = port;
    this.#add(1);
  }

  settled(delivery: Delivery, current: WorkerPort | undefined): void {
    if (current !== undefined && delivery.countedFor === current) this.#add(-1);
  }

  /** The worker has lost its place, and whatever it had. */
  clear(): void {
    this.#add(-this.#packets);
  }

  #add(packets: number): void {
    this.#packets += packets;
    Atomics.add(this.counts, this.workerId, packets);
  }
}
