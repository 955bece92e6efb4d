/**
 * A lock in shared memory, for the few lines in which a reactor looks something
 * up and changes it, once for each connection. It spins: a role never blocks, and
 * those lines take less than a microsecond, unless the system stops their thread
 * just there.
 */
export class SharedLock {
  constructor(
    private readonly words: Int32Array,
    private readonly at: number,
  ) {}

  take(): void {
    while (Atomics.compareExchange(this.words, this.at, 0, 1) !== 0);
  }

  release(): void {
    Atomics.store(this.words, this.at, 0);
  }
}
