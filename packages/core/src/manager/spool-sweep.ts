/**
 * Removes what processes have left in the directory for large payloads.
 *
 * A process that has died may have told others of its files. Those that live are
 * asked every second, and when none of them has a pipe to it any more, or a task
 * of it that has not been done, or reads such a file, nobody will ever look at
 * them again. The first question comes a second after the death, so that what was
 * on its way has arrived.
 */
import { spoolTag, spoolTagOf } from '../pipe/spool-names.js';
import type { Clock, Files, Timer } from '../platform/platform.js';

const INTERVAL_MS = 1_000;

export class SpoolSweep {
  readonly #timers = new Set<Timer>();
  #closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly files: Pick<Files, 'list' | 'discard'>,
    private readonly directory: string,
    /** Whether some process may still read files of that incarnation. */
    private readonly isNeeded: (incarnation: number) => Promise<boolean>,
  ) {}

  /** A manager begins: those of its predecessors are gone, with all that they had started. `pids` live. */
  begin(throughIncarnation: number, pids: readonly number[]): void {
    const living = new Set(pids.map((pid) => spoolTag(0, pid)));
    this.#remove((tag) =>
      tag.startsWith('w') ? Number(tag.slice(1)) <= throughIncarnation : !living.has(tag),
    );
  }

  /** A process has ended. */
  ended(incarnation: number): void {
    const tag = spoolTag(incarnation, 0);
    if (this.#namesOf((each) => each === tag).length > 0) this.#later(incarnation);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #later(incarnation: number): void {
    if (this.#closed) return;
    const timer = this.clock.setTimer(INTERVAL_MS, () => {
      this.#timers.delete(timer);
      void this.#try(incarnation);
    });
    this.#timers.add(timer);
  }

  async #try(incarnation: number): Promise<void> {
    const tag = spoolTag(incarnation, 0);
    if (await this.isNeeded(incarnation)) this.#later(incarnation);
    else this.#remove((each) => each === tag);
  }

  #remove(isSuch: (tag: string) => boolean): void {
    for (const name of this.#namesOf(isSuch)) void this.files.discard(`${this.directory}/${name}`);
  }

  #namesOf(isSuch: (tag: string) => boolean): string[] {
    return this.files.list(this.directory).filter((name) => {
      const tag = spoolTagOf(name);
      return tag !== undefined && isSuch(tag);
    });
  }
}
