/** Who an event belongs to: it happens only while its owner lives, and inside it. */
export interface Owner {
  readonly alive: boolean;
  /** Runs one event of the owner; what it throws is the owner's to answer for. */
  enter(run: () => void): void;
}

/** One thing that will happen. A cancelled one does not. */
export class ScheduledEvent {
  #cancelled = false;

  constructor(
    readonly time: number,
    readonly tie: number,
    readonly sequence: number,
    readonly owner: Owner,
    readonly run: () => void,
  ) {}

  get due(): boolean {
    return !this.#cancelled && this.owner.alive;
  }

  cancel(): void {
    this.#cancelled = true;
  }
}

/** A binary heap by time, then by drawn tie, then by the order of scheduling. */
export class EventQueue {
  #heap: ScheduledEvent[] = [];
  #limit = 1024;

  push(event: ScheduledEvent): void {
    if (this.#heap.length >= this.#limit) this.#compact();
    this.#heap.push(event);
    this.#up(this.#heap.length - 1);
  }

  /** The first event that will really happen; the ones before it, cancelled or of the dead, are forgotten. */
  peek(): ScheduledEvent | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.due) return first;
      this.pop();
    }
  }

  pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  clear(): void {
    this.#heap = [];
  }

  /** Timers that are set and cancelled over and over would fill the heap with ghosts. */
  #compact(): void {
    this.#heap = this.#heap.filter((event) => event.due);
    this.#heap.sort((a, b) => (before(a, b) ? -1 : 1));
    this.#limit = Math.max(1024, this.#heap.length * 2);
  }

  #up(start: number): void {
    const heap = this.#heap;
    const event = heap[start]!;
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #down(start: number): void {
    const heap = this.#heap;
    const event = heap[start]!;
    let at = start;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, event)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = event;
  }
}

function before(a: ScheduledEvent, b: ScheduledEvent): boolean {
  if (a.time !== b.time) return a.time < b.time;
  if (a.tie !== b.tie) return a.tie < b.tie;
  return a.sequence < b.sequence;
}
