import type { Dispatched, DispatchPolicy } from './dispatch.js';

/**
 * A connection belongs to worker `n mod workerNum`, where n counts the
 * connections of its reactor. Each reactor starts at another worker, so that
 * few connections on many reactors do not all meet in worker 0.
 */
export class Fixed implements DispatchPolicy {
  readonly sticky = true;

  constructor(
    private readonly workerNum: number,
    /** Ids of one reactor lie this far apart. */
    private readonly idStep: number,
  ) {}

  pick({ id }: Dispatched): number {
    const sequence = Math.floor(id / this.idStep);
    const offset = id % this.idStep;
    return (sequence + offset) % this.workerNum;
  }
}
