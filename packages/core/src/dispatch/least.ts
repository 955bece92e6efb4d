/**
 * Finds a worker with the smallest count. Those that have equally little take
 * turns, which all reactors count together.
 *
 * It looks at every worker. A heap would spare that, and would have to follow
 * each change that another thread makes.
 */
export class Least {
  /** The workers with the smallest count so far; kept, so that a choice makes no garbage. */
  readonly #equals: number[] = [];

  constructor(
    /** By worker id. */
    private readonly counts: Int32Array,
    private readonly turn: Int32Array,
    /** Counts from here on are equal. */
    private readonly most = Infinity,
  ) {}

  /** A worker id among those that `mayBe`, or -1. */
  pick(mayBe: (workerId: number) => boolean): number {
    let least = Infinity;
    let found = 0;
    for (let workerId = 0; workerId < this.counts.length; workerId++) {
      const count = Math.min(Atomics.load(this.counts, workerId), this.most);
      if (count > least || !mayBe(workerId)) continue;
      if (count < least) found = 0;
      least = count;
      this.#equals[found++] = workerId;
    }
    if (found === 0) return -1;
    return this.#equals[found === 1 ? 0 : (Atomics.add(this.turn, 0, 1) >>> 0) % found]!;
  }
}
