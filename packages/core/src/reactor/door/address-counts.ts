/**
 * How many connections each address has, on each listener: exact, and shared by
 * all reactors. Used under the lock of the door.
 *
 * An address is in the table while it has a connection, or is in a handshake,
 * so that the table needs no more rows than there may be of both, and twice as
 * many for short ways.
 *
 *   row    listener + 1 (0: empty) │ high │ low │ connections
 */
import { spread, type AddressKey } from './address-key.js';

const ROW = 4;
const COUNT = 3;

export class AddressCounts {
  readonly #mask: number;

  constructor(
    private readonly words: Int32Array,
    private readonly seed: number,
  ) {
    this.#mask = words.length / ROW - 1;
  }

  /** Bytes of the memory for at most so many connections and handshakes. */
  static bytesFor(connections: number): number {
    const rows = 2 ** Math.ceil(Math.log2(Math.max(8, 2 * connections)));
    return rows * ROW * Int32Array.BYTES_PER_ELEMENT;
  }

  /** Counts one more, unless the address has `limit` already; says whether it did. */
  enter(listener: number, key: AddressKey, limit: number): boolean {
    const { words } = this;
    const at = this.#find(listener, key);
    if (words[at] === 0) {
      words[at] = listener + 1;
      words[at + 1] = key.high;
      words[at + 2] = key.low;
    } else if (words[at + COUNT]! >= limit) {
      return false;
    }
    words[at + COUNT]!++;
    return true;
  }

  leave(listener: number, key: AddressKey): void {
    const { words } = this;
    const at = this.#find(listener, key);
    if (words[at] !== 0 && --words[at + COUNT]! === 0) this.#remove(at / ROW);
  }

  /** Where its row is, or begins. */
  #find(listener: number, key: AddressKey): number {
    const { words } = this;
    for (let row = this.#home(listener, key); ; row = (row + 1) & this.#mask) {
      const at = row * ROW;
      if (words[at] === 0) return at;
      if (words[at] === listener + 1 && words[at + 1] === key.high && words[at + 2] === key.low) return at;
    }
  }

  #home(listener: number, key: AddressKey): number {
    return spread(this.seed, listener, key) & this.#mask;
  }

  /** Moves up what had to go past this row, so that no way is broken. */
  #remove(gap: number): void {
    const { words } = this;
    for (let row = (gap + 1) & this.#mask; words[row * ROW] !== 0; row = (row + 1) & this.#mask) {
      const at = row * ROW;
      const home = this.#home(words[at]! - 1, { high: words[at + 1]!, low: words[at + 2]! });
      const ownWay = (row - home) & this.#mask;
      if (ownWay < ((row - gap) & this.#mask)) continue;
      words.copyWithin(gap * ROW, at, at + ROW);
      gap = row;
    }
    words.fill(0, gap * ROW, gap * ROW + ROW);
  }
}
