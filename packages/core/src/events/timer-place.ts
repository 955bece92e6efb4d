import type { Definition, RoleName, TimerSpec } from '../definition.js';

/** A process, as far as it matters for where timers run. */
export interface TimerSite {
  readonly role: RoleName;
  /** The name of a user process. */
  readonly process?: string | undefined;
  /** -1 in a spare, and where there is none. */
  readonly workerId: number;
  readonly workerNum: number;
}

/** The timers that run in a process, or may: one for `'one'` is in every event worker, which has to be ready for it. */
export function timersAt(definition: Definition, site: TimerSite): readonly TimerSpec[] {
  return definition.timers.filter((spec) => mayRunAt(spec, site));
}

function mayRunAt({ on = 'every', process }: TimerSpec, site: TimerSite): boolean {
  const { role, workerId, workerNum } = site;
  if (process !== undefined) return process === site.process;
  if (on === 'task') return role === 'taskWorker';
  if (typeof on === 'string') return role === 'worker';
  if (workerId >= 0) return on === workerId;
  // A spare takes the id of any event worker.
  return role === 'worker' && on < workerNum;
}
