/**
 * How fast each address connects, on each listener: a token bucket for each, in
 * memory that all reactors share. Used under the lock of the door.
 *
 * A bucket is one time: until when what it has given is owed. One that owes
 * nothing is full, and the same as none, so that its row is free. An address has
 * eight rows to be in. If others owe in all of them, the one that owes least is
 * forgotten: with more addresses at once than there are rows, a limit for each
 * of them is no help anyway, and `maxConnection` is what holds.
 *
 *   row    listener + 1 (0: never used) │ high │ low      time, beside it
 */
import { spread, type AddressKey } from './address-key.js';

const ROW = 3;
const WAYS = 8;
const ROWS = 65_536;
/** ms by which sums of fractions may differ. */
const ROUNDING = 1e-6;

export class ConnectRates {
  static readonly bytes = ROWS * (ROW * Int32Array.BYTES_PER_ELEMENT + Float64Array.BYTES_PER_ELEMENT);

  readonly #times: Float64Array;
  readonly #keys: Int32Array;

  constructor(
    memory: ArrayBufferLike,
    private readonly seed: number,
  ) {
    this.#times = new Float64Array(memory, 0, ROWS);
    this.#keys = new Int32Array(memory, this.#times.byteLength, ROWS * ROW);
  }

  /**
   * Takes a token of the address, whose bucket holds `count` and gets that many in
   * `interval` ms; says whether there was one. `now` is in ms, on a clock that all share.
   */
  take(listener: number, key: AddressKey, count: number, interval: number, now: number): boolean {
    const row = this.#rowOf(listener, key, now);
    const times = this.#times;
    // A clock that was set back owes nobody more than a bucket.
    const owed = Math.min(interval, Math.max(0, times[row]! - now));
    const token = interval / count;
    if (owed + token > interval + ROUNDING) return false;
    times[row] = now + owed + token;
    return true;
  }

  #rowOf(listener: number, key: AddressKey, now: number): number {
    const first = (spread(this.seed, listener, key) % (ROWS / WAYS)) * WAYS;
    const keys = this.#keys;
    const times = this.#times;
    let best = first;
    for (let row = first; row < first + WAYS; row++) {
      const at = row * ROW;
      if (keys[at] === listener + 1 && keys[at + 1] === key.high && keys[at + 2] === key.low) return row;
      if (times[row]! < times[best]!) best = row;
    }
    keys[best * ROW] = listener + 1;
    keys[best * ROW + 1] = key.high;
    keys[best * ROW + 2] = key.low;
    times[best] = now;
    return best;
  }
}
