/** Reads from a store what a queue was when it was last written. */
import { ProcessError } from '../../errors.js';
import type { Store } from '../../platform/platform.js';
import { QueuedTask } from './queued-task.js';
import {
  decodeJson,
  decodeLease,
  FORMAT,
  historyKey,
  idOf,
  kindOf,
  STORE_KEY,
  taskFields,
  taskHead,
  taskKey,
  taskPayload,
  type LeasedTask,
  type StoreFacts,
  type TaskHistory,
} from './task-record.js';

export interface Recalled {
  /** In the order of their ids. */
  readonly tasks: QueuedTask[];
  /** What was leased when the owner of the queue ended. */
  readonly leased: readonly LeasedTask[];
  /** Of leases, to be removed. */
  readonly leaseKeys: readonly number[];
  /** Ids up to this one may have been given. */
  readonly reserved: number;
}

/** @throws {ProcessError} QUEUE_DAMAGED for a store that another version has written. */
export function recall(store: Store): Recalled {
  const facts = store.get(STORE_KEY);
  const { format, reserved } =
    facts === undefined ? { format: FORMAT, reserved: 0 } : decodeJson<StoreFacts>(facts);
  if (format !== FORMAT) {
    throw new ProcessError(
      'QUEUE_DAMAGED',
      `${store.path} has tasks in the format ${format}, and this version knows ${FORMAT} only: start the version that wrote them, or move the directory away to begin with an empty queue`,
    );
  }
  const ids: number[] = [];
  const leaseKeys: number[] = [];
  const withHistory = new Set<number>();
  for (const key of store.keys()) {
    const kind = kindOf(key);
    if (kind === 'task') ids.push(idOf(key));
    else if (kind === 'lease') leaseKeys.push(key);
    else if (kind === 'history') withHistory.add(idOf(key));
  }
  ids.sort((a, b) => a - b);
  const tasks = ids.map((id) => recallTask(store, id, withHistory.has(id)));
  const leased = leaseKeys.flatMap((key) => decodeLease(store.get(key)!));
  return { tasks, leased, leaseKeys, reserved: Math.max(reserved, ids.at(-1) ?? 0) };
}

function recallTask(store: Store, id: number, hasHistory: boolean): QueuedTask {
  const record = store.get(taskKey(id))!;
  const fields = taskFields(record);
  const { dedupeKey } = taskHead(record);
  const task = new QueuedTask(id, fields.target, fields, dedupeKey, record, taskPayload(record).length);
  const history = hasHistory ? store.get(historyKey(id)) : undefined;
  if (history !== undefined) task.recall(decodeJson<TaskHistory>(history));
  return task;
}
