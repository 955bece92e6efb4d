import type { Clock, Timer } from '../platform.js';

/** Node fires a timer with a longer delay at once. */
const longestDelay = 2 ** 31 - 1;

export class NodeClock implements Clock {
  now(): number {
    return performance.now();
  }

  wallTime(): number {
    return Date.now();
  }

  setTimer(delay: number, run: () => void): Timer {
    return new NodeTimer(delay, run);
  }

  defer(run: () => void): void {
    setImmediate(run);
  }
}

class NodeTimer implements Timer {
  #timeout: NodeJS.Timeout;

  constructor(delay: number, run: () => void) {
    this.#timeout = this.#wait(delay, run);
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }

  /** Rounds up: Node cuts fractions off, and a timer that is early finds nothing due. It takes no less than 1 ms. */
  #wait(delay: number, run: () => void): NodeJS.Timeout {
    if (delay <= longestDelay) return setTimeout(run, Math.max(1, Math.ceil(delay)));
    return setTimeout(() => {
      this.#timeout = this.#wait(delay - longestDelay, run);
    }, longestDelay);
  }
}
