/** Those in the posting process that hear of a task: one class for each way to post one. */
import { TaskError } from '../errors.js';
import type { Clock, Timer } from '../platform/platform.js';
import type { Caller, PostedTask } from './task-call.js';
import { TaskResult } from './task.js';

type Failure = Error & { code?: string };

/** `server.task(data)`: each result, and a failure, goes to one function for all, `@OnFinish` in the end. */
export class FinishCaller implements Caller {
  readonly bequeaths = true;

  constructor(private readonly tell: (result: TaskResult) => void) {}

  result(call: PostedTask, value: unknown): void {
    this.tell(resultOf(call, value, undefined));
  }

  failed(call: PostedTask, error: Failure): void {
    this.tell(resultOf(call, undefined, error));
  }

  over(): void {}
}

/** `await server.taskWait(data)`: the first result, or none, settles it. */
export class WaitCaller implements Caller {
  readonly bequeaths = false;
  #over = false;
  #gaveUp = false;
  #timer: Timer | undefined;
  #unlisten: (() => void) | undefined;
  #resolve: ((value: unknown) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  /** What becomes of the task. */
  readonly settled = new Promise<unknown>((resolve, reject) => {
    this.#resolve = resolve;
    this.#reject = reject;
  });

  constructor(
    private readonly clock: Clock,
    private readonly onLate: () => void,
  ) {}

  /** Gives up after `timeout` ms (0 is never), or when the signal says so; `abandon` is called then. */
  limit(timeout: number, signal: AbortSignal | undefined, abandon: () => void): void {
    const giveUp = (error: unknown): void => {
      if (this.#over) return;
      this.#gaveUp = true;
      abandon();
      this.#end();
      this.#reject!(error);
    };
    if (this.#over) return;
    if (timeout > 0) {
      const late = (): void =>
        giveUp(new TaskError('TASK_TIMEOUT', `the task has not finished within ${timeout} ms`));
      this.#timer = this.clock.setTimer(timeout, late);
    }
    if (signal === undefined) return;
    const aborted = (): void => giveUp(signal.reason);
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
    this.#unlisten = () => signal.removeEventListener('abort', aborted);
  }

  result(_call: PostedTask, value: unknown): void {
    if (this.#isTooLate()) return;
    this.#end();
    this.#resolve!(value);
  }

  failed(_call: PostedTask, error: Failure): void {
    if (this.#isTooLate()) return;
    this.#end();
    this.#reject!(error);
  }

  over(): void {
    if (this.#over) return;
    this.#end();
    this.#resolve!(undefined);
  }

  /** Whether it still waits. */
  get waiting(): boolean {
    return !this.#over;
  }

  /** The task was not accepted. */
  refuse(error: unknown): void {
    if (this.#over) return;
    this.#end();
    this.#reject!(error);
  }

  #isTooLate(): boolean {
    if (this.#gaveUp) this.onLate();
    return this.#over;
  }

  #end(): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#unlisten?.();
  }
}

function resultOf(
  { id, way, dispatchTime, name }: PostedTask,
  value: unknown,
  error: Failure | undefined,
): TaskResult {
  return new TaskResult(id, value, way?.peer.workerId ?? -1, dispatchTime, error, false, undefined, name);
}
