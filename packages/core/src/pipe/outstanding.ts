/**
 * What was sent and is not settled yet, by number, in any order of settlement.
 *
 * A ring holds the recent numbers, so that the common case costs an index. An
 * entry that stays while thousands come and go (a handler that waits for
 * minutes) moves to a map, so that memory follows the number of entries and
 * not the distance between the oldest and the newest.
 *
 * Numbers wrap at 2^32.
 */
export class Outstanding<T extends object> {
  #ring: (T | undefined)[] = new Array<T | undefined>(64);
  /** The oldest number of the ring, and the next number to give. */
  #head: number;
  #next: number;
  #size = 0;
  /** Older than the ring, in order of their numbers. */
  readonly #old = new Map<number, T>();

  /** `first` is the first number to give. */
  constructor(first = 0) {
    this.#head = this.#next = first;
  }

  get size(): number {
    return this.#size;
  }

  /** Keeps the entry and returns its number. */
  add(entry: T): number {
    while (this.#old.size > 0 && this.#old.has(this.#next)) this.#skip();
    if (this.#span() === this.#ring.length) this.#makeRoom();
    const seq = this.#next;
    this.#ring[seq & (this.#ring.length - 1)] = entry;
    this.#next = (seq + 1) >>> 0;
    this.#size++;
    return seq;
  }

  /** Takes the entry out; undefined when that number is not outstanding. */
  settle(seq: number): T | undefined {
    if ((seq - this.#head) >>> 0 >= this.#span()) return this.#settleOld(seq);
    const index = seq & (this.#ring.length - 1);
    const entry = this.#ring[index];
    if (entry === undefined) return undefined;
    this.#ring[index] = undefined;
    this.#size--;
    this.#advance();
    return entry;
  }

  get(seq: number): T | undefined {
    if ((seq - this.#head) >>> 0 >= this.#span()) return this.#old.get(seq);
    return this.#ring[seq & (this.#ring.length - 1)];
  }

  /** How many of the entries there are such. It looks at each. */
  count(isSuch: (entry: T) => boolean): number {
    let count = 0;
    for (const entry of this.#old.values()) if (isSuch(entry)) count++;
    for (let seq = this.#head; seq !== this.#next; seq = (seq + 1) >>> 0) {
      const entry = this.#ring[seq & (this.#ring.length - 1)];
      if (entry !== undefined && isSuch(entry)) count++;
    }
    return count;
  }

  /** Takes everything out, in the order in which it was added. */
  takeAll(): T[] {
    const all = [...this.#old.values()];
    for (let seq = this.#head; seq !== this.#next; seq = (seq + 1) >>> 0) {
      const entry = this.#ring[seq & (this.#ring.length - 1)];
      if (entry !== undefined) all.push(entry);
    }
    this.#old.clear();
    this.#ring.fill(undefined);
    this.#head = this.#next;
    this.#size = 0;
    return all;
  }

  #span(): number {
    return (this.#next - this.#head) >>> 0;
  }

  #skip(): void {
    if (this.#span() === this.#ring.length) this.#makeRoom();
    this.#ring[this.#next & (this.#ring.length - 1)] = undefined;
    this.#next = (this.#next + 1) >>> 0;
    this.#advance();
  }

  #settleOld(seq: number): T | undefined {
    const entry = this.#old.get(seq);
    if (entry === undefined) return undefined;
    this.#old.delete(seq);
    this.#size--;
    return entry;
  }

  #advance(): void {
    const mask = this.#ring.length - 1;
    while (this.#head !== this.#next && this.#ring[this.#head & mask] === undefined) {
      this.#head = (this.#head + 1) >>> 0;
    }
  }

  /** The ring is full: doubles it when it is well used, else moves its oldest entry to the map. */
  #makeRoom(): void {
    const inRing = this.#size - this.#old.size;
    if (inRing * 4 < this.#ring.length) {
      const index = this.#head & (this.#ring.length - 1);
      this.#old.set(this.#head, this.#ring[index]!);
      this.#ring[index] = undefined;
      this.#advance();
      return;
    }
    const ring = new Array<T | undefined>(this.#ring.length * 2);
    for (let seq = this.#head; seq !== this.#next; seq = (seq + 1) >>> 0) {
      ring[seq & (ring.length - 1)] = this.#ring[seq & (this.#ring.length - 1)];
    }
    this.#ring = ring;
  }
}
