import type { Clock, Timer } from '../../platform/platform.js';

/** What becomes ready at a time. */
export interface Due {
  readonly id: number;
  /** ms since the epoch. */
  dueAt: number;
}

/** ms after which the wall clock is looked at again, because somebody may have set it. */
const LONGEST_WAIT = 60_000;

/** A heap of what is delayed, the next first, with one timer for all. */
export class DelayedTasks<T extends Due> {
  readonly #heap: { readonly dueAt: number; readonly item: T }[] = [];
  #timer: Timer | undefined;
  /** Not by the wall clock, which may have been set since. */
  #timerAt = Infinity;

  constructor(
    private readonly clock: Clock,
    /** Each item, in the order of due times; also those that are no longer delayed. */
    private readonly due: (items: readonly T[]) => void,
  ) {}

  add(item: T): void {
    const heap = this.#heap;
    let at = heap.length;
    const entry = { dueAt: item.dueAt, item };
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
    if (at === 0) this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#heap.length = 0;
  }

  #arm(): void {
    const next = this.#heap[0];
    if (next === undefined) return;
    const now = this.clock.now();
    const wait = Math.min(LONGEST_WAIT, Math.max(0, next.dueAt - this.clock.wallTime()));
    if (this.#timer !== undefined && this.#timerAt <= now + wait) return;
    this.#timer?.cancel();
    this.#timerAt = now + wait;
    this.#timer = this.clock.setTimer(wait, () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const now = this.clock.wallTime();
    const items: T[] = [];
    for (let next = this.#heap[0]; next !== undefined && next.dueAt <= now; next = this.#heap[0])
      items.push(this.#shift());
    if (items.length > 0) this.due(items);
    this.#arm();
  }

  #shift(): T {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return first.item;
  }

  #sink(entry: { readonly dueAt: number; readonly item: T }): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, entry)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = entry;
  }
}

function before(
  a: { readonly dueAt: number; readonly item: Due },
  b: { readonly dueAt: number; readonly item: Due },
): boolean {
  return a.dueAt === b.dueAt ? a.item.id < b.item.id : a.dueAt < b.dueAt;
}
