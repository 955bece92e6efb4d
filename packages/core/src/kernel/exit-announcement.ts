import type { Clock, Timer } from '../platform/platform.js';

/** ms between two calls of `@OnWorkerExit`. */
const INTERVAL_MS = 1_000;

/** Runs `@OnWorkerExit` of a worker that must leave, at once and then now and then, whenever it has open work. */
export class ExitAnnouncement {
  #timer: Timer | undefined;
  #over = false;

  constructor(
    private readonly clock: Clock,
    private readonly hasOpenWork: () => boolean,
    private readonly hooks: () => Promise<void>,
  ) {}

  async run(): Promise<void> {
    if (this.hasOpenWork()) await this.hooks();
    if (!this.#over) this.#timer = this.clock.setTimer(INTERVAL_MS, () => void this.run());
  }

  /** The work is done, or its time is over. */
  cancel(): void {
    this.#over = true;
    this.#timer?.cancel();
  }
}
