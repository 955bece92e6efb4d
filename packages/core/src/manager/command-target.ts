import { ProcessError } from '../errors.js';
import type { WorkerHandle } from './worker-handle.js';
import type { WorkerPlace } from './worker-place.js';

/**
 * The process that a command means: an id, or the name of a user process.
 * Throws `ProcessError` NO_SUCH_PROCESS, ASK_LOST while nobody serves there.
 */
export function commandTarget(places: readonly WorkerPlace[], target: number | string): WorkerHandle {
  const place = places.find(({ workerId, duty }) => target === workerId || target === duty.userProcess);
  if (place === undefined && places.length > 0) throw noSuchProcess(places, target);
  const { current } = place ?? {};
  if (current?.state === 'serving' || current?.state === 'stopping') return current;
  const name = typeof target === 'number' ? `worker ${target}` : `process ${target}`;
  throw new ProcessError('ASK_LOST', `${name} does not serve yet, or is being replaced: ask again`);
}

function noSuchProcess(places: readonly WorkerPlace[], target: number | string): ProcessError {
  const names = places.flatMap(({ duty }) =>
    duty.userProcess === undefined ? [] : [`'${duty.userProcess}'`],
  );
  const known = [`0 to ${places.length - 1}`, ...names, `'master'`, `'manager'`].join(', ');
  return new ProcessError(
    'NO_SUCH_PROCESS',
    `there is no process ${JSON.stringify(target)}; there are ${known}`,
  );
}
