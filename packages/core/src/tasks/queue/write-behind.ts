import type { Clock, Store, StoreChange, Timer } from '../../platform/platform.js';

/** ms until what the store refused is tried again. */
const RETRY_AFTER = 1_000;

/** A change that is wanted only if it can be made now, and who waits for it. */
export interface Admission {
  readonly changes: readonly StoreChange[];
  admitted(): void;
  refused(error: unknown): void;
}

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Group commit: what is asked for in one turn, and while a commit is under way,
 * goes together in the next.
 *
 * An admission that the store refuses is off. All else has happened already, as
 * far as the queue is concerned, and is kept until the store takes it.
 */
export class WriteBehind {
  #admissions: Admission[] = [];
  #changes: StoreChange[] = [];
  readonly #passing = new Map<number, Uint8Array | undefined>();
  #waiters: Waiter[] = [];
  #round = 0;
  #writing: Promise<void> | undefined;
  #scheduled = false;
  #ended = false;
  #retry: Timer | undefined;

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly trouble: (error: unknown) => void,
  ) {}

  /** Changes with the same number here go together. */
  get round(): number {
    return this.#round;
  }

  admit(admission: Admission): void {
    this.#admissions.push(admission);
    this.#schedule();
  }

  set(key: number, value: Uint8Array | undefined): void {
    this.#changes.push({ key, value });
    this.#schedule();
  }

  /** As `set`, for what may be taken back by `revoke` before it is written. */
  setPassing(key: number, value: Uint8Array): void {
    this.#passing.set(key, value);
    this.#schedule();
  }

  /** Removes what was set in that round; if that has not begun, nobody hears of it. */
  revoke(key: number, round: number): void {
    if (round === this.#round) this.#passing.delete(key);
    else this.#passing.set(key, undefined);
    this.#schedule();
  }

  /** Resolves when all that was asked for is durable. */
  written(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#schedule();
    });
  }

  /** Writes what there is once more, and gives up what the store refuses. */
  async end(error: unknown): Promise<void> {
    this.#ended = true;
    await this.#writing;
    await this.#write();
    this.#retry?.cancel();
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }

  #schedule(): void {
    if (this.#scheduled || this.#ended) return;
    this.#scheduled = true;
    if (this.#writing === undefined) this.clock.defer(this.#begin);
  }

  readonly #begin = (): void => {
    if (this.#ended) return;
    this.#writing = this.#write().then(() => {
      this.#writing = undefined;
      if (this.#scheduled) this.#begin();
    });
    this.#scheduled = false;
  };

  async #write(): Promise<void> {
    const admissions = this.#admissions;
    const changes = this.#changes;
    const waiters = this.#waiters;
    for (const [key, value] of this.#passing) changes.push({ key, value });
    this.#passing.clear();
    this.#admissions = [];
    this.#changes = [];
    this.#waiters = [];
    this.#round++;
    const all = admissions.length === 0 ? changes : changes.slice();
    for (const admission of admissions) all.push(...admission.changes);
    try {
      await this.store.commit(all);
    } catch (error) {
      for (const { refused } of admissions) refused(error);
      this.#changes = [...changes, ...this.#changes];
      this.#waiters = [...waiters, ...this.#waiters];
      if (admissions.length > 0 && changes.length > 0) this.#schedule();
      else this.#tryLater();
      this.trouble(error);
      return;
    }
    for (const { admitted } of admissions) admitted();
    for (const { resolve } of waiters) resolve();
  }

  #tryLater(): void {
    if (this.#changes.length === 0 && this.#waiters.length === 0) return;
    this.#retry?.cancel();
    this.#retry = this.clock.setTimer(RETRY_AFTER, () => this.#schedule());
  }
}
