import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { posix } from 'node:path';

type Read = (path: string) => string | undefined;

/**
 * Processors that this process may use. Node knows about affinity; about the
 * quota of a container it knows in newer versions only, and only in version 2
 * of the kernel's control groups. A part of a processor counts for nothing, but
 * there is always one.
 */
export function countCpus(): number {
  const available = availableParallelism();
  if (process.platform !== 'linux') return available;
  return Math.max(1, Math.floor(Math.min(available, readQuota(readOrNothing))));
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
    return controllers.split(',').includes('cpu') ? [upwards(`/sys/fs/cgroup/${controllers}`, path)] : [];
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
