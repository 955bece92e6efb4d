import { attribute, unwatch, watch } from './attribution.js';
import { giveGlobalsBack, takeGlobals } from './globals/globals.js';
import type { Scheduler } from './scheduler.js';

// Taken now: a test may put fake timers in their place.
const { setImmediate } = globalThis;
const LARGEST_BATCH = 64;

/** What a test waits for. */
export interface Wait {
  satisfied(): boolean;
  /** Virtual ms within which it has to become true. */
  readonly patience: number;
  /** Makes the error for a wait that has ended in vain; undefined when the passing of time was all it wanted. */
  readonly failure?: (reason: 'deadline' | 'idle' | 'livelock') => Error;
}

interface Waiter extends Wait {
  readonly deadline: number;
  events: number;
  resolve(): void;
  reject(error: Error): void;
}

/**
 * Runs the world while, and only while, a test waits for something in it.
 *
 * Each turn is a real `setImmediate`, so Node drains the promise jobs of one
 * event before the next. Immediates are queued in batches, because Node drains
 * between two of one batch as well, and saves the trip around the event loop.
 * A turn that settles a wait runs no event: the test goes on first.
 *
 * Virtual time stands still while real file requests are under way, so that
 * `import()` of a module that was not loaded yet takes no virtual time.
 */
export class Pump {
  readonly #waiters: Waiter[] = [];
  #running = false;
  #batch = 0;
  #hasGlobals = false;
  /** Events that have happened since the world began. */
  events = 0;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly maxEventsPerWait: number,
    /** Whether the globals are the world's while something waits for it. */
    private readonly takesGlobals: boolean,
  ) {}

  wait(wait: Wait): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({
        satisfied: wait.satisfied,
        patience: wait.patience,
        ...(wait.failure !== undefined && { failure: wait.failure }),
        deadline: this.scheduler.time + wait.patience,
        events: 0,
        resolve,
        reject,
      });
      if (this.takesGlobals && !this.#hasGlobals) {
        this.#hasGlobals = true;
        takeGlobals();
      }
      if (this.#running) return;
      this.#running = true;
      this.#batch = 2;
      watch();
      this.#queueBatch();
    });
  }

  #queueBatch(): void {
    this.#batch = Math.min(LARGEST_BATCH, this.#batch * 2);
    for (let i = 0; i < this.#batch; i++) setImmediate(this.#turn);
    setImmediate(this.#endBatch);
  }

  /** The last turn of a batch. Real input and output comes after it, and belongs to nobody. */
  readonly #endBatch = (): void => {
    attribute(undefined);
    if (this.#waiters.length > 0) {
      this.#queueBatch();
    } else {
      this.#running = false;
      // Again, for a wait whose failure could not be told.
      this.#giveGlobalsBack();
      unwatch();
    }
  };

  readonly #turn = (): void => {
    attribute(undefined);
    if (this.#waiters.length === 0 || this.#settle()) return;
    const { scheduler } = this;
    const next = scheduler.nextTime;
    const deadline = this.#earliestDeadline();
    const target = next === undefined || next > deadline ? deadline : next;
    if (target > scheduler.time && realRequestsPending()) return;
    if (next === undefined || next > deadline) {
      scheduler.moveTo(deadline);
      this.#expire(next === undefined ? 'idle' : 'deadline');
      return;
    }
    this.events++;
    for (const waiter of this.#waiters) waiter.events++;
    scheduler.step();
  };

  #settle(): boolean {
    let settled = false;
    for (let i = 0; i < this.#waiters.length; i++) {
      const waiter = this.#waiters[i]!;
      const outcome = this.#outcomeOf(waiter);
      if (outcome === undefined) continue;
      this.#waiters.splice(i--, 1);
      settled = true;
      if (outcome === 'satisfied') waiter.resolve();
      else waiter.reject(outcome);
    }
    if (settled) this.#giveGlobalsBack();
    return settled;
  }

  /** An error when the wait is in vain, or when looking at the fact throws; undefined while it goes on. */
  #outcomeOf(waiter: Waiter): 'satisfied' | Error | undefined {
    if (waiter.events > this.maxEventsPerWait) return failureOf(waiter, 'livelock');
    try {
      return waiter.satisfied() ? 'satisfied' : undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error), { cause: error });
    }
  }

  #earliestDeadline(): number {
    let earliest = Infinity;
    for (const waiter of this.#waiters) earliest = Math.min(earliest, waiter.deadline);
    return earliest;
  }

  #expire(reason: 'deadline' | 'idle'): void {
    for (const waiter of [...this.#waiters]) {
      if (waiter.deadline > this.scheduler.time) continue;
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      if (waiter.failure === undefined) waiter.resolve();
      else waiter.reject(waiter.failure(reason));
    }
    this.#giveGlobalsBack();
  }

  /** Before the test goes on, which it does after this turn. */
  #giveGlobalsBack(): void {
    if (!this.#hasGlobals || this.#waiters.length > 0) return;
    this.#hasGlobals = false;
    giveGlobalsBack();
  }
}

function failureOf(waiter: Waiter, reason: 'livelock'): Error {
  return (
    waiter.failure?.(reason) ??
    new Error(`the simulation made ${waiter.events} events and did not come to the end of the wait`)
  );
}

/** Opening, reading and closing of files, which is what `import()` does. */
function realRequestsPending(): boolean {
  for (const resource of process.getActiveResourcesInfo()) {
    if (resource.startsWith('FSReq') || resource === 'CloseReq') return true;
  }
  return false;
}
