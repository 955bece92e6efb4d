/**
 * The timers that an application declares, in one process: starts those that run
 * here whatever others do, starts those of `on: 'one'` when the manager names
 * this process their holder, and ends all of them when the process leaves.
 *
 *   waiting ──▶ holding ──▶ ended ──▶ released
 *               named by    no run    no run
 *               the manager begins    is pending
 */
import type { TimerSpec } from '../definition.js';
import type { BoundHandler } from '../events/bound-handler.js';
import type { Observe } from '../events/facts.js';
import type { Timers } from './timers.js';

/** What the one who names the holder hears from it. */
export interface HolderEvents {
  /** A timer that runs once has run, or has failed; it never has to again. */
  ran(timer: string): void;
  /** Nothing of these timers runs here any more, nor will. */
  released(): void;
}

export class DeclaredTimers {
  readonly #ids: number[] = [];
  #sole: readonly TimerSpec[] = [];
  #state: 'waiting' | 'holding' | 'ended' | 'released' = 'waiting';
  #events: HolderEvents | undefined;
  /** Runs of timers of `on: 'one'` that are pending. */
  #running = 0;

  constructor(
    private readonly timers: Timers,
    private readonly bind: (spec: TimerSpec) => BoundHandler,
    private readonly observe: Observe | undefined,
  ) {}

  /** Whether this process has timers that run in one worker. */
  get mayHold(): boolean {
    return this.#sole.length > 0;
  }

  /** Starts the timers of this process but those of `on: 'one'`, which wait for `hold`. */
  start(specs: readonly TimerSpec[]): void {
    if (this.#state !== 'waiting') return;
    this.#sole = specs.filter(({ on }) => on === 'one');
    for (const spec of specs) if (spec.on !== 'one') this.#start(spec);
  }

  /** This process is the holder. Timers that run once and are among `ran` have done so elsewhere. */
  hold(ran: readonly string[], events: HolderEvents): void {
    // It began to leave while it was being named.
    if (this.#state !== 'waiting') {
      events.released();
      return;
    }
    this.#state = 'holding';
    this.#events = events;
    const due = this.#sole.filter((spec) => spec.once !== true || !ran.includes(nameOf(spec)));
    const timers = due.map((spec) => this.#startSole(spec));
    this.observe?.({ kind: 'holds', timers });
  }

  /** No run begins from here on; one that is pending goes on. */
  end(): void {
    if (this.#state === 'ended' || this.#state === 'released') return;
    this.#state = 'ended';
    for (const id of this.#ids) this.timers.clear(id);
    this.#release();
  }

  #start(spec: TimerSpec): void {
    const handler = this.bind(spec);
    this.#add(spec, () => handler.run());
  }

  #startSole(spec: TimerSpec): number {
    const handler = this.bind(spec);
    const run = (): unknown => {
      this.#running++;
      return handler.run();
    };
    return this.#add(spec, run, () => {
      this.#running--;
      if (spec.once === true) this.#events?.ran(nameOf(spec));
      this.#release();
    });
  }

  #add({ interval, label, once }: TimerSpec, run: () => unknown, settled?: () => void): number {
    const id =
      once === true
        ? this.timers.after(interval, run, label, settled)
        : this.timers.tick(interval, run, label, settled);
    this.#ids.push(id);
    return id;
  }

  #release(): void {
    if (this.#state !== 'ended' || this.#running > 0) return;
    this.#state = 'released';
    if (this.#events === undefined) return;
    this.observe?.({ kind: 'releases' });
    this.#events.released();
  }
}

/** One method may carry several timers. */
function nameOf({ label, interval }: TimerSpec): string {
  return `${label} after ${interval} ms`;
}
