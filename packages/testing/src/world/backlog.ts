import type { ScheduledEvent } from './event-queue.js';
import { outside } from './outside.js';
import type { Scheduler } from './scheduler.js';

/**
 * Events that are due while something is in their way.
 *
 * When the way is free they happen one after another, in order, each in an
 * event of its own and all at one virtual time. What becomes due meanwhile
 * queues behind them, so that nothing overtakes. A timer that was cancelled
 * while it waited, or by one that waited before it, never runs.
 */
export class Backlog {
  readonly #waiting: { readonly event: ScheduledEvent; readonly happen: () => void }[] = [];
  #next = 0;
  #release: ScheduledEvent | undefined;

  constructor(
    private readonly scheduler: Scheduler,
    /** Nothing is in the way any more, and nothing waits behind what happens now. */
    private readonly freed: () => void,
  ) {}

  add(event: ScheduledEvent, happen: () => void): void {
    this.#waiting.push({ event, happen });
  }

  /** Frees the way in so many virtual ms and not before, with Infinity never. Takes the place of an earlier call. */
  freeIn(ms: number): void {
    this.#release?.cancel();
    this.#release =
      ms === Infinity ? undefined : this.scheduler.after(ms, outside, () => this.#letOneHappen());
  }

  #letOneHappen(): void {
    const first = this.#waiting[this.#next++];
    if (this.#next < this.#waiting.length) this.freeIn(0);
    else this.freed();
    if (first?.event.due === true) first.happen();
  }
}
