import type { WireError } from '../../errors.js';
import type { TaskState, TaskSummary } from './task-queue.js';
import { taskHead, taskPayload, type TaskFields, type TaskHistory } from './task-record.js';

/** A task that was leased together with others: one record of the store for all. */
export interface Lease {
  readonly key: number;
  readonly lessee: number;
  /** In which its record was asked for. */
  round: number;
  readonly tasks: QueuedTask[];
  /** How many of them are still leased. */
  open: number;
}

/** What the owner of the queue keeps in memory of one task; the payload only while there is room. */
export class QueuedTask {
  state: TaskState | 'accepting' | 'gone' = 'accepting';
  place = 0;
  attempts = 0;
  crashes = 0;
  /** When it becomes ready, or did; 0 for one that was ready at once. */
  dueAt: number;
  lease: Lease | undefined;
  reason: WireError | undefined;
  diedAt: number | undefined;
  /** Whether the store has a history of it, or is about to. */
  hasHistory = false;
  readonly acceptedAt: number;
  readonly maxAttempts: number;
  /** The record as it is in the store; undefined when it has to be read. */
  record: Uint8Array | undefined;

  constructor(
    readonly id: number,
    readonly target: number | undefined,
    fields: TaskFields,
    readonly dedupeKey: string | undefined,
    record: Uint8Array,
    /** Of the payload. */
    readonly bytes: number,
  ) {
    this.acceptedAt = fields.acceptedAt;
    this.dueAt = fields.dueAt;
    this.maxAttempts = fields.maxAttempts;
    this.record = record;
  }

  get attempt(): number {
    return this.attempts + this.crashes + 1;
  }

  get readyAt(): number {
    return this.dueAt === 0 ? this.acceptedAt : this.dueAt;
  }

  get history(): TaskHistory {
    const { attempts, crashes, dueAt, reason, diedAt } = this;
    return {
      attempts,
      crashes,
      ...(dueAt > 0 && { dueAt }),
      ...(reason !== undefined && { reason }),
      ...(diedAt !== undefined && { diedAt }),
    };
  }

  recall({ attempts, crashes, dueAt, reason, diedAt }: TaskHistory): void {
    this.attempts = attempts;
    this.crashes = crashes;
    this.dueAt = dueAt ?? 0;
    this.reason = reason;
    this.diedAt = diedAt;
    this.hasHistory = true;
  }

  summary(record: Uint8Array): TaskSummary {
    const { id, state, target, attempts, maxAttempts, crashes, acceptedAt, dedupeKey, reason, diedAt } = this;
    return {
      id,
      state: state as TaskState,
      target,
      attempts,
      maxAttempts,
      crashes,
      acceptedAt,
      dueAt: state === 'delayed' ? this.dueAt : undefined,
      lessee: this.lease?.lessee,
      dedupeKey,
      meta: taskHead(record).meta,
      bytes: taskPayload(record).length,
      reason,
      diedAt,
    };
  }
}
