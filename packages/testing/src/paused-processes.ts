import { readFileSync } from 'node:fs';
import { identify } from '@shoal/core/internal/platform/node/process-identity';
import type { ProcessIdentity } from '@shoal/core/internal/platform/platform';

/** What a timer of Node takes; who is paused for longer than these 24 days is so for good. */
const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * Real processes that were stopped by SIGSTOP, and when they go on. A process
 * that has taken the pid of one that is dead is not touched.
 */
export class PausedProcesses {
  readonly #timers = new Map<number, NodeJS.Timeout>();

  /** Stops it for good, whatever end was set. It stands still a moment later. */
  stop(identity: ProcessIdentity): void {
    clearTimeout(this.#timers.get(identity.pid));
    this.#timers.delete(identity.pid);
    signalExactly(identity, 'SIGSTOP');
  }

  /** Lets it go on in so many ms. */
  continueIn(ms: number, identity: ProcessIdentity): void {
    const { pid } = identity;
    if (ms > LONGEST_DELAY) return;
    const timer = setTimeout(() => {
      this.#timers.delete(pid);
      signalExactly(identity, 'SIGCONT');
    }, ms);
    // It is no reason for the test process to stay.
    timer.unref();
    this.#timers.set(pid, timer);
  }

  /** The processes are gone. */
  forget(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** Whether it stands still, or is dead; true as well where the system does not tell. */
export function standsStill({ pid, startedAt }: ProcessIdentity): boolean {
  if (identify(pid)?.startedAt !== startedAt || startedAt === '') return true;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // After the name, which may hold anything.
    const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
    return state === 'T' || state === 't';
  } catch {
    return true;
  }
}

function signalExactly({ pid, startedAt }: ProcessIdentity, signal: 'SIGSTOP' | 'SIGCONT'): void {
  if (identify(pid)?.startedAt !== startedAt) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It has died since.
  }
}
