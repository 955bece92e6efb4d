import type { WorkerPort } from './delivery.js';

/**
 * What the owner of a socket keeps of a connection that is pinned to a worker:
 * the worker, how far each direction has ended, and what the worker has sent and
 * the client has not taken.
 */
export class Pinning {
  /** The worker was told that the client has finished sending. */
  inputEndTold = false;
  /** Nothing more is sent to the client. */
  outputEnded = false;
  #held: number[] = [];

  constructor(readonly port: WorkerPort) {}

  /** Something that was sent waits for the client: `ticket` is given back when it has taken it. */
  hold(ticket: number): void {
    this.#held.push(ticket);
  }

  /** The client has taken everything, or nothing can reach it any more. */
  release(): void {
    const held = this.#held;
    this.#held = [];
    for (const ticket of held) this.port.taken(ticket);
  }
}
