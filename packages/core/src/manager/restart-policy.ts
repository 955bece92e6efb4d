import type { WireError } from '../errors.js';

/** Why a worker could not boot. */
export interface BootFailure {
  readonly reason: string;
  /** What it said itself. */
  readonly error: WireError | undefined;
  /** It was not ready within `bootTimeout`. */
  readonly timedOut: boolean;
}

/** How a worker ended, as far as its replacement depends on it. */
export interface WorkerEnd {
  /** It had reported ready. */
  readonly ready: boolean;
  /** ms from its start to its end. */
  readonly lived: number;
  /** Why, if it was not ready. */
  readonly failure?: BootFailure;
}

/** A worker that was ready and still ends within this time of its start, in ms, may be in a crash loop. */
const QUICK_END_MS = 2_000;
/** So many quick ends in a row are answered at once: they may be an operator's doing. */
const QUICK_ENDS_AT_ONCE = 12;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;

/**
 * Decides whether and when a worker that has ended is started again.
 *
 * A worker that had been serving is replaced at once. A worker that never
 * became ready is replaced after a growing delay, and a run of such ends means
 * that the application cannot boot: starting it again would only bury the
 * reason under noise. Crashes right after becoming ready slow down as well, but
 * are never a reason to give up.
 */
export class RestartPolicy {
  #bootFailures = 0;
  #quickEnds = 0;
  #firstFailure: BootFailure | undefined;

  constructor(
    private readonly maxBootFailures: number,
    /** A number in [0, 1), so that workers that fail together do not come back together. */
    private readonly jitter: () => number,
  ) {}

  /** The first boot failure of the present run: those after it may be its consequence. */
  get firstFailure(): BootFailure | undefined {
    return this.#firstFailure;
  }

  /** The delay in ms for those who try on after giving up. */
  get longestDelay(): number {
    return LONGEST_DELAY_MS * (0.5 + this.jitter() / 2);
  }

  /** The delay in ms before the next start, or 'give-up'. */
  next(end: WorkerEnd): number | 'give-up' {
    if (!end.ready) {
      this.#bootFailures++;
      this.#firstFailure ??= end.failure;
      return this.#bootFailures >= this.maxBootFailures ? 'give-up' : this.#delay(this.#bootFailures);
    }
    this.#bootFailures = 0;
    this.#firstFailure = undefined;
    this.#quickEnds = end.lived < QUICK_END_MS ? this.#quickEnds + 1 : 0;
    return this.#quickEnds > QUICK_ENDS_AT_ONCE ? this.#delay(this.#quickEnds - QUICK_ENDS_AT_ONCE) : 0;
  }

  #delay(run: number): number {
    const delay = Math.min(FIRST_DELAY_MS * 2 ** (run - 1), LONGEST_DELAY_MS);
    return delay * (0.5 + this.jitter() / 2);
  }
}
