import type { Clock, Timer } from '@shoal/core/internal/platform/platform';
import type { Actor } from './actor.js';
import type { Scheduler } from './scheduler.js';

/** 2030-01-01T00:00:00Z: far from any real clock, so that a leak of real time shows. */
const EPOCH = Date.UTC(2030, 0, 1);
const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * Virtual time as one process sees it. The monotonic clock of each process
 * begins at its own start, as it may in the real world: comparing two processes'
 * clocks is a mistake that shows here.
 */
export class VirtualClock implements Clock {
  constructor(
    private readonly scheduler: Scheduler,
    private readonly actor: Actor,
  ) {}

  now(): number {
    return this.scheduler.time - this.actor.clockOrigin;
  }

  wallTime(): number {
    return EPOCH + Math.floor(this.scheduler.time);
  }

  /** The wall time at which `now` was 0, with fractions. */
  get origin(): number {
    return EPOCH + this.actor.clockOrigin;
  }

  /** As in Node, the shortest delay is 1 ms. */
  setTimer(delay: number, run: () => void): Timer {
    const ms = delay >= 1 ? Math.min(delay, LONGEST_DELAY) : 1;
    return this.scheduler.timer(ms, this.actor, this.actor.timerSalt, run);
  }

  defer(run: () => void): void {
    if (this.actor.alive) this.scheduler.after(0, this.actor, run, this.actor.defers);
  }
}
