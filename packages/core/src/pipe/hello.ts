import { ProcessError } from '../errors.js';
import type { RoleName } from '../definition.js';
import type { Hello } from './messages.js';

/** The body of a hello. Throws `ProcessError` PIPE_BROKEN for anything else. */
export function parseHello(text: string): Hello {
  let hello: Partial<Hello> | null;
  try {
    hello = JSON.parse(text) as Partial<Hello> | null;
  } catch (cause) {
    throw new ProcessError('PIPE_BROKEN', 'the hello on a pipe is not JSON', { cause });
  }
  const { version, role, workerId, incarnation, pid, serves } = hello ?? {};
  if (
    typeof version !== 'number' ||
    !isRole(role) ||
    typeof workerId !== 'number' ||
    typeof incarnation !== 'number' ||
    typeof pid !== 'number'
  ) {
    throw new ProcessError('PIPE_BROKEN', `the hello on a pipe lacks a field: ${text.slice(0, 200)}`);
  }
  const guest = serves === false ? ({ serves } as const) : {};
  return { version, role, workerId, incarnation, pid, ...guest };
}

const roles: readonly unknown[] = [
  'master',
  'manager',
  'worker',
  'taskWorker',
  'userProcess',
  'queue',
] satisfies RoleName[];

function isRole(role: unknown): role is RoleName {
  return roles.includes(role);
}
