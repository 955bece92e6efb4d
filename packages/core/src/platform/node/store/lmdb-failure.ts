/** What LMDB says of a transaction that it could not make. */
import { getSystemErrorName } from 'node:util';

const MAP_FULL = -30_792;
const TRANSACTION_FULL = -30_788;
const PASSING = ['ENOSPC', 'EDQUOT', 'EIO', 'EFBIG', 'ENOMEM', MAP_FULL, TRANSACTION_FULL];

/** Its rejection has the reason behind another promise. */
export async function failureOf(rejection: unknown): Promise<Error> {
  const reason: unknown = await (rejection as { commitError?: Promise<unknown> }).commitError?.catch(
    (error: unknown) => error,
  );
  const error = reason instanceof Error ? reason : (rejection as Error);
  const { code } = error as { code?: unknown };
  if (typeof code !== 'number' || code <= 0) return error;
  const name = getSystemErrorName(-code);
  // LMDB makes this of a write that took a part only.
  const message =
    name === 'EIO'
      ? 'EIO: a write was cut short or failed, as on a full disk'
      : `${name}: ${error.message.split(': ')[0]}`;
  return Object.assign(new Error(message, { cause: error }), { code: name });
}

/** Whether the next transaction may succeed. */
export function isPassing(failure: Error): boolean {
  return PASSING.includes((failure as { code?: string | number }).code ?? '');
}
