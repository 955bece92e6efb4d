import type { Way } from '../mesh/way.js';
import type { Peer } from '../pipe/messages.js';

/** What was lent to a task worker, until it has said what became of it. */
export interface LentTask {
  readonly bytes: number;
  readonly sentAt: number;
}

/** Tasks that one task worker may have ahead of those that it can do now. */
const FIRST_AHEAD = 4;
const MOST_AHEAD = 1_024;
/** Bytes that it may have ahead. */
const MOST_BYTES = 4 * 1024 * 1024;
/** A task that is done sooner shows that the worker could have had more, in ms. */
const QUICK_MS = 5;
/** A task that is done later shows that it had too many. */
const SLOW_MS = 20;

/**
 * One task worker process, as the queue sees it. It has as many tasks as it can do
 * at once, and some ahead: more of them the faster they are done, so that a slow
 * task does not wait behind another one while somebody else is free.
 */
export class Lessee {
  /** In the order in which they were lent. */
  readonly lent = new Map<number, LentTask>();
  /** It has said what it has of an earlier queue process. */
  known = false;
  #ahead = FIRST_AHEAD;
  #bytes = 0;

  constructor(
    public peer: Peer,
    readonly way: Way,
    /** Its place among the task workers, from 0. */
    readonly target: number,
    private readonly concurrency: number,
  ) {}

  /** A number for its pipe, that no other process ever has. */
  get number(): number {
    return this.peer.incarnation;
  }

  /** How many tasks it may have more. */
  get room(): number {
    if (!this.known || !this.peer.current || !this.way.open) return 0;
    if (this.#bytes > MOST_BYTES) return 0;
    return Math.max(0, this.concurrency + this.#ahead - this.lent.size);
  }

  /** Whether it has nothing to do for what it could do at once. */
  get idle(): boolean {
    return this.room > 0 && this.lent.size < this.concurrency;
  }

  lend(id: number, bytes: number, sentAt: number): void {
    this.lent.set(id, { bytes, sentAt });
    this.#bytes += bytes;
  }

  /** It has that task no more; undefined when it did not have it. */
  end(id: number): LentTask | undefined {
    const task = this.lent.get(id);
    if (task === undefined) return undefined;
    this.lent.delete(id);
    this.#bytes -= task.bytes;
    return task;
  }

  /** What it has done at last took so long, in ms. */
  took(ms: number): void {
    if (ms < QUICK_MS) this.#ahead = Math.min(Math.max(1, this.#ahead * 2), MOST_AHEAD);
    else if (ms > SLOW_MS) this.#ahead >>= 1;
  }
}
