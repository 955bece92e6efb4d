/**
 * One run of a piece of work at a time, for all who wait. Whoever asks during a
 * run gets the next one, together with all others who have: the slower the work,
 * the more is done by each run of it.
 */
export class GroupCommit {
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(private readonly run: () => Promise<void>) {}

  /** Resolves when a run that began after this call has ended; rejects when that run does. */
  async commit(): Promise<void> {
    this.#next ??= this.#running
      .catch(() => {}) // Told to those who waited for it.
      .then(() => {
        this.#next = undefined;
        this.#running = this.run();
        return this.#running;
      });
    return this.#next;
  }
}
