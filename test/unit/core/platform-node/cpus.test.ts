import { availableParallelism } from 'node:os';
import { expect } from 'chai';
import { countCpus, readQuota } from '@shoal/core/internal/platform/node/cpus';

function quotaWith(files: Record<string, string>): number {
  return readQuota((path) => files[path]);
}

const [version1, version2] = ['4:cpu,cpuacct:/app\n3:memory:/app\n', '0::/app.slice/app\n'];

describe('countCpus', () => {
  it('counts at least one processor and no more than there are', () => {
    const { count, reason } = countCpus();
    expect(count).to.be.within(1, availableParallelism());
    expect(reason).to.match(/^affinity allows \d+ CPUs?, /);
  });

  const status = 'Name:\tnode\nCpus_allowed:\tf\nCpus_allowed_list:\t0-2,8\nMems_allowed:\t1\n';
  const quota = (micros: string) => ({
    '/proc/self/cgroup': '0::/\n',
    '/sys/fs/cgroup/cpu.max': `${micros} 100000\n`,
  });
  for (const [title, available, files, expected] of [
    [
      'takes what affinity allows where there is no quota',
      4,
      { '/proc/self/status': status },
      { count: 4, reason: 'affinity allows 4 CPUs, and there is no cgroup quota' },
    ],
    [
      'takes what Node says where the system does not tell',
      1,
      {},
      { count: 1, reason: 'affinity allows 1 CPU, and there is no cgroup quota' },
    ],
    [
      'takes the whole part of a quota that is less',
      4,
      { '/proc/self/status': status, ...quota('250000') },
      { count: 2, reason: 'affinity allows 4 CPUs, the cgroup quota 2.5' },
    ],
    [
      'takes affinity where the quota is more',
      4,
      { '/proc/self/status': status, ...quota('900000') },
      { count: 4, reason: 'affinity allows 4 CPUs, the cgroup quota 9' },
    ],
    [
      'takes one where the quota is exactly one',
      4,
      { '/proc/self/status': status, ...quota('100000') },
      { count: 1, reason: 'affinity allows 4 CPUs, the cgroup quota 1' },
    ],
    [
      'takes one where the quota is less, and says so',
      4,
      { '/proc/self/status': status, ...quota('99000') },
      { count: 1, reason: 'affinity allows 4 CPUs, the cgroup quota 0.99, and one is the least' },
    ],
    [
      'tells affinity and quota apart where Node has taken the quota into account',
      2,
      { '/proc/self/status': status, ...quota('250000') },
      { count: 2, reason: 'affinity allows 4 CPUs, the cgroup quota 2.5' },
    ],
  ] as const) {
    it(title, () =>
      expect(countCpus(available, (path) => (files as Record<string, string>)[path])).to.deep.equal(expected),
    );
  }

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
      'reads it where its two controllers are mounted under the other name',
      {
        '/proc/self/cgroup': '4:cpuacct,cpu:/app\n',
        '/sys/fs/cgroup/cpu/app/cpu.cfs_quota_us': '250000\n',
        '/sys/fs/cgroup/cpu/app/cpu.cfs_period_us': '100000\n',
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
