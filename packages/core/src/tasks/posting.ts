import { TaskError } from '../errors.js';
import { encode, type Encoded } from '../pipe/payload.js';
import type { Parcel, Way } from '../mesh/way.js';
import type { Wish } from './room-line.js';
import type { Caller, PostedTask } from './task-call.js';

/** Bytes of tasks that may wait in one process, beside the first. */
export const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** How a process posts tasks, and hears what becomes of them: straight to task workers, or through the queue. */
export interface Posting {
  readonly counters: {
    posted: number;
    finished: number;
    failed: number;
    retried: number;
    lateResults: number;
  };
  /** Tasks of which somebody here wants to hear still. */
  readonly open: number;
  /** Of these, the ones that a server which stops waits for. */
  readonly unfinished: number;
  /** Whether there is somebody who could settle what has been posted. */
  readonly reachable: boolean;
  /** Throws `TaskError` for what cannot be posted. `target` counts task workers from 0. */
  post(name: string, data: unknown, target: number | undefined, caller: Caller): PostedTask;
  /** As `post`, when there is room for it. Rejects for what cannot be posted; undefined when nobody wants it any more. */
  postWhenRoom(
    name: string,
    data: unknown,
    target: number | undefined,
    caller: Caller,
    wish: Wish,
  ): Promise<PostedTask | undefined>;
  /** Resolves when one more may wait. */
  room(): Promise<void>;
  /** The caller has given up. */
  abandon(task: PostedTask): void;

  // What the mesh tells.

  pump(): void;
  result(parcel: Parcel, flags: number, buffer: Buffer, start: number, end: number): void;
  /** As `result`, in the file of that name; whoever has read it calls `taken`. */
  resultInFile(parcel: Parcel, flags: number, name: string, taken: () => void): void;
  turn(way: Way): void;
  lost(way: Way, unsettled: readonly Parcel[]): void;
}

/** What can be posted: the rules are the same whichever way tasks go. */
export interface PostingRules {
  /** How many task workers there are. */
  readonly taskWorkers: number;
  /** Names of the tasks that have a handler; the empty one is that without a name. */
  readonly names: ReadonlySet<string>;
  /** Bytes. */
  readonly taskMaxLength: number;
}

/** Throws `TaskError` TASK_NO_WORKERS, TASK_NO_HANDLER. */
export function checkTask(
  { taskWorkers, names }: PostingRules,
  name: string,
  target: number | undefined,
): void {
  if (taskWorkers === 0)
    throw new TaskError('TASK_NO_WORKERS', 'there are no task workers: set taskWorkerNum');
  if (!names.has(name)) throw new TaskError('TASK_NO_HANDLER', noHandler(name, names));
  if (target === undefined || (Number.isInteger(target) && target >= 0 && target < taskWorkers)) return;
  throw new TaskError(
    'TASK_NO_WORKERS',
    `there is no task worker ${String(target)}: they are counted from 0, and there are ${taskWorkers}`,
  );
}

/** Throws `TaskError` TASK_TOO_LONG, and DataCloneError for what cannot be cloned. */
export function encodeTask({ taskMaxLength }: PostingRules, data: unknown): Encoded {
  const content = encode(data);
  if (content.bytes <= taskMaxLength) return content;
  throw new TaskError(
    'TASK_TOO_LONG',
    `a task of ${content.bytes} bytes is too long: taskMaxLength is ${taskMaxLength}`,
  );
}

function noHandler(name: string, names: ReadonlySet<string>): string {
  const known = [...names].filter((each) => each !== '').map((each) => `'${each}'`);
  if (name === '') return 'no @OnTask without a name handles this task';
  return `no @OnTask handles '${name}'; there ${known.length === 0 ? 'are no named ones' : `are ${known.join(', ')}`}`;
}
