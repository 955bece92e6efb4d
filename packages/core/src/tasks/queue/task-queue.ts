/**
 * The contract of a durable queue of tasks, which one process owns.
 *
 * ```text
 *   enqueue ─▶ accepting ─▶ waiting ─take─▶ leased ─acknowledge─▶ gone
 *                 │ delay    ▲   ▲            │ fail, release
 *                 └▶ delayed ┘   └─ again ────┴─ attempts used up ─▶ dead ─retry─▶ waiting
 * ```
 *
 * **At least once.** A task whose `enqueue` has resolved is handled until it is
 * acknowledged or dead, through any crash. Whoever holds it may have done
 * everything when its process dies, so a task may be handled twice; one whose
 * `acknowledge` has resolved never is.
 *
 * **Order.** Tasks are taken in the order in which they became ready. One that is
 * given back keeps its place; one whose delay ends goes behind all that were
 * ready before. After a crash the order is that of acceptance and due times.
 *
 * **Leases** are in memory and have no time-out: one lasts as long as the pipe of
 * its lessee. A lessee that is busy cannot lose it, and whether it is blocked is
 * for the manager to judge, which is another process.
 *
 * **Attempts.** An attempt is charged when it has failed, or when its lessee died
 * and it may have been started. A task has `maxAttempts` of them; then it is a
 * dead letter, which stays, with the reason, until somebody retries or purges it.
 * An error of the handler is retried like a death, but later: after about 1 s,
 * doubled each time up to 60 s, half of it drawn. Where the owner of the queue
 * died itself with everything else, no attempt is charged to what was leased, but
 * a crash, of which a task has `MAX_CRASHES`: nobody knows who was to blame, and
 * the one that takes the machine down each time must end.
 *
 * **Dedupe.** While a task with that key is in the queue and not dead, no second
 * one is added. A dead letter does not hold its key: work that failed for good
 * must not keep later work away.
 */
import type { WireError } from '../../errors.js';

/** What the poster wants back with the task: its worker id, the name of the task … Plain JSON, small. */
export type TaskMeta = Readonly<Record<string, unknown>>;

export interface NewTask {
  /** The task worker that is to handle it, from 0; undefined, or one that does not exist: any. */
  readonly target?: number | undefined;
  /** Not looked at. Must not change any more. */
  readonly payload: Uint8Array;
  readonly meta?: TaskMeta | undefined;
  readonly dedupeKey?: string | undefined;
  /** ms from acceptance until it is ready, on the wall clock, so that it goes on while no server runs. Default 0. */
  readonly delay?: number | undefined;
  /** 1 to 65 535. Default: that of the queue. */
  readonly maxAttempts?: number | undefined;
}

export interface Accepted {
  /** From 1; never given to another task of the same store. */
  readonly id: number;
  /** Whether it is the id of an earlier task with the same `dedupeKey`. */
  readonly duplicate: boolean;
}

export interface TakenTask {
  readonly id: number;
  /** From 1: how many times it may have been started, this one included. */
  readonly attempt: number;
  readonly payload: Uint8Array;
  readonly meta: TaskMeta;
  /** ms since the epoch. */
  readonly acceptedAt: number;
}

export type TaskState = 'waiting' | 'delayed' | 'leased' | 'dead';

export interface TaskSummary {
  readonly id: number;
  readonly state: TaskState;
  readonly target: number | undefined;
  /** Charged so far. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Ends of the queue's own process while it was leased. */
  readonly crashes: number;
  readonly acceptedAt: number;
  /** When a delayed task becomes ready. */
  readonly dueAt: number | undefined;
  /** Who holds a leased task. */
  readonly lessee: number | undefined;
  readonly dedupeKey: string | undefined;
  readonly meta: TaskMeta;
  /** Of the payload. */
  readonly bytes: number;
  /** Why the last attempt failed, and for a dead letter when. */
  readonly reason: WireError | undefined;
  readonly diedAt: number | undefined;
}

export interface TaskCounts {
  readonly waiting: number;
  readonly delayed: number;
  readonly leased: number;
  readonly dead: number;
  /** Of all payloads. */
  readonly bytes: number;
}

export interface TaskQueueEvents {
  /** Something is ready where nothing was: for that task worker, or for any. */
  ready(target: number | undefined): void;
  /** There is room again; called once after `enqueue` has said TASK_QUEUE_FULL. */
  room(): void;
  /** A task has become a dead letter. */
  died(task: TaskSummary): void;
  /** The store fails; what is to be written is tried again, once a second and with each further commit. */
  trouble(error: unknown): void;
}

export interface TaskQueue {
  /**
   * Resolves when the task will be found after a crash. Rejects with `TaskError`
   * TASK_QUEUE_FULL (as many wait as may), TASK_STORE_FAILED or
   * TASK_QUEUE_CLOSED; then the task is not in the queue.
   */
  enqueue(task: NewTask): Promise<Accepted>;
  /** Up to `max` tasks that are ready for that task worker, leased to `lessee`: a number for its pipe. */
  take(target: number, lessee: number, max: number): TakenTask[];
  /**
   * The tasks have been handled. Resolves when none of them can come back. It
   * may be ignored, and it rejects only if the queue closes before. Ids that are
   * not there are ignored; one that waits (its lessee was lost, and comes back
   * with the result) is taken out.
   */
  acknowledge(ids: readonly number[]): Promise<void>;
  /** An attempt has failed. With `retry` false it was the last one. An id that is not leased is ignored. */
  fail(id: number, reason: WireError, retry?: boolean): 'again' | 'dead' | 'unknown';
  /** Tasks that have not been started go back to their place, uncharged. */
  giveBack(ids: readonly number[]): void;
  /** The lessee is gone. What it may have started is charged; all goes back to its place or dies. */
  release(lessee: number, started: readonly number[] | 'all', reason: WireError): void;
  /**
   * A task worker that has outlived the owner of the queue says what it still
   * has. Gives the ids that are its own again, without a charge; it must drop the
   * others, which are gone or with somebody else by now.
   */
  resume(lessee: number, ids: readonly number[]): number[];
  /** In the order of ids, behind `after`, up to `limit` (default 100). */
  list(query?: { state?: TaskState; after?: number; limit?: number }): TaskSummary[];
  counts(): TaskCounts;
  /** Dead letters are ready again, with all their attempts. Resolves to how many; one whose dedupe key is taken stays. */
  retry(ids: readonly number[] | 'all'): Promise<number>;
  /** Forgets dead letters. Resolves to how many, when they are gone for good. */
  purge(ids: readonly number[] | 'all'): Promise<number>;
  /** Forgets what waits or is delayed. Resolves to how many, when they are gone for good. */
  drain(): Promise<number>;
  /** Gives all leases back, uncharged, and resolves when everything is on disk and the store free. */
  close(): Promise<void>;
}

/** How often the queue's own process may die with a task leased before that task is a dead letter. */
export const MAX_CRASHES = 5;
