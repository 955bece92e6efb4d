/**
 * What commands carry over links, which are JSON: the data and the answer as
 * base64 of a payload, bounded, because each process on the way holds them. They
 * are checked before they set off.
 */
import { ProcessError } from '../errors.js';
import { decodePayload, encodePayload } from './payload.js';
import type { Question } from './questions.js';

/** Bytes of the encoded data of a command, and of its answer. */
export const LONGEST_COMMAND = 1_048_576;

/** Bytes of the data of commands that one process may have asked and not heard of. */
const MOST_IN_FLIGHT = 16_777_216;
/** What a command counts at least, in bytes, so that their number is bounded too: 1,024. */
const LEAST_WEIGHT = 16_384;

const LONGEST_TIMEOUT_MS = 86_400_000;

/** ms by which the processes on the way wait longer than whoever asks, who says better what is late. */
const GRACE_MS = 1_000;

/** `what` is named in errors. Throws `ProcessError` COMMAND_INVALID for what cannot be cloned, COMMAND_TOO_LONG. */
export function packCommandData(value: unknown, what: string): string {
  const encoded = encode(value, what);
  if (encoded.length <= LONGEST_COMMAND) return encoded.toString('base64');
  throw new ProcessError(
    'COMMAND_TOO_LONG',
    `${what} has ${encoded.length} bytes, and may have ${LONGEST_COMMAND}: send a reference, or several commands`,
  );
}

export function unpackCommandData(packed: string): unknown {
  return decodePayload(Buffer.from(packed, 'base64'));
}

/** ms that a process on the way waits for the answer. */
export function commandPatience({ timeout }: Extract<Question, { what: 'command' }>): number {
  return timeout + GRACE_MS;
}

/** What is wrong with a command beside its data; undefined when nothing is. */
export function commandProblem(name: unknown, target: unknown, timeout: unknown): string | undefined {
  if (typeof name !== 'string' || name === '') return 'a command has a name that is not empty';
  if (typeof target !== 'number' && typeof target !== 'string')
    return `command '${name}' is for a worker id, the name of a user process, 'master' or 'manager', not for ${typeof target}`;
  const isTime = typeof timeout === 'number' && timeout >= 1 && timeout <= LONGEST_TIMEOUT_MS;
  return isTime ? undefined : `timeout takes 1 to ${LONGEST_TIMEOUT_MS} ms, not ${String(timeout)}`;
}

/** What one process has asked by commands and is not answered yet. The processes on the way hold it as well. */
export class CommandsInFlight {
  #bytes = 0;

  /** Gives the way to take it off again. Throws `ProcessError` COMMAND_OVERFLOW when there is too much. */
  add(packed: string): () => void {
    const weight = Math.max(packed.length, LEAST_WEIGHT);
    if (this.#bytes + weight > MOST_IN_FLIGHT) {
      const limit = `${MOST_IN_FLIGHT} bytes, each counted as ${LEAST_WEIGHT} at least`;
      throw new ProcessError(
        'COMMAND_OVERFLOW',
        `this process waits for the answers to as many commands as it may (${limit}): await some first`,
      );
    }
    this.#bytes += weight;
    return () => (this.#bytes -= weight);
  }
}

function encode(value: unknown, what: string): Buffer {
  try {
    return encodePayload(value);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ProcessError('COMMAND_INVALID', `${what} cannot go to another process: ${reason}`, { cause });
  }
}
