import type { Store } from '../../platform/platform.js';
import { Census } from './census.js';
import type { QueuedTask } from './queued-task.js';
import type { TaskCounts, TaskSummary } from './task-queue.js';
import { taskKey } from './task-record.js';

/** Bytes of records that are kept in memory; what is beyond is read when it is taken. */
const CACHE_BYTES = 64 * 1024 * 1024;

/** All tasks of a queue: by id, in the order of ids, and by dedupe key. */
export class TaskTable {
  readonly #tasks = new Map<number, QueuedTask>();
  readonly #keys = new Map<string, QueuedTask>();
  readonly #census = new Census();
  #cached = 0;

  constructor(
    private readonly store: Store,
    /** The backlog may have become smaller. */
    private readonly moved: () => void,
  ) {}

  get(id: number): QueuedTask | undefined {
    return this.#tasks.get(id);
  }

  values(): Iterable<QueuedTask> {
    return this.#tasks.values();
  }

  /** The one task with that key which is not dead. */
  withKey(dedupeKey: string | undefined): QueuedTask | undefined {
    return dedupeKey === undefined ? undefined : this.#keys.get(dedupeKey);
  }

  dead(ids: readonly number[] | 'all'): QueuedTask[] {
    const tasks =
      ids === 'all' ? [...this.#tasks.values()] : [...new Set(ids)].map((id) => this.#tasks.get(id));
    return tasks.filter((task): task is QueuedTask => task?.state === 'dead');
  }

  enter(task: QueuedTask): void {
    this.#tasks.set(task.id, task);
    if (task.state !== 'dead') this.takeKey(task);
    this.#cached += task.record!.length;
    this.#census.enter(task);
  }

  move(task: QueuedTask, state: QueuedTask['state']): void {
    this.#census.move(task, state);
    this.moved();
  }

  drop(task: QueuedTask): void {
    this.move(task, 'gone');
    this.#tasks.delete(task.id);
    this.releaseKey(task);
    this.uncache(task);
  }

  takeKey(task: QueuedTask): void {
    if (task.dedupeKey !== undefined) this.#keys.set(task.dedupeKey, task);
  }

  releaseKey(task: QueuedTask): void {
    if (this.withKey(task.dedupeKey) === task) this.#keys.delete(task.dedupeKey!);
  }

  record(task: QueuedTask): Uint8Array {
    return task.record ?? this.store.get(taskKey(task.id))!;
  }

  /** The record of this task is in the store: memory need not have it as well. */
  trim(task: QueuedTask): void {
    if (this.#cached > CACHE_BYTES) this.uncache(task);
  }

  uncache(task: QueuedTask): void {
    if (task.record === undefined) return;
    this.#cached -= task.record.length;
    task.record = undefined;
  }

  summary(task: QueuedTask): TaskSummary {
    return task.summary(this.record(task));
  }

  /** Those that the limit of the queue counts. */
  get backlog(): number {
    return this.#census.backlog;
  }

  get counts(): TaskCounts {
    return this.#census.counts;
  }
}
