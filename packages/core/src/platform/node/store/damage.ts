import { ProcessError } from '../../../errors.js';

export function damaged(path: string, what: string): ProcessError {
  return new ProcessError(
    'QUEUE_DAMAGED',
    `${path} ${what}. Nothing was changed: put back a copy of the whole directory, or move it away to begin with an empty queue`,
  );
}
