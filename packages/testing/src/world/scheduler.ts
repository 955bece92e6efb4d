import { EventQueue, ScheduledEvent, type Owner } from './event-queue.js';
import type { Prng } from './prng.js';

/** Virtual delays are multiples of this many ms, so that events meet at one time and their order is drawn. */
export const GRAIN = 1 / 16;

const GOLDEN_RATIO = 0.6180339887498949;

/** What must stay in order: one direction of a stream or link, the defers of one process. */
export class Channel {
  lastTime = 0;
  lastTie = 0;
}

/**
 * Virtual time and the one queue of events. At equal times the order of
 * independent sources is drawn; within one channel it is the order of
 * scheduling, because neither time nor tie ever falls there.
 */
export class Scheduler {
  readonly #queue = new EventQueue();
  #time = 0;
  #sequence = 0;

  constructor(private readonly random: Prng) {}

  /** Virtual ms since the world began. */
  get time(): number {
    return this.#time;
  }

  /** Schedules `run` inside `owner` in `delay` ms, or right after the last event of the channel if that is later. */
  after(delay: number, owner: Owner, run: () => void, channel?: Channel): ScheduledEvent {
    let time = this.#time + delay;
    let tie = this.random.next();
    if (channel !== undefined) {
      if (time < channel.lastTime) time = channel.lastTime;
      if (time === channel.lastTime && tie < channel.lastTie) tie = channel.lastTie;
      channel.lastTime = time;
      channel.lastTie = tie;
    }
    return this.#push(time, tie, owner, run, false);
  }

  /** As `after`, but timers of one salt that are due at one time run in the order of setting. */
  timer(delay: number, owner: Owner, salt: number, run: () => void): ScheduledEvent {
    const time = this.#time + delay;
    return this.#push(time, (salt + time * GOLDEN_RATIO) % 1, owner, run, true);
  }

  /** Whether nothing is on its way: all that will happen are timers. */
  get quiet(): boolean {
    // What was cancelled is on its way no more: looking forgets it.
    this.#queue.peek();
    return this.#queue.onWay === 0;
  }

  /** When the next event happens; undefined when nothing will. */
  get nextTime(): number | undefined {
    return this.#queue.peek()?.time;
  }

  /** Moves time to the next event and lets it happen. */
  step(): void {
    const event = this.#queue.peek();
    if (event === undefined) return;
    this.#queue.pop();
    this.#time = event.time;
    event.owner.enter(event);
  }

  /** Moves time on, with nothing happening. */
  moveTo(time: number): void {
    if (time > this.#time) this.#time = time;
  }

  #push(time: number, tie: number, owner: Owner, run: () => void, timed: boolean): ScheduledEvent {
    const event = new ScheduledEvent(time, tie, this.#sequence++, owner, run, timed);
    this.#queue.push(event);
    return event;
  }

  clear(): void {
    this.#queue.clear();
  }
}
