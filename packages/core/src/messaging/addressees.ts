import type { Settings } from '../config/load.js';
import type { Definition, RoleName } from '../definition.js';
import { ProcessError } from '../errors.js';
import { handlerFor } from '../events/handler-table.js';

/** A worker, task worker or user process by its id, or a user process by its name. */
export type Addressee = number | string;

export interface AddresseesParts {
  readonly definition: Definition;
  readonly settings: Pick<Settings, 'workerNum' | 'taskWorkerNum'>;
  /** Names of the user processes, in the order of their ids. */
  readonly userProcesses: readonly string[];
  /** The id of this process. */
  readonly workerId: () => number;
}

/** Whom this process can send messages. */
export class Addressees {
  constructor(private readonly parts: AddresseesParts) {}

  /** The id of whoever is meant. Throws `ProcessError` for nobody, oneself, and one that handles no messages. */
  idOf(addressee: Addressee): number {
    const { userProcesses } = this.parts;
    const workers = this.#workers;
    const total = workers + userProcesses.length;
    const index = typeof addressee === 'string' ? userProcesses.indexOf(addressee) : -1;
    const workerId = typeof addressee === 'number' ? addressee : index < 0 ? -1 : workers + index;
    if (!Number.isInteger(workerId) || workerId < 0 || workerId >= total)
      throw new ProcessError('NO_SUCH_WORKER', unknownAddressee(addressee, total, userProcesses));
    if (workerId === this.parts.workerId())
      throw new ProcessError(
        'NO_SUCH_WORKER',
        `worker ${workerId} is this process, which does not send to itself`,
      );
    this.#requireHandler(this.#roleOf(workerId), userProcesses[workerId - workers]);
    return workerId;
  }

  /** The ids of all other workers and task workers. Throws `ProcessError` where they handle no messages. */
  everyOther(): readonly number[] {
    this.#requireHandler('worker');
    const all = Array.from({ length: this.#workers }, (_, workerId) => workerId);
    return all.filter((workerId) => workerId !== this.parts.workerId());
  }

  /** How many workers and task workers there are; the ids of user processes follow. */
  get #workers(): number {
    const { workerNum, taskWorkerNum } = this.parts.settings;
    return workerNum + taskWorkerNum;
  }

  #requireHandler(role: RoleName, process?: string): void {
    if (handlerFor(this.parts.definition, 'pipeMessage', role, '', process) !== undefined) return;
    throw new ProcessError(
      'NO_MESSAGE_HANDLER',
      'nobody there handles messages: add a method with @OnPipeMessage',
    );
  }

  #roleOf(workerId: number): RoleName {
    if (workerId < this.parts.settings.workerNum) return 'worker';
    return workerId < this.#workers ? 'taskWorker' : 'userProcess';
  }
}

function unknownAddressee(addressee: Addressee, total: number, names: readonly string[]): string {
  if (typeof addressee === 'number')
    return `there is no worker ${addressee} to send a message to: ids are 0 to ${total - 1}`;
  const known = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
  return `there is no user process '${addressee}' to send a message to: ${known}`;
}
