import type { LogWriter } from '../platform.js';

/** ms between two lines about connections that could not be accepted. */
const interval = 10_000;

/**
 * Says when connections cannot be accepted. That comes in floods, so a line
 * stands for all of an interval. (Where a process is merely out of file
 * descriptors, Node closes new connections at the door, and tells nobody.)
 */
export class AcceptFailures {
  #saidAt = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(
    private readonly log: LogWriter,
    private readonly place: string,
    private readonly now: () => number = () => performance.now(),
  ) {}

  note(error: Error): void {
    this.#unsaid += 1;
    const now = this.now();
    if (now - this.#saidAt < interval) return;
    this.log.write({
      level: 'error',
      role: 'platform',
      message: `cannot accept connections on ${this.place}: ${error.message}`,
      fields: { connections: this.#unsaid },
    });
    this.#saidAt = now;
    this.#unsaid = 0;
  }
}
