import type { Clock, Timer } from '../platform/platform.js';
import type { RestartPolicy, WorkerEnd } from './restart-policy.js';
import type { WorkerHandle } from './worker-handle.js';

/**
 * Workers that have loaded the application and wait for an id: one that dies is
 * replaced by one of them without the time that a boot takes.
 */
export class Standby {
  readonly #spares = new Set<WorkerHandle>();
  #pending: Timer | undefined;
  #stopped = false;
  #started = false;

  constructor(
    private readonly clock: Clock,
    /** How many there should be. */
    private readonly count: number,
    private readonly policy: RestartPolicy,
    private readonly spawn: () => WorkerHandle,
    /** Ends one that is not wanted any more. */
    private readonly dismiss: (spare: WorkerHandle) => void,
  ) {}

  /** Starts what is missing. */
  fill(): void {
    this.#started = true;
    while (!this.#stopped && this.#pending === undefined && this.#spares.size < this.count)
      this.#spares.add(this.spawn());
  }

  /** One that is loaded, if there is one; another is started for it. */
  take(): WorkerHandle | undefined {
    for (const spare of this.#spares) {
      if (spare.state !== 'loaded') continue;
      this.#spares.delete(spare);
      if (this.#started) this.fill();
      return spare;
    }
    return undefined;
  }

  /** Says whether it was one of these; then another is started, later if they fail to load. */
  lost(worker: WorkerHandle, end: WorkerEnd): boolean {
    if (!this.#spares.delete(worker)) return false;
    const delay = this.policy.next(end);
    if (this.#stopped || delay === 'give-up') return true;
    this.#pending ??= this.clock.setTimer(delay, () => {
      this.#pending = undefined;
      this.fill();
    });
    return true;
  }

  /** The code on disk is another one: all are started anew. */
  renew(): void {
    const outdated = [...this.#spares];
    this.#spares.clear();
    this.fill();
    for (const spare of outdated) this.dismiss(spare);
  }

  stop(): void {
    this.#stopped = true;
    this.#pending?.cancel();
  }
}
