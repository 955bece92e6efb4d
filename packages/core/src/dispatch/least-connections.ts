import type { Dispatched, DispatchPolicy } from './dispatch.js';
import { Least } from './least.js';

const anybody = (): boolean => true;

/**
 * A connection belongs to the worker that serves the fewest when it is accepted.
 * Workers that are ready come first: one that is being replaced has kept its
 * connections, and those wait for it.
 */
export class LeastConnections implements DispatchPolicy {
  readonly sticky = true;
  readonly #least: Least;

  constructor(
    readonly connections: Int32Array,
    turn: Int32Array,
  ) {
    this.#least = new Least(connections, turn);
  }

  pick(_what: Dispatched, isReady: (workerId: number) => boolean): number {
    const workerId = this.#least.pick(isReady);
    return workerId >= 0 ? workerId : this.#least.pick(anybody);
  }
}
