import type { Clock, Timer } from '@shoal/core/internal/platform/platform';

interface Pending {
  readonly due: number;
  readonly run: () => void;
}

/** Time that moves when a test says so. */
export class ManualClock implements Clock {
  #now = 0;
  #deferred: (() => void)[] = [];
  readonly #timers = new Set<Pending>();

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return 1_000_000 + this.#now;
  }

  setTimer(delay: number, run: () => void): Timer {
    const timer: Pending = { due: this.#now + delay, run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  defer(run: () => void): void {
    this.#deferred.push(run);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Ends the turn: runs what was deferred. Says whether there was anything. */
  turn(): boolean {
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const run of deferred) run();
    return deferred.length > 0;
  }

  /** Moves on, timer by timer, each with turns of its own. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.due);
      next.run();
      while (this.turn());
    }
    this.#now = end;
  }

  /** The process was busy: time passes and no timer runs. */
  stall(ms: number): void {
    this.#now += ms;
  }
}

/** Lets the promise jobs that are queued run, and those that they queue. */
export async function promiseJobs(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
