import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Vitals } from '../platform.js';

/** ms between two samples of the event loop's lag: few enough wake-ups that an idle process stays idle. */
const RESOLUTION_MS = 50;

/** Measures the main thread of this process, from the first question on. */
export class ProcessVitals {
  #histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;

  read(): Vitals {
    const rss = process.memoryUsage.rss();
    if (this.#histogram === undefined) {
      this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#histogram.enable();
      return { rss, loopLagP99: null };
    }
    const loopLagP99 = lagOf(this.#histogram);
    this.#histogram.reset();
    return { rss, loopLagP99 };
  }
}

/** Node counts the interval itself as delay. */
function lagOf(histogram: ReturnType<typeof monitorEventLoopDelay>): number | null {
  if (histogram.count === 0) return null;
  return Math.max(0, histogram.percentile(99) / 1e6 - RESOLUTION_MS);
}
