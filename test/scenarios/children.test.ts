import { expect } from 'chai';
import type { ProcessStatus } from '@shoal/core';
import type { TestServer } from '@shoal/testing';
import { ChildrenApp } from '../fixtures/apps/children.js';
import { ask, eventually, linesOf } from './facts.js';
import { withProcesses } from './in-worlds.js';

describe('A user process with children of its own', () => {
  for (const mode of ['process', 'base'] as const) {
    const settings = { mode, workerNum: 2 };
    withProcesses(
      `sees how each of them ends, and the server sees its own alone (${mode} mode)`,
      ChildrenApp,
      async (server) => {
        let client = await server.connect();
        const start = async (script: string): Promise<number> => Number(await ask(client, script));
        const [leaves, fails] = [await start('exit 0'), await start('exit 3')];
        const [killed, ended, stays] = [await sleeper(), await sleeper(), await sleeper()];
        async function sleeper(): Promise<number> {
          return start('exec sleep 1000');
        }
        process.kill(killed, 'SIGKILL');
        process.kill(ended, 'SIGTERM');
        await eventually(server, 'four ends', () => endings(server).size === 4);
        expect(endings(server)).to.deep.equal(
          new Map([
            [leaves, { code: 0, signal: null }],
            [fails, { code: 3, signal: null }],
            [killed, { code: null, signal: 'SIGKILL' }],
            [ended, { code: null, signal: 'SIGTERM' }],
          ]),
        );
        const { processes } = await server.status();
        expect(processes.map(({ restarts, lastCrash }) => [restarts, lastCrash])).to.deep.equal(
          processes.map(() => [0, null]),
        );
        expect(processes.map(({ pid }) => pid)).not.to.include(stays);
        const other = processes.find(({ workerId }) => workerId === 1)!;
        await server.crashWorker(1);
        await eventually(server, 'another worker', async () =>
          (await server.status()).processes.some(
            ({ workerId, pid, state }) => workerId === 1 && pid !== other.pid && state === 'ready',
          ),
        );
        expect(endings(server).size).to.equal(4);
        expect(lives(stays)).to.equal(true);
        const nursery = (await statusOf(server)).pid;
        process.kill(nursery, 'SIGTERM');
        await eventually(server, 'another user process', async () => {
          const { pid, state } = await statusOf(server);
          return pid !== nursery && state === 'ready';
        });
        expect(endings(server).get(stays)).to.deep.equal({ code: null, signal: 'SIGTERM' });
        expect((await statusOf(server)).restarts).to.equal(0);
        // In base mode the first one may have died with its worker.
        client = await server.connect();
        const last = await sleeper();
        await server.stop();
        expect(endings(server).get(last)).to.deep.equal({ code: null, signal: 'SIGTERM' });
        expect([leaves, fails, killed, ended, stays, last].filter(lives)).to.deep.equal([]);
      },
      { settings },
    );
  }
});

async function statusOf(server: TestServer): Promise<ProcessStatus> {
  return (await server.status()).processes.find(({ name }) => name === 'nursery')!;
}

/** As the user process has told them, by the pid of the child. */
function endings(server: TestServer): ReadonlyMap<number, object> {
  return new Map(
    linesOf(server, 'child ended').map(({ fields }) => {
      const { child, code, signal } = fields as { child: number; code: unknown; signal: unknown };
      return [child, { code, signal }];
    }),
  );
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
