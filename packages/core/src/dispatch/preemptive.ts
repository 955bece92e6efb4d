import type { Dispatched, DispatchPolicy } from './dispatch.js';
import { Least } from './least.js';

/**
 * Each packet goes to an idle worker, one that has settled all packets of all
 * reactors; when everybody is busy, to the next in turn. Two reactors that
 * choose in the same instant may choose the same.
 */
export class Preemptive implements DispatchPolicy {
  readonly sticky = false;
  readonly #least: Least;

  constructor(
    readonly inFlight: Int32Array,
    turn: Int32Array,
  ) {
    this.#least = new Least(inFlight, turn, 1);
  }

  pick(_what: Dispatched, isReady: (workerId: number) => boolean): number {
    return this.#least.pick(isReady);
  }
}
