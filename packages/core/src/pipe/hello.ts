import { ProcessError } from '../errors.js';
import type { Hello } from './messages.js';

/** The body of a hello. Throws `ProcessError` PIPE_BROKEN for anything else. */
export function parseHello(text: string): Hello {
  let hello: Partial<Hello> | null;
  try {
    hello = JSON.parse(text) as Partial<Hello> | null;
  } catch (cause) {
    throw new ProcessError('PIPE_BROKEN', 'the hello on a pipe is not JSON', { cause });
  }
  const { version, role, workerId, incarnation, pid } = hello ?? {};
  if (
    typeof version !== 'number' ||
    (role !== 'worker' && role !== 'taskWorker') ||
    typeof workerId !== 'number' ||
    typeof incarnation !== 'number' ||
    typeof pid !== 'number'
  ) {
    throw new ProcessError('PIPE_BROKEN', `the hello on a pipe lacks a field: ${text.slice(0, 200)}`);
  }
  return { version, role, workerId, incarnation, pid };
}
