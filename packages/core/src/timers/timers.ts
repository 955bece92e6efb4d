import { HandlerError } from '../errors.js';
import type { BoundHandler } from '../events/bound-handler.js';
import type { Invoker } from '../events/invoke.js';
import type { Clock, Timer } from '../platform/platform.js';

const MAX_DELAY_MS = 2 ** 31 - 1;

/** A timer function gets the id of its timer, so that it can clear itself. */
export type TimerFunction = (id: number) => unknown;

interface Entry {
  readonly id: number;
  readonly handler: BoundHandler;
  /** ms between two runs, or undefined for one run. */
  readonly interval: number | undefined;
  /** Called whenever a run has settled. */
  readonly onSettled: (() => void) | undefined;
  /** When the next run is due, on the platform's clock. */
  due: number;
  timer: Timer | undefined;
}

/**
 * The timers of one process. Runs keep to multiples of the interval, so that
 * they do not drift; what is missed while the process is busy, or while an async
 * run is pending, is skipped and not made up for.
 */
export class Timers {
  #nextId = 1;
  readonly #entries = new Map<number, Entry>();

  constructor(
    private readonly clock: Clock,
    private readonly invoker: Invoker,
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  /** Calls `run` every `interval` ms (1 to 2^31-1); an async run never overlaps itself. */
  tick(interval: number, run: TimerFunction, label = 'server.tick', onSettled?: () => void): number {
    return this.#add(interval, interval, run, label, onSettled);
  }

  /** Calls `run` once after `delay` ms (1 to 2^31-1). */
  after(delay: number, run: TimerFunction, label = 'server.after', onSettled?: () => void): number {
    return this.#add(delay, undefined, run, label, onSettled);
  }

  /** Says whether the timer existed. */
  clear(id: number): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined) return false;
    entry.timer?.cancel();
    this.#forget(id);
    return true;
  }

  /** Clears what repeats. What runs once stays: a handler may be waiting for it. */
  clearTicks(): void {
    for (const [id, entry] of this.#entries) if (entry.interval !== undefined) this.clear(id);
  }

  clearAll(): void {
    for (const id of this.#entries.keys()) this.clear(id);
  }

  #add(
    delay: number,
    interval: number | undefined,
    run: TimerFunction,
    label: string,
    onSettled: (() => void) | undefined,
  ): number {
    if (!Number.isFinite(delay) || delay < 1 || delay > MAX_DELAY_MS) {
      throw new HandlerError('TIMER_INVALID', `a timer takes 1 to ${MAX_DELAY_MS} ms, not ${String(delay)}`);
    }
    const id = this.#nextId++;
    const handler: BoundHandler = { event: 'tick', label, run: () => run(id), parameters: 1 };
    const due = this.clock.now() + delay;
    const entry: Entry = { id, handler, interval, onSettled, due, timer: undefined };
    this.#entries.set(id, entry);
    this.invoker.observe?.({
      kind: 'timerSet',
      timer: id,
      handler: label,
      delay,
      repeats: interval !== undefined,
    });
    this.#arm(entry);
    return id;
  }

  #forget(id: number): void {
    this.#entries.delete(id);
    this.invoker.observe?.({ kind: 'timerCleared', timer: id });
  }

  #arm(entry: Entry): void {
    entry.timer = this.clock.setTimer(Math.max(0, entry.due - this.clock.now()), () => this.#fire(entry));
  }

  #fire(entry: Entry): void {
    if (entry.interval === undefined) this.#forget(entry.id);
    if (this.invoker.call(entry.handler, entry.id, 0, this.#settled, entry)) this.#settled(entry);
  }

  readonly #settled = (entry: Entry): void => {
    entry.onSettled?.();
    // It may have been cleared meanwhile.
    if (entry.interval === undefined || !this.#entries.has(entry.id)) return;
    const late = Math.max(0, this.clock.now() - entry.due);
    entry.due += entry.interval * (Math.floor(late / entry.interval) + 1);
    this.#arm(entry);
  };
}
