/**
 * The queue of tasks on a store, in the process that owns it.
 *
 * The state of each task is in memory, the store is written behind it, and what
 * is written in one turn, or while a commit is under way, goes in one commit. A
 * task is ready once its commit has come through, so that nobody handles what
 * its poster is then told was not accepted.
 */
import { TaskError, toWire, type WireError } from '../../errors.js';
import type { Clock, Random, Store } from '../../platform/platform.js';
import { DelayedTasks } from './delayed-tasks.js';
import { Leases } from './leases.js';
import { Lines } from './lines.js';
import { Posters } from './posters.js';
import { QueuedTask } from './queued-task.js';
import { recall } from './recall.js';
import {
  MAX_CRASHES,
  type Accepted,
  type NewTask,
  type TakenTask,
  type TaskCounts,
  type TaskQueue,
  type TaskQueueEvents,
  type TaskState,
  type TaskSummary,
} from './task-queue.js';
import {
  encodeJson,
  encodeTask,
  FORMAT,
  historyKey,
  STORE_KEY,
  taskFields,
  taskHead,
  taskKey,
  taskPayload,
} from './task-record.js';
import { TaskTable } from './task-table.js';
import { WriteBehind } from './write-behind.js';

export interface StoredQueueOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** Tasks that may wait, ready or delayed: 1 or more. */
  readonly limit: number;
  /** Task workers that can be a target, from 0; 0 where any of them takes any task. */
  readonly targets: number;
  /** Attempts of a task that names no number of its own. */
  readonly maxAttempts: number;
  readonly events: TaskQueueEvents;
}

/** Ids that are reserved by one write: so many are skipped at most when the store is opened anew. */
const RESERVED_AT_ONCE = 100_000;
const FIRST_BACKOFF = 1_000;
const LONGEST_BACKOFF = 60_000;
const DEFAULT_PAGE = 100;
/** As many as the record of a task can tell. */
const MOST_ATTEMPTS = 65_535;

export class StoredQueue implements TaskQueue {
  readonly #tasks: TaskTable;
  readonly #lines: Lines;
  readonly #delayed: DelayedTasks<QueuedTask>;
  readonly #leases: Leases;
  readonly #posters = new Posters();
  readonly #writes: WriteBehind;
  #nextId = 1;
  #reserved = 0;
  #lastAccepted = 0;
  #saidFull = false;
  #opened = false;
  #closing: Promise<void> | undefined;

  private constructor(private readonly options: StoredQueueOptions) {
    const { store, clock, targets, events } = options;
    this.#tasks = new TaskTable(store, () => this.#tellRoom());
    this.#lines = new Lines(targets, (target) => this.#tellReady(target));
    this.#delayed = new DelayedTasks(clock, (tasks) => this.#join(tasks.filter((task) => this.#isDue(task))));
    this.#writes = new WriteBehind(store, clock, (error) => events.trouble(error));
    this.#leases = new Leases(this.#writes);
  }

