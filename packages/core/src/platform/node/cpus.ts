import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { posix } from 'node:path';
import type { Cpus } from '../platform.js';

type Read = (path: string) => string | undefined;

/**
 * Processors that this process may use. Node knows about affinity; about the
 * quota of a container it knows in newer versions only, and only in version 2
 * of the kernel's control groups, and then it does not tell the two apart. A
 * part of a processor counts for nothing, but there is always one.
 */
export function countCpus(
  available = availableParallelism(),
  read: Read = process.platform === 'linux' ? readOrNothing : () => undefined,
): Cpus {
  const affinity = readAffinity(read) ?? available;
  const quota = readQuota(read);
  const count = Math.max(1, Math.floor(Math.min(available, affinity, quota)));
  const cpus = `affinity allows ${affinity} ${affinity === 1 ? 'CPU' : 'CPUs'}`;
  if (quota === Number.POSITIVE_INFINITY) return { count, reason: `${cpus}, and there is no cgroup quota` };
  const floor = quota < 1 ? ', and one is the least' : '';
  return { count, reason: `${cpus}, the cgroup quota ${Number(quota.toFixed(2))}${floor}` };
}

/** The list in `/proc/self/status`: `Cpus_allowed_list:	0-3,8`. */
function readAffinity(read: Read): number | undefined {
  const list = /^Cpus_allowed_list:\s*([\d,-]+)$/m.exec(read('/proc/self/status') ?? '')?.[1];
  if (list === undefined) return undefined;
  return list.split(',').reduce((sum, range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return sum + last - first + 1;
  }, 0);
}

/** Processors, with fractions, that the control groups of this process grant; Infinity without a quota. */
export function readQuota(read: Read): number {
  return Math.min(
    Number.POSITIVE_INFINITY,
    ...groupsOf(read('/proc/self/cgroup') ?? '').flatMap((directories) =>
      directories.map((directory) => quotaOfVersion2(read, directory) ?? quotaOfVersion1(read, directory)),
    ),
  );
}

/**
 * The lines of `/proc/self/cgroup` are `0::/path` in version 2, and
 * `4:cpu,cpuacct:/path` in version 1. A group is bound by the quotas of the
 * groups above it as well; inside a container the path may name groups that are
 * not to be seen, and the topmost is the container's own.
 */
function groupsOf(lines: string): string[][] {
  return lines.split('\n').flatMap((line) => {
    const [, number, controllers = '', path = '/'] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (number === '0') return [upwards('/sys/fs/cgroup', path)];
    if (!controllers.split(',').includes('cpu')) return [];
    // Controllers that share a group are mounted under both of their names, in either order.
    return ['cpu', controllers].map((name) => upwards(`/sys/fs/cgroup/${name}`, path));
  });
}

function upwards(root: string, path: string): string[] {
  const directories = [posix.join(root, path)];
  for (let rest = path; rest !== '/' && rest !== '.'; rest = posix.dirname(rest)) {
    directories.push(posix.join(root, posix.dirname(rest)));
  }
  return directories;
}

/** `200000 100000`, or `max 100000`. */
function quotaOfVersion2(read: Read, directory: string): number | undefined {
  const [quota, period] = (read(posix.join(directory, 'cpu.max')) ?? '').trim().split(' ').map(Number);
  return ratio(quota, period);
}

/** A quota of -1 is none. */
function quotaOfVersion1(read: Read, directory: string): number {
  const [quota, period] = ['quota', 'period'].map((name) =>
    Number(read(posix.join(directory, `cpu.cfs_${name}_us`))),
  );
  return ratio(quota, period) ?? Number.POSITIVE_INFINITY;
}

/** Undefined for what is not written there, which `Number` has made NaN or 0. */
function ratio(quota = 0, period = 0): number | undefined {
  return quota > 0 && period > 0 ? quota / period : undefined;
}

function readOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
