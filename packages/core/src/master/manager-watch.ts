import type { Clock, Timer } from '../platform/platform.js';

/** The longest time between two looks at a manager, in ms. */
const LONGEST_INTERVAL_MS = 2_000;

export interface ManagerPatience {
  /** ms until it starts workers, for which its start hooks have to settle. */
  readonly bootTimeout: number;
  /** ms between two words after that; 0 waits for ever. */
  readonly workerTimeout: number;
}

/**
 * Feels the pulse of one manager, which runs hooks of the application and so may
 * be blocked like any worker: then nobody would replace those that die.
 *
 * Only gaps that this process did not have itself are charged.
 */
export class ManagerWatch {
  readonly #interval: number;
  #lastHeard: number;
  #lastCheck: number;
  #hasBegun = false;
  #timer: Timer;

  constructor(
    private readonly clock: Clock,
    private readonly patience: ManagerPatience,
    /** Asks it anything that it answers at once. */
    private readonly ask: () => void,
    private readonly onSilent: (reason: string) => void,
  ) {
    const { bootTimeout, workerTimeout } = patience;
    this.#interval = Math.min(bootTimeout / 4, (workerTimeout || Infinity) / 4, LONGEST_INTERVAL_MS);
    this.#lastHeard = this.#lastCheck = clock.now();
    this.#timer = clock.setTimer(this.#interval, this.#check);
  }

  /** `ofWorkers`: it tells of workers that it has started. Before that, an answer only says that its event loop turns. */
  heard(ofWorkers: boolean): void {
    this.#hasBegun ||= ofWorkers;
    if (this.#hasBegun) this.#lastHeard = this.clock.now();
  }

  stop(): void {
    this.#timer.cancel();
  }

  readonly #check = (): void => {
    const now = this.clock.now();
    const ownGap = now - this.#lastCheck - this.#interval;
    this.#lastCheck = now;
    if (ownGap > this.#interval) this.#lastHeard = now;
    const silence = now - this.#lastHeard;
    const { bootTimeout, workerTimeout } = this.patience;
    const limit = this.#hasBegun ? workerTimeout : bootTimeout;
    if (limit > 0 && silence > limit) {
      this.onSilent(this.#reason(silence));
      return;
    }
    this.ask();
    this.#timer = this.clock.setTimer(this.#interval, this.#check);
  };

  #reason(silence: number): string {
    const { bootTimeout, workerTimeout } = this.patience;
    return this.#hasBegun
      ? `its event loop was blocked for ${Math.round(silence)} ms, workerTimeout is ${workerTimeout} ms`
      : `it had not begun to start workers within bootTimeout, ${bootTimeout} ms`;
  }
}
