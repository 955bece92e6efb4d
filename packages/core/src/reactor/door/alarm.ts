import type { Logger } from '../../log.js';
import type { Clock, Timer } from '../../platform/platform.js';

/** ms without a refusal after which it counts as quiet again. */
const QUIET_MS = 10_000;

/**
 * Says once that connections are refused for one reason, and once that they are
 * no more, however many reactors refuse: two words in the memory that they share
 * hold whether it rings, and how often it had a reason to.
 */
export class Alarm {
  #timer: Timer | undefined;
  #before = 0;

  constructor(
    private readonly words: Int32Array,
    private readonly at: number,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly code: string,
    /** Whether it would be refused even now. */
    private readonly persists: () => boolean = () => false,
  ) {}

  /** Something was refused. `describe` is called when the alarm begins. */
  ring(describe: () => string): void {
    const { words, at } = this;
    const refusals = Atomics.add(words, at + 1, 1) + 1;
    if (Atomics.compareExchange(words, at, 0, 1) !== 0) return;
    this.#before = refusals - 1;
    this.logger.warn(describe(), { code: this.code });
    this.#watch(refusals);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Whoever rang looks whether it is over. */
  #watch(seen: number): void {
    this.#timer = this.clock.setTimer(QUIET_MS, () => {
      const { words, at } = this;
      const refusals = Atomics.load(words, at + 1);
      if (refusals !== seen || this.persists()) return this.#watch(refusals);
      Atomics.store(words, at, 0);
      const count = (refusals - this.#before) | 0;
      this.logger.info(`quiet again: none refused for ${QUIET_MS} ms, after ${count}`, { code: this.code });
    });
  }
}

/** Words that one alarm takes. */
export const ALARM_WORDS = 2;
