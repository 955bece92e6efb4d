/** What a task worker does when a handler finishes a task before it returns. */
export interface Finisher {
  finish(value: unknown): boolean;
}

/** What `@OnTask` gets, in a task worker. */
export class Task<Data = unknown> {
  readonly #finisher: Finisher;

  constructor(
    /** As `server.task` gave it; counted by each process for itself. In the queue modes that of the queue: the same at each attempt, and no other's ever. */
    readonly id: number,
    /** What was posted, as `structuredClone` would copy it. */
    readonly data: Data,
    /** The worker that posted it; -1 is the master or the manager. */
    readonly workerId: number,
    /** When it was posted, in ms since the epoch. */
    readonly dispatchTime: number,
    /** 1; 2 or more when a task worker died that may have started it, and in the queue modes also when it has failed. */
    readonly attempt: number,
    /** Empty for one without a name. */
    readonly name: string,
    finisher: Finisher,
  ) {
    this.#finisher = finisher;
  }

  /**
   * Sends a result to whoever has posted the task, now and as often as there are
   * some; what the handler returns is one more. False once the handler has
   * settled. Throws TaskError TASK_TOO_LONG, and DataCloneError for what cannot be
   * cloned.
   */
  finish(value: unknown): boolean {
    return this.#finisher.finish(value);
  }
}

/** What `@OnFinish` and the callback of `server.task` get, in the process that has posted the task. */
export class TaskResult<Data = unknown> {
  constructor(
    /** The id of the task: what `server.task` or `server.enqueue` gave its poster. */
    readonly taskId: number,
    /** What the task worker finished with; undefined when it failed. */
    readonly data: Data,
    /** Which task worker, counted among all workers; -1 when none had it. */
    readonly taskWorkerId: number,
    /** When the task was posted, in ms since the epoch. */
    readonly dispatchTime: number,
    /** Why there is no result: what the handler threw, or a `TaskError`. */
    readonly error?: Error & { code?: string },
    /** The process that posted the task is gone, and this is the one after it. */
    readonly orphaned = false,
    /** Of an orphaned one: what was posted. */
    readonly input?: unknown,
    /** Empty for a task without a name. */
    readonly name = '',
  ) {}
}
