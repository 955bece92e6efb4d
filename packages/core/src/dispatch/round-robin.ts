import { NOBODY, type Dispatched, type DispatchPolicy } from './dispatch.js';

/** Each packet goes to the next worker that is ready. All reactors share one count, so that the split is even. */
export class RoundRobin implements DispatchPolicy {
  readonly sticky = false;

  constructor(
    private readonly workerNum: number,
    /** One 32-bit count of dispatches, shared by the reactors. */
    private readonly count: Int32Array,
  ) {}

  pick(_what: Dispatched, isReady: (workerId: number) => boolean): number {
    for (let tries = 0; tries < this.workerNum; tries++) {
      const workerId = (Atomics.add(this.count, 0, 1) >>> 0) % this.workerNum;
      if (isReady(workerId)) return workerId;
    }
    return NOBODY;
  }
}
