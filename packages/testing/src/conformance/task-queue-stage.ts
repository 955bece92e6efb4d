/** On what a queue of tasks is tried. */
import assert from 'node:assert/strict';
import type { WireError } from '@shoal/core/internal/errors';
import type {
  NewTask,
  TaskQueue,
  TaskQueueEvents,
  TaskSummary,
} from '@shoal/core/internal/tasks/queue/task-queue';

export interface TaskQueueSetup {
  readonly limit: number;
  readonly targets: number;
  readonly maxAttempts: number;
  readonly events: TaskQueueEvents;
}

/** One place for a queue, and a clock. */
export interface TaskQueueStage {
  /** Opens the queue as its next owner: new on the first call, then with what was left. */
  open(setup: TaskQueueSetup): Promise<TaskQueue>;
  /** The owner dies. What is on its way to the disk comes there, or does not. */
  crash(): Promise<void>;
  /** Lets time pass until the promise has settled. */
  settled<T>(promise: Promise<T>): Promise<T>;
  /** Lets so many ms pass on the clock of the queue. */
  advance(ms: number): Promise<void>;
  /** ms since the epoch on the clock of the queue. */
  now(): number;
  /** From now on the store refuses all commits, or takes them again. */
  refuse(refuses: boolean): void;
  end(): Promise<void>;
}

export interface TaskQueueSubject {
  stage(): Promise<TaskQueueStage>;
  /** Sequences that each property tries. Default 60. */
  readonly runs?: number;
}

/** A stage with the queue that is open on it now. */
export class Owner {
  readonly ready: (number | undefined)[] = [];
  readonly died: TaskSummary[] = [];
  readonly troubles: unknown[] = [];
  rooms = 0;
  queue!: TaskQueue;

  private constructor(
    readonly stage: TaskQueueStage,
    private readonly setup: Omit<TaskQueueSetup, 'events'>,
  ) {}

  static async begin(
    subject: TaskQueueSubject,
    setup: Partial<Omit<TaskQueueSetup, 'events'>> = {},
  ): Promise<Owner> {
    const owner = new Owner(await subject.stage(), { limit: 1_000, targets: 2, maxAttempts: 2, ...setup });
    await owner.open();
    return owner;
  }

  async open(): Promise<void> {
    const events: TaskQueueEvents = {
      ready: (target) => this.ready.push(target),
      room: () => this.rooms++,
      died: (task) => this.died.push(task),
      trouble: (error) => this.troubles.push(error),
    };
    this.queue = await this.stage.open({ ...this.setup, events });
  }

  async crashAndOpen(): Promise<void> {
    await this.stage.crash();
    await this.open();
  }

  async closeAndOpen(): Promise<void> {
    await this.stage.settled(this.queue.close());
    await this.open();
  }

  /** Everything that was asked for is durable. */
  async barrier(): Promise<void> {
    await this.stage.settled(this.queue.acknowledge([]));
  }

  async enqueue(task: Partial<NewTask> = {}): Promise<number> {
    const { id } = await this.stage.settled(this.queue.enqueue({ payload: Buffer.from('payload'), ...task }));
    return id;
  }

  async enqueueAll(count: number, task: Partial<NewTask> = {}): Promise<number[]> {
    const all = Array.from({ length: count }, () =>
      this.queue.enqueue({ payload: Buffer.from('payload'), ...task }),
    );
    return (await this.stage.settled(Promise.all(all))).map(({ id }) => id);
  }

  take(target = 0, max = 100, lessee = 1): number[] {
    return this.queue.take(target, lessee, max).map(({ id }) => id);
  }

  ids(): number[] {
    return this.queue.list({ limit: Infinity }).map(({ id }) => id);
  }

  only(): TaskSummary {
    const [task, ...others] = this.queue.list();
    assert.ok(task !== undefined && others.length === 0, `expected one task, not ${others.length + 1}`);
    return task;
  }
}

export const REASON: WireError = { name: 'Error', message: 'it failed' };
