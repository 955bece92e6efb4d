import type { BoundHandler } from '../events/bound-handler.js';
import type { Invoker } from '../events/invoke.js';
import type { OwnHandlers } from '../events/own-handlers.js';
import type { Logger } from '../log.js';
import type { TaskResult } from './task.js';

/** Hands results of tasks to the handlers of the process that has posted them. */
export class Finisher {
  /** Handlers of results that have not settled. */
  pending = 0;

  constructor(
    private readonly handlers: OwnHandlers,
    private readonly invoker: Invoker,
    private readonly logger: Logger,
  ) {}

  /** To the `@OnFinish` of its name, else to that without a name. */
  finish(result: TaskResult): void {
    const handler = this.handlers.find('finish', result.name) ?? this.handlers.find('finish');
    if (handler !== undefined) this.#call(handler, result);
    else if (result.error !== undefined) this.#reportFailure(result);
  }

  /** To the callback that came with the task. */
  tell(callback: (result: TaskResult) => unknown, result: TaskResult): void {
    const run = (): unknown => callback(result);
    this.#call({ event: 'finish', label: 'the callback of a task', run, parameters: 1 }, result);
  }

  #call(handler: BoundHandler, result: TaskResult): void {
    this.pending++;
    const produced = (): void => void this.pending--;
    this.invoker.produce(handler, result.taskId, 0, result, { produced }, 'loud');
  }

  #reportFailure({ taskId, name, error }: TaskResult): void {
    const which = name === '' ? `task ${taskId}` : `task ${taskId}, '${name}',`;
    this.logger.error(`${which} has failed, and no @OnFinish is there to hear it`, { error });
  }
}
