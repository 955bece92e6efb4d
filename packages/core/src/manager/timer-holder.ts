/**
 * Names the one event worker that runs the timers of `on: 'one'`: the lowest id
 * that serves. It stays the holder until it has told that nothing of them runs
 * there any more, or is dead, so that there are never two; then another is named
 * at once.
 */
import type { WorkerHandle } from './worker-handle.js';
import type { WorkerPlace } from './worker-place.js';

export class TimerHolder {
  #holder: WorkerHandle | undefined;
  readonly #ran: Set<string>;

  constructor(
    private readonly places: readonly WorkerPlace[],
    /** Those of `on: 'one'` that run once, and have under an earlier manager. */
    ran: readonly string[],
    private readonly onRan: (timer: string) => void,
    private readonly isStopping: () => boolean,
  ) {
    this.#ran = new Set(ran);
  }

  /** Looks for a holder if there is none; called whenever a worker has another state or place. */
  look(): void {
    if (this.#holder !== undefined || this.isStopping()) return;
    const next = this.places.find(
      ({ current }) => current?.state === 'serving' && current.mayHoldTimers,
    )?.current;
    if (next === undefined) return;
    this.#holder = next;
    next.send({ type: 'hold', ran: [...this.#ran] });
  }

  ran(timer: string): void {
    this.#ran.add(timer);
    this.onRan(timer);
  }

  /** A worker has told that its timers have ended, or is dead. */
  released(worker: WorkerHandle): void {
    if (this.#holder === worker) this.#holder = undefined;
  }
}
