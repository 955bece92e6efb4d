/** A queue of tasks as one would explain it: one list, looked through from its beginning each time. */
import assert from 'node:assert/strict';
import {
  MAX_CRASHES,
  type TaskQueue,
  type TaskState,
  type TaskSummary,
} from '@shoal/core/internal/tasks/queue/task-queue';

interface ModelTask {
  readonly id: number;
  readonly target: number | undefined;
  readonly dedupeKey: string | undefined;
  state: TaskState;
  attempts: number;
  crashes: number;
  lessee: number | undefined;
  /** When it became ready, or was to, at first. */
  readonly firstReadyAt: number;
  /** When it became ready, or becomes. */
  readyAt: number;
  place: number;
}

export class TaskQueueModel {
  #tasks: ModelTask[] = [];
  #nextPlace = 1;

  constructor(
    private readonly targets: number,
    private readonly limit: number,
    private readonly maxAttempts: number,
  ) {}

  /** The id of the task that it would repeat, or what else would come of it. */
  enqueue(dedupeKey: string | undefined): number | 'full' | 'accepted' {
    const known = this.#tasks.find(
      (task) => dedupeKey !== undefined && task.dedupeKey === dedupeKey && task.state !== 'dead',
    );
    if (known !== undefined) return known.id;
    return this.#of('waiting', 'delayed').length >= this.limit ? 'full' : 'accepted';
  }

  accepted({ id, target, dedupeKey, acceptedAt, dueAt }: TaskSummary): void {
    this.#tasks.push({
      id,
      target,
      dedupeKey,
      firstReadyAt: dueAt ?? acceptedAt,
      readyAt: dueAt ?? acceptedAt,
      state: dueAt === undefined ? 'waiting' : 'delayed',
      attempts: 0,
      crashes: 0,
      lessee: undefined,
      place: this.#nextPlace++,
    });
  }

  take(target: number, lessee: number, max: number): [id: number, attempt: number][] {
    const mine = this.#of('waiting').filter(
      (task) => this.#lineOf(task) === target || this.#lineOf(task) === undefined,
    );
    mine.sort((a, b) => a.place - b.place);
    return mine.slice(0, max).map((task) => {
      task.state = 'leased';
      task.lessee = lessee;
      return [task.id, task.attempts + task.crashes + 1];
    });
  }

  acknowledge(picks: readonly number[]): number[] {
    const ids = this.#picked(picks);
    this.#tasks = this.#tasks.filter(({ id }) => !ids.includes(id));
    return ids;
  }

  giveBack(picks: readonly number[]): number[] {
    const ids = this.#picked(picks);
    for (const task of this.#tasks) if (ids.includes(task.id)) this.#toWaiting(task);
    return ids;
  }

  leasedAt(pick: number): number | undefined {
    return this.#picked([pick])[0];
  }

  fail(id: number, retry: boolean, dueAt: number | undefined): 'again' | 'dead' {
    const task = this.#tasks.find((each) => each.id === id)!;
    if (!this.#charge(task, retry)) return 'dead';
    task.state = 'delayed';
    task.lessee = undefined;
    task.readyAt = dueAt!;
    return 'again';
  }

  heldBy(lessee: number, picks: readonly number[]): number[] {
    return this.#picked(picks).filter((id) =>
      this.#tasks.some((task) => task.id === id && task.lessee === lessee),
    );
  }

  release(lessee: number, started: readonly number[] | 'all'): void {
    for (const task of this.#tasks) {
      if (task.lessee !== lessee) continue;
      const charged = started === 'all' || started.includes(task.id);
      if (!charged || this.#charge(task, true)) this.#toWaiting(task);
    }
  }

  retry(): number {
    let count = 0;
    for (const task of this.#of('dead')) {
      if (typeof this.enqueue(task.dedupeKey) === 'number') continue;
      task.state = 'waiting';
      task.attempts = task.crashes = 0;
      task.readyAt = task.firstReadyAt;
      task.place = this.#nextPlace++;
      count++;
    }
    return count;
  }

  remove(...states: TaskState[]): number {
    const before = this.#tasks.length;
    this.#tasks = this.#tasks.filter(({ state }) => !states.includes(state));
    return before - this.#tasks.length;
  }

  /** The next owner has it; `crashed` says how the last one went. */
  reopen(crashed: boolean, now: number): void {
    for (const task of this.#of('leased')) {
      this.#toWaiting(task);
      if (!crashed) continue;
      task.crashes++;
      if (task.crashes === MAX_CRASHES) task.state = 'dead';
    }
    this.promote(now);
    const ready = this.#of('waiting').sort((a, b) => a.readyAt - b.readyAt || a.id - b.id);
    for (const task of ready) task.place = this.#nextPlace++;
  }

  promote(now: number): void {
    const due = this.#of('delayed').filter(({ readyAt }) => readyAt <= now);
    due.sort((a, b) => a.readyAt - b.readyAt || a.id - b.id);
    for (const task of due) {
      task.state = 'waiting';
      task.place = this.#nextPlace++;
    }
  }

  nextDue(): number | undefined {
    const times = this.#of('delayed').map(({ readyAt }) => readyAt);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Holds what the queue says against this. */
  check(queue: TaskQueue): void {
    const told = queue.list({ limit: Infinity }).map((task) => ({
      id: task.id,
      state: task.state,
      attempts: task.attempts,
      crashes: task.crashes,
      lessee: task.lessee,
    }));
    const expected = this.#tasks.map(({ id, state, attempts, crashes, lessee }) => ({
      id,
      state,
      attempts,
      crashes,
      lessee,
    }));
    assert.deepEqual(told, expected);
    const { waiting, delayed, leased, dead, bytes } = queue.counts();
    const counted = (['waiting', 'delayed', 'leased', 'dead'] as const).map(
      (state) => this.#of(state).length,
    );
    assert.deepEqual([waiting, delayed, leased, dead, bytes], [...counted, this.#tasks.length]);
  }

  #of(...states: TaskState[]): ModelTask[] {
    return this.#tasks.filter(({ state }) => states.includes(state));
  }

  #lineOf({ target }: ModelTask): number | undefined {
    return target !== undefined && target < this.targets ? target : undefined;
  }

  #picked(picks: readonly number[]): number[] {
    const leased = this.#of('leased');
    return [
      ...new Set(picks.flatMap((pick) => (leased.length === 0 ? [] : leased[pick % leased.length]!.id))),
    ];
  }

  #toWaiting(task: ModelTask): void {
    task.state = 'waiting';
    task.lessee = undefined;
  }

  #charge(task: ModelTask, retry: boolean): boolean {
    task.attempts++;
    const again = retry && task.attempts < this.maxAttempts;
    if (!again) {
      task.state = 'dead';
      task.lessee = undefined;
    }
    return again;
  }
}
