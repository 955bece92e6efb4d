/** What may be the name of a group, or a uid: both are kept in memory by the owner of the sockets. */
import { HandlerError } from '../errors.js';
import type { Uid } from './orders.js';

/** Characters of a name or a uid. */
export const LONGEST_NAME = 200;

/** Throws `HandlerError` GROUP_INVALID. */
export function checkGroup(group: unknown): asserts group is string {
  if (typeof group === 'string' && fits(group)) return;
  throw new HandlerError(
    'GROUP_INVALID',
    `a group is a string of 1 to ${LONGEST_NAME} characters, not ${describe(group)}`,
  );
}

/** Throws `HandlerError` UID_INVALID. */
export function checkUid(uid: unknown): asserts uid is Uid {
  if (typeof uid === 'number' ? Number.isSafeInteger(uid) : typeof uid === 'string' && fits(uid)) return;
  throw new HandlerError(
    'UID_INVALID',
    `a uid is a safe integer or a string of 1 to ${LONGEST_NAME} characters, not ${describe(uid)}`,
  );
}

function fits(name: string): boolean {
  return name.length > 0 && name.length <= LONGEST_NAME;
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `one of ${value.length}`;
  if (typeof value === 'number') return String(value);
  return value === null ? 'null' : typeof value;
}
