import type { Waiting } from './harness.js';

const POLL_MS = 10;
export const REAL_PATIENCE = 5_000;

interface Wait {
  fact(): boolean;
  resolve(): void;
}

/** Waits for facts of the real world: looked at after each event, and every 10 ms for those without one. */
export class RealWaiting implements Waiting {
  readonly #waits = new Set<Wait>();

  /** @param explain what to add to a failure, such as log lines */
  constructor(private readonly explain: () => string) {}

  /** Something happened. */
  poke(): void {
    for (const wait of this.#waits) if (wait.fact()) wait.resolve();
  }

  until(fact: () => boolean, expectation: () => string, patience = REAL_PATIENCE): Promise<void> {
    if (fact()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearInterval(poll);
        clearTimeout(deadline);
        this.#waits.delete(wait);
      };
      const wait: Wait = {
        fact,
        resolve: () => {
          settle();
          resolve();
        },
      };
      const poll = setInterval(() => {
        if (fact()) wait.resolve();
      }, POLL_MS);
      const deadline = setTimeout(() => {
        settle();
        reject(new Error(`expected ${expectation()}, not within ${patience} ms; ${this.explain()}`));
      }, patience);
      this.#waits.add(wait);
    });
  }
}
