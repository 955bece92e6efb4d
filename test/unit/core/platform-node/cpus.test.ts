import { availableParallelism } from 'node:os';
import { expect } from 'chai';
import { countCpus, readQuota } from '@shoal/core/internal/platform/node/cpus';

function quotaWith(files: Record<string, string>): number {
  return readQuota((path) => files[path]);
}

const [version1, version2] = ['4:cpu,cpuacct:/app\n3:memory:/app\n', '0::/app.slice/app\n'];

describe('countCpus', () => {
  it('counts at least one processor and no more than there are', () => {
    expect(countCpus()).to.be.within(1, availableParallelism());
  });

  for (const [title, files, quota] of [
    ['finds no quota where there are no control groups', {}, Infinity],
    [
      'finds no quota in a group without one',
      { '/proc/self/cgroup': version2, '/sys/fs/cgroup/app.slice/app/cpu.max': 'max 100000\n' },
      Infinity,
    ],
    [
      'reads the quota of a group of version 2',
      { '/proc/self/cgroup': version2, '/sys/fs/cgroup/app.slice/app/cpu.max': '150000 100000\n' },
      1.5,
    ],
    [
      'takes the smallest quota on the way up',
      {
        '/proc/self/cgroup': version2,
        '/sys/fs/cgroup/app.slice/app/cpu.max': '400000 100000\n',
        '/sys/fs/cgroup/app.slice/cpu.max': '200000 100000\n',
        '/sys/fs/cgroup/cpu.max': '300000 100000\n',
      },
      2,
    ],
    [
      'reads the quota of a container whose group has another name outside',
      { '/proc/self/cgroup': version2, '/sys/fs/cgroup/cpu.max': '50000 100000\n' },
      0.5,
    ],
    [
      'reads the quota of a group of version 1',
      {
        '/proc/self/cgroup': version1,
        '/sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us': '250000\n',
        '/sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us': '100000\n',
      },
      2.5,
    ],
    [
      'takes a quota of -1 in version 1 for none',
      {
        '/proc/self/cgroup': version1,
        '/sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us': '100000\n',
      },
      Infinity,
    ],
  ] as const) {
    it(title, () => expect(quotaWith(files)).to.equal(quota));
  }
});
