/** Who an event belongs to: it happens only while its owner lives, and inside it. */
export interface Owner {
  readonly alive: boolean;
  /** Runs one event of the owner, now or when nothing is in its way; what it throws is the owner's to answer for. */
  enter(event: ScheduledEvent): void;
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
    /** It happens because time passes, not because something is on its way. */
    readonly timed: boolean,
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
  #onWay = 0;

  /** Events in the queue that are no timers. Those of the dead count until their time has come. */
  get onWay(): number {
    return this.#onWay;
  }

  push(event: ScheduledEvent): void {
    if (this.#heap.length >= this.#limit) this.#compact();
    this.#heap.push(event);
    if (!event.timed) this.#onWay++;
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
    if (this.#heap[0]?.timed === false) this.#onWay--;
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  clear(): void {
    this.#heap = [];
    this.#onWay = 0;
  }

  /** Timers that are set and cancelled over and over would fill the heap with ghosts. */
  #compact(): void {
    this.#heap = this.#heap.filter((event) => event.due);
    this.#heap.sort((a, b) => (before(a, b) ? -1 : 1));
    this.#onWay = this.#heap.reduce((count, { timed }) => (timed ? count : count + 1), 0);
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
