import type { Dispatched, DispatchPolicy } from './dispatch.js';
import { Least } from './least.js';

/** Each packet goes to the worker that has the fewest packets of all reactors which it has not settled. */
export class LeastInFlight implements DispatchPolicy {
  readonly sticky = false;
  readonly #least: Least;

  constructor(
    readonly inFlight: Int32Array,
    turn: Int32Array,
  ) {
    this.#least = new Least(inFlight, turn);
  }

  pick(_what: Dispatched, isReady: (workerId: number) => boolean): number {
    return this.#least.pick(isReady);
  }
}
