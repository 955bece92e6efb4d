/** What processes say to each other of tasks in the queue. */
import type { WireError } from '../errors.js';

/** What the poster wants back with the task: its worker id, the name of the task … Plain JSON, small. */
export type TaskMeta = Readonly<Record<string, unknown>>;

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

/** What a poster has the queue keep with a task: plain JSON, and short, because each task has one on disk. */
export interface QueuedMeta extends TaskMeta {
  /** The id of the worker that has posted it; -1 is the master or the manager. */
  readonly by: number;
  /** 0 of those two. */
  readonly inc: number;
  /** Tells that very process from all others, of other runs of the server too. */
  readonly token: number;
  /** Its number there. */
  readonly n: number;
  /** When, in ms since the epoch. */
  readonly at: number;
  /** Of the payload, see `payload.ts`. */
  readonly enc: number;
  readonly name?: string | undefined;
  /**
   * Who wants to hear of it: that very process, or whoever has its id. Absent is
   * nobody.
   */
  readonly wants?: 'poster' | 'finish' | undefined;
  /** Its poster knows it by the id that the queue has given it. */
  readonly own?: true | undefined;
}

export interface PostHead {
  readonly meta: QueuedMeta;
  /** The task worker that is to do it, from 0. */
  readonly target?: number | undefined;
  readonly dedupeKey?: string | undefined;
  /** ms. */
  readonly delay?: number | undefined;
}

export interface LeaseHead {
  readonly attempt: number;
  readonly meta: QueuedMeta;
}

export interface OutcomeHead {
  readonly token: number;
  readonly n: number;
  /** What its poster knows it by. */
  readonly taskId: number;
  readonly at: number;
  readonly name?: string;
  readonly wants: 'poster' | 'finish';
  /** -1 when none had it. */
  readonly taskWorkerId: number;
}

/** What a task worker has of a queue whose process was replaced. */
export interface HeldTasks {
  readonly held: readonly number[];
  /** Done meanwhile. */
  readonly done: readonly number[];
  readonly failed: readonly (readonly [id: number, reason: WireError])[];
}

export function outcomeHead(meta: QueuedMeta, id: number, taskWorkerId: number): OutcomeHead {
  const { token, n, at, name, wants = 'poster', own } = meta;
  return {
    token,
    n,
    taskId: own === true ? id : n,
    at,
    ...(name !== undefined && { name }),
    wants,
    taskWorkerId,
  };
}

/** A head as it travels; the frame tells its bytes. */
export function packHead(head: PostHead | LeaseHead | OutcomeHead): Buffer {
  return Buffer.from(JSON.stringify(head));
}

export function unpackHead<T extends PostHead | LeaseHead | OutcomeHead>(
  buffer: Buffer,
  start: number,
  bytes: number,
): T {
  return JSON.parse(buffer.toString('utf8', start, start + bytes)) as T;
}
