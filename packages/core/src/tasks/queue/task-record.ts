/**
 * What a task is in the store. Four kinds of keys, told apart by their lowest bits:
 *
 * ```text
 *   id × 4      the task itself, never written again
 *   id × 4 + 1  its history, once there is one: attempts, due time, reason (JSON)
 *   n × 4 + 2   a lease: which tasks were taken together (f64 id │ u32 attempt, each)
 *   3           the store: its format and the ids that are reserved (JSON)
 *
 *   task:  f64 accepted at │ f64 due at, or 0 │ i32 target │ u16 max attempts
 *          u32 bytes of the head │ head: JSON of [meta, dedupe key] │ payload
 * ```
 *
 * With JSON for what is rare, the hot path writes a task once and a removal once.
 */
import type { WireError } from '../../errors.js';
import type { TaskMeta } from './task-queue.js';

export const FORMAT = 1;
export const STORE_KEY = 3;

export type KeyKind = 'task' | 'history' | 'lease' | 'store';
const KINDS: readonly KeyKind[] = ['task', 'history', 'lease', 'store'];

export const taskKey = (id: number): number => id * 4;
export const historyKey = (id: number): number => id * 4 + 1;
export const leaseKey = (number: number): number => number * 4 + 2;
export const kindOf = (key: number): KeyKind => KINDS[key % 4]!;
export const idOf = (key: number): number => Math.floor(key / 4);

const FIXED_BYTES = 26;
const NO_TARGET = -1;
const NO_META: TaskMeta = {};
const EMPTY_HEAD = new Uint8Array(0);

export interface TaskFields {
  readonly acceptedAt: number;
  readonly dueAt: number;
  readonly target: number | undefined;
  readonly maxAttempts: number;
}

export interface TaskHead {
  readonly meta: TaskMeta;
  readonly dedupeKey: string | undefined;
}

export interface TaskHistory {
  readonly attempts: number;
  readonly crashes: number;
  readonly dueAt?: number;
  readonly reason?: WireError;
  readonly diedAt?: number;
}

export interface StoreFacts {
  readonly format: number;
  readonly reserved: number;
}

export function encodeTask(
  { acceptedAt, dueAt, target, maxAttempts }: TaskFields,
  { meta, dedupeKey }: { readonly meta?: TaskMeta | undefined; readonly dedupeKey?: string | undefined },
  payload: Uint8Array,
): Uint8Array {
  const head =
    meta === undefined && dedupeKey === undefined
      ? EMPTY_HEAD
      : Buffer.from(JSON.stringify(dedupeKey === undefined ? [meta] : [meta ?? NO_META, dedupeKey]));
  const record = Buffer.allocUnsafe(FIXED_BYTES + head.length + payload.length);
  record.writeDoubleLE(acceptedAt, 0);
  record.writeDoubleLE(dueAt, 8);
  record.writeInt32LE(target ?? NO_TARGET, 16);
  record.writeUInt16LE(maxAttempts, 20);
  record.writeUInt32LE(head.length, 22);
  record.set(head, FIXED_BYTES);
  record.set(payload, FIXED_BYTES + head.length);
  return record;
}

export function taskFields(record: Uint8Array): TaskFields {
  const view = bufferOf(record);
  const target = view.readInt32LE(16);
  return {
    acceptedAt: view.readDoubleLE(0),
    dueAt: view.readDoubleLE(8),
    target: target === NO_TARGET ? undefined : target,
    maxAttempts: view.readUInt16LE(20),
  };
}

export function taskHead(record: Uint8Array): TaskHead {
  const view = bufferOf(record);
  const length = view.readUInt32LE(22);
  if (length === 0) return { meta: NO_META, dedupeKey: undefined };
  const text = view.toString('utf8', FIXED_BYTES, FIXED_BYTES + length);
  const [meta, dedupeKey] = JSON.parse(text) as [TaskMeta, string?];
  return { meta, dedupeKey };
}

export function taskPayload(record: Uint8Array): Buffer {
  const view = bufferOf(record);
  return view.subarray(FIXED_BYTES + view.readUInt32LE(22));
}

export interface LeasedTask {
  readonly id: number;
  readonly attempt: number;
}

const LEASED_BYTES = 12;

export function encodeLease(tasks: readonly LeasedTask[]): Uint8Array {
  const record = Buffer.allocUnsafe(tasks.length * LEASED_BYTES);
  let at = 0;
  for (const { id, attempt } of tasks) {
    record.writeDoubleLE(id, at);
    record.writeUInt32LE(attempt, at + 8);
    at += LEASED_BYTES;
  }
  return record;
}

export function decodeLease(record: Uint8Array): LeasedTask[] {
  const view = bufferOf(record);
  return Array.from({ length: Math.floor(view.length / LEASED_BYTES) }, (_, index) => ({
    id: view.readDoubleLE(index * LEASED_BYTES),
    attempt: view.readUInt32LE(index * LEASED_BYTES + 8),
  }));
}

export function encodeJson(value: TaskHistory | StoreFacts): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

export function decodeJson<T extends TaskHistory | StoreFacts>(record: Uint8Array): T {
  return JSON.parse(bufferOf(record).toString('utf8')) as T;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
