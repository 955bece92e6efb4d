import type { Way } from '../mesh/way.js';
import { Fifo } from './fifo.js';
import type { TaskCall } from './task-call.js';

/** Tasks that a task worker may have of this process before it has shown how fast it is. */
const FIRST_DEPTH = 8;
const MAX_DEPTH = 1_024;
/** A task that comes back sooner shows that the worker could have had more, in ms. */
const QUICK_MS = 5;
/** A task that comes back later shows that it had too many. */
const SLOW_MS = 20;

/**
 * One task worker, as a process sees it that posts tasks.
 *
 * How many it is given ahead follows from how soon they come back: enough that a
 * fast one never waits for the next, and few enough that a task does not wait in
 * one worker for long while another would be free.
 */
export class TaskTarget {
  /** Those that must be done here. */
  readonly pinned = new Fifo<TaskCall>();
  /** Tasks that it has. */
  sent = 0;
  /** The last one that it was given must have it for itself. */
  isolates = false;
  /** Not started, and given back by it in this turn. */
  returned: TaskCall[] = [];
  #depth = FIRST_DEPTH;
  #way: Way | undefined;

  constructor(
    readonly workerId: number,
    private readonly find: () => Way | undefined,
  ) {}

  /** The way there, if it takes one more. */
  get free(): Way | undefined {
    if (this.sent >= this.#depth || (this.isolates && this.sent > 0)) return undefined;
    if (this.#way?.open !== true) this.#way = this.find();
    return this.#way?.open === true ? this.#way : undefined;
  }

  /** The way there, if it takes that one. */
  freeFor({ suspect }: TaskCall): Way | undefined {
    return suspect && this.sent > 0 ? undefined : this.free;
  }

  /** Whether the process that it was found at last still takes something, or has something. */
  get reachable(): boolean {
    return this.#way?.attached === true;
  }

  /** What came back in a turn took so long, in ms. */
  took(ms: number): void {
    if (ms < QUICK_MS) this.#depth = Math.min(this.#depth * 2, MAX_DEPTH);
    else if (ms > SLOW_MS) this.#depth = Math.max(1, this.#depth >> 1);
  }
}
