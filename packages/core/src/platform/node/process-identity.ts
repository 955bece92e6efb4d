import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { ProcessIdentity } from '../platform.js';

const systemTells = process.platform === 'linux' && existsSync('/proc/self/stat');

/** A living process by its pid and start time; undefined when it does not live, or is a zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  // To the system 0 and negative numbers are groups of processes.
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  const startedAt = systemTells ? startOf(pid) : lives(pid) ? '' : undefined;
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** What a living process is called; empty where it cannot be told. */
export function titleOf(pid: number): string {
  try {
    if (systemTells) return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

function startOf(pid: number): string | undefined {
  try {
    return readStart(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/**
 * Reads `pid (name) state …`, where the name may hold spaces and parentheses,
 * the state is the third field and the start time, in clock ticks since the
 * system booted, the 22nd. A process of the state Z or X is dead already.
 */
export function readStart(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startedAt] = [fields[0], fields[19]];
  return state === 'Z' || state === 'X' ? undefined : startedAt;
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
