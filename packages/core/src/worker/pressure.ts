import type { BoundHandler } from '../events/bound-handler.js';

/** What the marks of one connection need of it. */
export interface PressureHost {
  /** Nobody is told anything here any more: it is closed, or another worker serves it. */
  readonly silent: boolean;
  /** The handler of the event; undefined where there is none. */
  bindMark(event: 'bufferFull' | 'bufferEmpty'): BoundHandler | undefined;
  /** Calls it; false when it pends, and `told` is called once it has settled. */
  callMark(handler: BoundHandler): boolean;
  /** Calls `tell` at the end of the turn. */
  tellLater(): void;
}

/**
 * Whether too much waits for one client, in this process or at the owner of its
 * socket: from the high mark on, until it has fallen to the low one. Tells the
 * application of each crossing, in order, one after the other.
 *
 *   waits here  ──┐
 *                 ├─ either of them is above: full ─▶ bufferFull … bufferEmpty
 *   waits there ──┘
 *
 * The owner tells of its side before it settles what made it so: on the way from
 * here to there nothing is out of sight.
 */
export class Pressure {
  #here = false;
  #there = false;
  #opened = false;
  #running = false;
  #scheduled = false;
  /** Crossings that nobody was told of, two at most: a third one and the last cancel each other. */
  readonly #crossings: ('bufferFull' | 'bufferEmpty')[] = [];

  constructor(
    private readonly high: number,
    private readonly low: number,
    private readonly host: PressureHost,
  ) {}

  get full(): boolean {
    return this.#here || this.#there;
  }

  /** Above the high mark by what waits in this process alone. */
  get here(): boolean {
    return this.#here;
  }

  /** So many bytes wait here, after a send. */
  rise(waiting: number): void {
    if (waiting < this.high || this.#here) return;
    const before = this.full;
    this.#here = true;
    if (!before) this.#cross('bufferFull');
  }

  /** So many bytes are left here. */
  fall(waiting: number): void {
    if (waiting > this.low || !this.#here) return;
    this.#here = false;
    if (!this.full) this.#cross('bufferEmpty');
  }

  /** What the owner of the socket says. */
  set(full: boolean): void {
    const before = this.full;
    this.#there = full;
    if (before !== this.full) this.#cross(full ? 'bufferFull' : 'bufferEmpty');
  }

  /** The objects of the connection are there: the application may be told. */
  open(): void {
    this.#opened = true;
    this.#schedule();
  }

  /** Tells of the next crossing. */
  tell(): void {
    this.#scheduled = false;
    while (!this.#running && !this.host.silent) {
      const event = this.#crossings.shift();
      if (event === undefined) return;
      const handler = this.host.bindMark(event);
      if (handler !== undefined) this.#running = !this.host.callMark(handler);
    }
  }

  /** The handler that was called last has settled. */
  told(): void {
    this.#running = false;
    this.#schedule();
  }

  #cross(event: 'bufferFull' | 'bufferEmpty'): void {
    if (this.#crossings.length === 2) this.#crossings.pop();
    else this.#crossings.push(event);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#running || !this.#opened || this.#crossings.length === 0) return;
    this.#scheduled = true;
    this.host.tellLater();
  }
}
