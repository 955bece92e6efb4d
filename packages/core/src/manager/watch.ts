import type { WorkerVitals } from '../pipe/crew-status.js';
import type { Clock, Timer } from '../platform/platform.js';
import type { WorkerHandle } from './worker-handle.js';

/** The longest time between two looks at a worker, in ms. */
const LONGEST_INTERVAL_MS = 2_000;

/**
 * Feels the pulse of the workers: asks each how it is doing, several times in
 * `workerTimeout`, and finds those whose event loop is blocked.
 *
 * Only gaps that this process did not have itself are charged: after a pause of
 * the whole machine everybody starts anew.
 */
export class Watch {
  readonly #interval: number;
  #lastCheck = 0;
  #timer: Timer | undefined;
  readonly #counts = new Map<WorkerHandle, { readonly requests: number; readonly at: number }>();

  constructor(
    private readonly clock: Clock,
    /** ms; 0 kills nobody. */
    private readonly workerTimeout: number,
    private readonly watched: () => readonly WorkerHandle[],
    private readonly onBlocked: (worker: WorkerHandle, silence: number) => void,
  ) {
    this.#interval =
      workerTimeout === 0 ? LONGEST_INTERVAL_MS : Math.min(workerTimeout / 4, LONGEST_INTERVAL_MS);
  }

  start(): void {
    this.#lastCheck = this.clock.now();
    this.#timer = this.clock.setTimer(this.#interval, this.#check);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** An answer of a worker. */
  heard(worker: WorkerHandle, vitals: WorkerVitals): void {
    const now = this.clock.now();
    const before = this.#counts.get(worker);
    if (before !== undefined && now > before.at)
      worker.requestsPerSecond = ((vitals.requests - before.requests) * 1_000) / (now - before.at);
    this.#counts.set(worker, { requests: vitals.requests, at: now });
    worker.vitals = vitals;
  }

  readonly #check = (): void => {
    const now = this.clock.now();
    const ownGap = now - this.#lastCheck - this.#interval;
    this.#lastCheck = now;
    const watched = this.watched();
    for (const worker of watched) {
      // One that has just begun has not been asked yet.
      const { servesSince = worker.lastHeard } = worker;
      if (ownGap > this.#interval || worker.lastHeard < servesSince) worker.lastHeard = now;
      const silence = now - worker.lastHeard;
      if (this.workerTimeout > 0 && silence > this.workerTimeout) this.onBlocked(worker, silence);
      else worker.send({ type: 'ping' });
    }
    for (const worker of this.#counts.keys()) if (!watched.includes(worker)) this.#counts.delete(worker);
    this.#timer = this.clock.setTimer(this.#interval, this.#check);
  };
}
