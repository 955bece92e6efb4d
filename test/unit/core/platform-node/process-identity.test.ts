import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { NodeProcesses } from '@shoal/core/internal/platform/node/processes';
import { identify, readStart } from '@shoal/core/internal/platform/node/process-identity';
import { until, within } from './deadlines.js';

const processes = new NodeProcesses({ write: () => {} });

describe('process identity', function () {
  this.timeout(10_000);

  describe('readStart', () => {
    const rest = `1 1 1 0 -1 0 ${'0 '.repeat(12)}`;

    for (const name of ['node', 'shoal: worker 0', 'a) R (b', ') Z 1 (', '(()']) {
      it(`reads the start time behind the name "${name}"`, () => {
        expect(readStart(`42 (${name}) S ${rest}987654 7 8 9`)).to.equal('987654');
      });
    }

    for (const state of ['Z', 'X']) {
      it(`takes a process in state ${state} for dead`, () => {
        expect(readStart(`42 (node) ${state} ${rest}987654 7 8 9`)).to.equal(undefined);
      });
    }
  });

  it('names a process the same way each time', () => {
    const identity = identify(process.pid);
    expect(identity).to.deep.equal(identify(process.pid));
    expect(identity?.pid).to.equal(process.pid);
    if (process.platform === 'linux') expect(identity?.startedAt).to.match(/^[1-9]\d*$/);
  });

  for (const pid of [0, -1, 1.5, Number.NaN, 2 ** 30]) {
    it(`finds no process ${pid}`, () => expect(identify(pid)).to.equal(undefined));
  }

  it('does not take a zombie for a living process', async function () {
    if (process.platform !== 'linux') this.skip();
    // The shell turns into a program that never asks for the exit of its child.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const [line] = (await within('the pid', once(parent.stdout, 'data'))) as [Buffer];
      const pid = Number(line);
      const isZombie = (): boolean => readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
      await until('it is a zombie', isZombie);
      expect(identify(pid)).to.equal(undefined);
    } finally {
      parent.kill('SIGKILL');
      await within('the end of the parent', once(parent, 'close'));
    }
  });

  it('kills exactly the process that was named', async () => {
    const victim = spawn('sleep', ['60'], { stdio: 'ignore' });
    const ended = once(victim, 'close');
    const identity = identify(victim.pid!)!;
    try {
      expect(processes.identify(victim.pid!)).to.deep.equal(identity);
      expect(processes.kill({ ...identity, startedAt: '1' }, 'SIGKILL')).to.equal(false);
      expect(identify(victim.pid!)).to.deep.equal(identity);
      expect(processes.kill(identity, 'SIGTERM')).to.equal(true);
    } finally {
      if (identify(victim.pid!) !== undefined) victim.kill('SIGKILL');
    }
    expect(await within('its end', ended)).to.deep.equal([null, 'SIGTERM']);
    expect(processes.kill(identity, 'SIGKILL')).to.equal(false);
  });
});