  /**
   * Takes up what the store holds. The events begin once it has resolved, and
   * none tells what is ready already: ask for each task worker once.
   *
   * @throws {ProcessError} QUEUE_DAMAGED
   */
  static async open(options: StoredQueueOptions): Promise<StoredQueue> {
    const queue = new StoredQueue(options);
    const died = queue.#takeUp();
    queue.#reserve();
    await queue.#writes.written();
    queue.#opened = true;
    for (const task of died) options.events.died(queue.#tasks.summary(task));
    return queue;
  }

  enqueue(task: NewTask): Promise<Accepted> {
    if (this.#closing !== undefined) return Promise.reject(closed());
    const known = this.#tasks.withKey(task.dedupeKey);
    if (known !== undefined) return this.#posters.accepted(known, true);
    if (this.#tasks.backlog >= this.options.limit) return Promise.reject(this.#full());
    try {
      return this.#posters.accepted(this.#add(task), false);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  take(target: number, lessee: number, max: number): TakenTask[] {
    const tasks: QueuedTask[] = [];
    while (tasks.length < max && this.#closing === undefined) {
      const task = this.#lines.next(target);
      if (task === undefined) break;
      tasks.push(task);
    }
    if (tasks.length === 0) return [];
    this.#lease(lessee, tasks);
    return tasks.map((task) => this.#taken(task));
  }

  acknowledge(ids: readonly number[]): Promise<void> {
    for (const id of ids) {
      const task = this.#tasks.get(id);
      if (task === undefined || task.state === 'dead' || task.state === 'accepting') continue;
      this.#leave(task);
      this.#forget(task);
    }
    return this.#durable();
  }

  fail(id: number, reason: WireError, retry = true): 'again' | 'dead' | 'unknown' {
    const task = this.#tasks.get(id);
    if (task === undefined || task.state !== 'leased') return 'unknown';
    this.#leave(task);
    return this.#charge(task, reason, retry, true) ? 'again' : 'dead';
  }

  giveBack(ids: readonly number[]): void {
    const known = [...new Set(ids)].flatMap((id) => this.#tasks.get(id) ?? []);
    const tasks = known.filter(({ state }) => state === 'leased');
    this.#leases.takeBack(tasks);
    this.#putBack(tasks);
  }

  release(lessee: number, started: readonly number[] | 'all', reason: WireError): void {
    const charged = started === 'all' ? undefined : new Set(started);
    const back = this.#leases.heldBy(lessee).filter((task) => {
      this.#leases.end(task);
      const mayHaveRun = charged === undefined || charged.has(task.id);
      return !mayHaveRun || this.#charge(task, reason, true, false);
    });
    this.#putBack(back);
  }

  resume(lessee: number, ids: readonly number[]): number[] {
    const tasks: QueuedTask[] = [];
    for (const id of ids) {
      const task = this.#tasks.get(id);
      if (task === undefined || (task.state !== 'waiting' && task.state !== 'delayed')) continue;
      if (this.#closing !== undefined) continue;
      this.#leave(task);
      if (task.crashes > 0) {
        task.crashes--;
        this.#writeHistory(task);
      }
      tasks.push(task);
    }
    if (tasks.length > 0) this.#lease(lessee, tasks);
    return tasks.map(({ id }) => id);
  }

  list({
    state,
    after = 0,
    limit = DEFAULT_PAGE,
  }: { state?: TaskState; after?: number; limit?: number } = {}): TaskSummary[] {
    const found: TaskSummary[] = [];
    for (const task of this.#tasks.values()) {
      if (found.length >= limit) break;
      if (task.id <= after || task.state === 'accepting') continue;
      if (state === undefined || task.state === state) found.push(this.#tasks.summary(task));
    }
    return found;
  }

  counts(): TaskCounts {
    return this.#tasks.counts;
  }

  async retry(ids: readonly number[] | 'all'): Promise<number> {
    let count = 0;
    for (const task of this.#tasks.dead(ids)) {
      // Also by one that was dead a moment ago: two may have one key.
      if (this.#tasks.withKey(task.dedupeKey) !== undefined) continue;
      this.#tasks.takeKey(task);
      task.attempts = task.crashes = 0;
      task.dueAt = taskFields(this.#tasks.record(task)).dueAt;
      task.reason = task.diedAt = undefined;
      task.hasHistory = false;
      this.#writes.set(historyKey(task.id), undefined);
      this.#join([task]);
      count++;
    }
    if (count > 0) await this.#durable();
    return count;
  }

  async purge(ids: readonly number[] | 'all'): Promise<number> {
    const tasks = this.#tasks.dead(ids);
    for (const task of tasks) this.#forget(task);
    if (tasks.length > 0) await this.#durable();
    return tasks.length;
  }

  async drain(): Promise<number> {
    const tasks = [...this.#tasks.values()].filter(({ state }) => state === 'waiting' || state === 'delayed');
    this.#lines.clear();
    for (const task of tasks) this.#forget(task);
    if (tasks.length > 0) await this.#durable();
    return tasks.length;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#delayed.stop();
    this.#leases.revokeAll();
    await this.#writes.end(closed());
    await this.options.store.close();
  }

  #add(task: NewTask): QueuedTask {
    const { clock, maxAttempts } = this.options;
    // Never backwards, so that the order of acceptance can be told after a crash.
    const now = clock.wallTime();
    const acceptedAt = (this.#lastAccepted = Math.max(this.#lastAccepted, now));
    const delay = task.delay ?? 0;
    const fields = {
      acceptedAt,
      dueAt: delay > 0 ? now + delay : 0,
      target: task.target,
      maxAttempts: Math.min(MOST_ATTEMPTS, Math.max(1, task.maxAttempts ?? maxAttempts)),
    };
    const record = encodeTask(fields, task, task.payload);
    if (this.#nextId > this.#reserved) this.#reserve();
    const id = this.#nextId++;
    const added = new QueuedTask(id, task.target, fields, task.dedupeKey, record, task.payload.length);
    this.#tasks.enter(added);
    this.#writes.admit({
      changes: [{ key: taskKey(id), value: record }],
      admitted: () => this.#admit(added),
      refused: (error) => this.#refuse(added, error),
    });
    return added;
  }

  #reserve(): void {
    this.#reserved += RESERVED_AT_ONCE;
    this.#writes.set(STORE_KEY, encodeJson({ format: FORMAT, reserved: this.#reserved }));
  }

  #admit(task: QueuedTask): void {
    this.#posters.admit(task);
    this.#tasks.trim(task);
    this.#makeReady(task);
  }

  #refuse(task: QueuedTask, error: unknown): void {
    this.#tasks.drop(task);
    this.#posters.refuse(task, error);
  }

  /** Now, or when it is due. */
  #makeReady(task: QueuedTask): void {
    if (task.dueAt > this.options.clock.wallTime()) {
      this.#tasks.move(task, 'delayed');
      this.#delayed.add(task);
    } else {
      this.#join([task]);
    }
  }

  /** It may have left meanwhile, or have failed and be due later. */
  #isDue({ state, dueAt }: QueuedTask): boolean {
    return state === 'delayed' && dueAt <= this.options.clock.wallTime();
  }

  /** To the end of its line. */
  #join(tasks: readonly QueuedTask[]): void {
    for (const task of tasks) {
      this.#tasks.move(task, 'waiting');
      this.#lines.join(task);
    }
  }

  #putBack(tasks: readonly QueuedTask[]): void {
    for (const task of tasks) this.#tasks.move(task, 'waiting');
    this.#lines.putBack(tasks);
  }

  #tellReady(target: number | undefined): void {
    if (this.#opened && this.#closing === undefined) this.options.events.ready(target);
  }

  #taken(task: QueuedTask): TakenTask {
    const record = this.#tasks.record(task);
    const { id, attempt, acceptedAt } = task;
    return { id, attempt, payload: taskPayload(record), meta: taskHead(record).meta, acceptedAt };
  }

