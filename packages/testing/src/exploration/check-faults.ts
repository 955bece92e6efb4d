import type { Fault } from './fault.js';

const KINDS: Record<Fault['kind'], readonly string[]> = {
  crashWorker: ['workerId', 'when', 'after'],
  crashManager: [],
  reload: [],
  stopWorker: ['workerId'],
  hangWorker: ['workerId', 'ms'],
  slowPipes: ['workerId', 'ms'],
  stall: ['client', 'ms'],
  shape: ['client', 'link'],
  reset: ['client'],
};

const MOMENTS = ['now', 'started', 'sent', 'settled', 'posted', 'answered', 'write'];
const CAUSES = ['sent', 'settled', 'ended', 'posted', 'answered'];

/** Refuses faults that would do nothing, because what they name is not there. Throws an `Error` with the remedy. */
export function checkFaults(
  faults: readonly Fault[],
  workers: readonly { readonly workerId: number }[],
): void {
  for (const [index, fault] of faults.entries()) {
    const problem = problemOf(fault, workers);
    if (problem !== undefined) throw new Error(`faults[${index}]: ${problem}`);
  }
}

function problemOf(fault: Fault, workers: readonly { readonly workerId: number }[]): string | undefined {
  if (!Object.hasOwn(KINDS, fault.kind))
    return `there is no fault '${fault.kind as string}'; there are ${Object.keys(KINDS).join(', ')}`;
  const known = ['kind', 'at', ...KINDS[fault.kind]];
  const stranger = Object.keys(fault).find((name) => !known.includes(name));
  if (stranger !== undefined) return `${fault.kind} has no ${stranger}; it has ${known.join(', ')}`;
  if (!(fault.at >= 0)) return `at is ${fault.at}, and has to be virtual ms from 0`;
  if ('ms' in fault && !(fault.ms >= 0)) return `ms is ${fault.ms}, and has to be virtual ms from 0`;
  if ('workerId' in fault && !workers.some(({ workerId }) => workerId === fault.workerId))
    return `there is no worker ${fault.workerId}; there are ${workers.map(({ workerId }) => workerId).join(', ')}`;
  if ('client' in fault && !(Number.isSafeInteger(fault.client) && fault.client >= 0))
    return `client is ${fault.client}, and has to be the number of a client, which count from 0`;
  if (fault.kind !== 'crashWorker') return undefined;
  if (!MOMENTS.includes(fault.when))
    return `when is '${fault.when}', and has to be one of ${MOMENTS.join(', ')}`;
  if (fault.after === undefined) return undefined;
  if (fault.when !== 'write') return `after goes with when: 'write'`;
  if (!CAUSES.includes(fault.after))
    return `after is '${fault.after}', and has to be one of ${CAUSES.join(', ')}`;
  return undefined;
}
