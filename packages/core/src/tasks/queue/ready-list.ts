/** What has a place in a line. */
export interface Placed {
  /** Grows with everything that joins a line. */
  place: number;
}

/** Forgotten heads that are kept before the array moves up. */
const LARGEST_GAP = 1_024;

/**
 * A line in which whoever was taken out may come back to its old place.
 *
 * What was taken came from the front, so that everything which comes back
 * belongs before all that are still in line: a second, sorted list is enough.
 */
export class ReadyList<T extends Placed> {
  #line: T[] = [];
  #head = 0;
  /** The first of them is the last element. */
  readonly #returned: T[] = [];

  get size(): number {
    return this.#line.length - this.#head + this.#returned.length;
  }

  /** Joins at the end. */
  push(item: T): void {
    this.#line.push(item);
  }

  peek(): T | undefined {
    return this.#returned.at(-1) ?? this.#line[this.#head];
  }

  shift(): T | undefined {
    const returned = this.#returned.pop();
    if (returned !== undefined) return returned;
    const first = this.#line[this.#head];
    if (first === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#line.length) {
      this.#line = [];
      this.#head = 0;
    } else if (this.#head > LARGEST_GAP && this.#head * 2 > this.#line.length) {
      this.#line = this.#line.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  /** These come back, each to its place. */
  putBack(items: readonly T[]): void {
    if (items.length === 0) return;
    this.#returned.push(...items);
    this.#returned.sort((a, b) => b.place - a.place);
  }

  /** Looks through the line from its front. */
  remove(item: T): void {
    const returned = this.#returned.indexOf(item);
    if (returned !== -1) {
      this.#returned.splice(returned, 1);
      return;
    }
    const at = this.#line.indexOf(item, this.#head);
    if (at !== -1) this.#line.splice(at, 1);
    if (this.#head === this.#line.length) {
      this.#line = [];
      this.#head = 0;
    }
  }

  clear(): void {
    this.#line = [];
    this.#head = 0;
    this.#returned.length = 0;
  }
}