  #lease(lessee: number, tasks: QueuedTask[]): void {
    for (const task of tasks) this.#tasks.move(task, 'leased');
    this.#leases.grant(lessee, tasks);
  }

  /** Takes a task out of its lease or its line; what becomes of it is the caller's to say. */
  #leave(task: QueuedTask): void {
    if (task.state === 'waiting') this.#lines.remove(task);
    else this.#leases.end(task);
  }

  /** Counts an attempt that failed. False when it was the last; otherwise it is the caller's, or delayed. */
  #charge(task: QueuedTask, reason: WireError, retry: boolean, later: boolean): boolean {
    task.attempts++;
    task.reason = reason;
    if (!retry || task.attempts >= task.maxAttempts) {
      this.#bury(task);
      this.options.events.died(this.#tasks.summary(task));
      return false;
    }
    if (later) {
      task.dueAt = this.options.clock.wallTime() + this.#backoff(task.attempts);
      this.#makeReady(task);
    }
    this.#writeHistory(task);
    return true;
  }

  #bury(task: QueuedTask): void {
    task.diedAt = this.options.clock.wallTime();
    this.#tasks.move(task, 'dead');
    this.#tasks.releaseKey(task);
    this.#tasks.uncache(task);
    this.#writeHistory(task);
  }

  #backoff(attempts: number): number {
    const longest = Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (attempts - 1));
    return Math.round(longest * (0.5 + this.options.random.next() / 2));
  }

  #writeHistory(task: QueuedTask): void {
    task.hasHistory = true;
    this.#writes.set(historyKey(task.id), encodeJson(task.history));
  }

  #tellRoom(): void {
    if (!this.#saidFull || this.#tasks.backlog >= this.options.limit) return;
    this.#saidFull = false;
    this.options.clock.defer(() => this.options.events.room());
  }

  /** Also from the store. */
  #forget(task: QueuedTask): void {
    this.#writes.set(taskKey(task.id), undefined);
    if (task.hasHistory) this.#writes.set(historyKey(task.id), undefined);
    this.#tasks.drop(task);
  }

  /** May be ignored without a rejection that nobody handles. */
  #durable(): Promise<void> {
    const written = this.#closing === undefined ? this.#writes.written() : Promise.reject(closed());
    written.catch(() => {});
    return written;
  }

  #full(): TaskError {
    this.#saidFull = true;
    const { limit } = this.options;
    return new TaskError(
      'TASK_QUEUE_FULL',
      `${limit} tasks wait, which is the taskQueueLimit: post fewer, start more task workers, or raise it`,
    );
  }

  /** Takes over what was left; gives those that have died of it. */
  #takeUp(): QueuedTask[] {
    const { tasks, leased, leaseKeys, reserved } = recall(this.options.store);
    this.#reserved = reserved;
    this.#nextId = reserved + 1;
    for (const key of leaseKeys) this.#writes.set(key, undefined);
    const attempts = new Map(leased.map(({ id, attempt }) => [id, attempt]));
    const died: QueuedTask[] = [];
    const alive: QueuedTask[] = [];
    for (const task of tasks) {
      task.state = task.diedAt === undefined ? 'accepting' : 'dead';
      this.#lastAccepted = Math.max(this.#lastAccepted, task.acceptedAt);
      this.#tasks.enter(task);
      this.#tasks.trim(task);
      if (task.state === 'dead') continue;
      // Another number is of a lease that had ended already, with a history.
      if (attempts.get(task.id) === task.attempt) this.#countCrash(task);
      if (task.diedAt === undefined) alive.push(task);
      else died.push(task);
    }
    alive.sort((a, b) => a.readyAt - b.readyAt || a.id - b.id);
    for (const task of alive) this.#makeReady(task);
    return died;
  }

  #countCrash(task: QueuedTask): void {
    task.crashes++;
    if (task.crashes < MAX_CRASHES) {
      this.#writeHistory(task);
      return;
    }
    task.reason = toWire(
      new TaskError(
        'TASK_LOST',
        `the server was lost ${MAX_CRASHES} times while this task was with a task worker`,
      ),
    );
    this.#bury(task);
  }
}

function closed(): TaskError {
  return new TaskError('TASK_QUEUE_CLOSED', 'the queue of tasks is closed: the server stops');
}
