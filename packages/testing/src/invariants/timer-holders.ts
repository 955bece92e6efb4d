import type { Rule } from './violation.js';

/**
 * Timers of `on: 'one'` run in one worker at a time: who holds them, from the
 * moment at which it says so to that at which it releases them or dies, and
 * which of their runs are pending.
 */
export class TimerHolders {
  #holder: number | undefined;
  /** Numbers of the timers by the pid of every process that has held them. */
  readonly #timers = new Map<number, ReadonlySet<number>>();
  /** Pids in which a run is pending, with their number. */
  readonly #running = new Map<number, number>();

  constructor(private readonly report: (rule: Rule, message: string, connection: number) => void) {}

  holds(pid: number, timers: readonly number[]): void {
    if (this.#holder !== undefined)
      this.#complain(`pid ${pid} holds the timers of one worker, and pid ${this.#holder} does too`);
    for (const other of this.#running.keys())
      this.#complain(`pid ${pid} holds the timers of one worker, and one still runs in pid ${other}`);
    this.#holder = pid;
    this.#timers.set(pid, new Set(timers));
  }

  releases(pid: number): void {
    if (this.#holder === pid) this.#holder = undefined;
  }

  started(pid: number, timer: number, handler: string): void {
    if (this.#timers.get(pid)?.has(timer) !== true) return;
    if (this.#holder !== pid) this.#complain(`pid ${pid} starts ${handler}, and does not hold it any more`);
    this.#running.set(pid, (this.#running.get(pid) ?? 0) + 1);
  }

  settled(pid: number, timer: number): void {
    if (this.#timers.get(pid)?.has(timer) !== true) return;
    const left = this.#running.get(pid)! - 1;
    if (left > 0) this.#running.set(pid, left);
    else this.#running.delete(pid);
  }

  died(pid: number): void {
    this.releases(pid);
    this.#timers.delete(pid);
    this.#running.delete(pid);
  }

  #complain(message: string): void {
    this.report('timers', message, 0);
  }
}
