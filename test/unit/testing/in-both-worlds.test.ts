import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { inBothWorlds, type BothWorldsOptions, type RunningInfo, type TestServer } from '@shoal/testing';
import { identify } from '@shoal/core/internal/platform/node/process-identity';
import { CountsInModuleApp, NeverSettlesApp } from '../../fixtures/apps/buggy.js';
import { AsyncEchoApp, StoryApp } from '../../fixtures/apps/echo.js';
import { isFree } from '../../process/program.js';
import { ThrowsInWorkerStartApp } from '../../fixtures/apps/cannot-boot.js';

/** As few processes as a server of this mode has, and one for what does not depend on several. */
const small: BothWorldsOptions = { settings: { workerNum: 1, taskWorkerNum: 0 } };
const single: BothWorldsOptions = { settings: { mode: 'base', workerNum: 1, taskWorkerNum: 0 } };
const two: BothWorldsOptions = { settings: { workerNum: 2, taskWorkerNum: 0 } };

type Scenario = (server: TestServer) => Promise<void>;

async function messageOf(
  App: Parameters<typeof inBothWorlds>[0],
  scenario: Scenario,
  options: BothWorldsOptions = small,
): Promise<string> {
  const outcome = await inBothWorlds(App, scenario, options).catch((error: Error) => error);
  return outcome instanceof Error ? outcome.message : 'nothing';
}

describe('inBothWorlds', () => {
  it('passes for a service that does the same, through a crash and a failing handler', async () => {
    const worlds: number[] = [];
    await inBothWorlds(
      StoryApp,
      async (server) => {
        worlds.push(server.running.masterPid);
        const client = await server.connect();
        await client.receiveLine();
        client.send('one\ntwo\n');
        await client.receive(/two.*\n/);
        await server.crashWorker(0);
        await client.receive(/adopted.*\n/);
        client.send('three\nfail\nfour\n');
        await client.receive(/four.*\n/);
        const other = await server.connect();
        other.send('bye\n');
        await other.ended();
      },
      small,
    );
    expect(new Set(worlds).size).to.equal(2);
  });

  it('compares nothing between connections: their order is free', async () => {
    await inBothWorlds(
      AsyncEchoApp,
      async (server) => {
        const clients = await Promise.all([0, 1, 2, 3].map(() => server.connect()));
        for (const client of clients) client.send('hi\n');
        await Promise.all(clients.map((client) => client.receiveLine()));
      },
      single,
    );
  });

  it('passes where the test is slow to hear that a client has connected', async () => {
    await inBothWorlds(
      StoryApp,
      async (server) => {
        const connecting = server.connect();
        await new Promise(process.nextTick);
        const until = performance.now() + 40;
        while (performance.now() < until);
        await (await connecting).receiveLine();
      },
      single,
    );
  });

  it('passes in base mode, where a worker dies with its connections', async () => {
    await inBothWorlds(
      NeverSettlesApp,
      async (server) => {
        const client = await server.connect();
        client.send('hi\nwait\nlost\n');
        await client.receive(/wait\n/);
        for (const workerId of [0, 1]) await server.crashWorker(workerId);
        await client.ended();
        client.end();
        await server.workersReady();
      },
      { settings: { mode: 'base', workerNum: 2 } },
    );
  });

  it('shows the first bytes that differ', async () => {
    const message = await messageOf(
      CountsInModuleApp,
      async (server) => {
        const clients = [await server.connect(), await server.connect()];
        for (const client of clients) {
          client.send('count\n');
          await client.receiveLine();
        }
      },
      two,
    );
    expect(message).to.match(
      /^CountsInModuleApp is not the same in both worlds: client \d got other bytes from offset 8 on: "\d+\\n" in the simulation, "1\\n" on real processes$/,
    );
  });

  it('shows the first events that differ, with those around them', async () => {
    const message = await messageOf(
      CountsInModuleApp,
      async (server) => {
        const [client, other] = [await server.connect(), await server.connect()];
        other.send('silent\n');
        await server.settle();
        client.send('only\n');
        await server.settle();
        client.send('last\n');
        await server.settle();
      },
      two,
    );
    expect(message).to.equal(
      [
        'CountsInModuleApp is not the same in both worlds: client 0, event 1',
        'simulation:',
        '  > 1 receive "only" (failed)',
        '    2 receive "last"',
        '    3 closed: shutdown',
        'real processes:',
        '  > 1 receive "only"',
        '    2 receive "last"',
        '    3 closed: shutdown',
      ].join('\n'),
    );
  });

  it('counts clients', async () => {
    let worlds = 0;
    const message = await messageOf(
      AsyncEchoApp,
      async (server) => {
        await server.connect();
        if (++worlds === 2) await server.connect();
      },
      single,
    );
    expect(message).to.equal(
      'AsyncEchoApp is not the same in both worlds: 1 clients connected in the simulation, 2 on real processes',
    );
  });

  it('hands settings to both worlds', async () => {
    const modes: string[] = [];
    await inBothWorlds(
      AsyncEchoApp,
      async (server) => {
        const told = server.trace.find(({ kind }) => kind === 'configured');
        modes.push(told?.kind === 'configured' ? `${told.mode} ${told.workerNum}` : 'nothing');
      },
      small,
    );
    expect(modes).to.deep.equal(['process 1', 'process 1']);
  });

  describe('when a scenario fails', () => {
    // Of this test's own, so that whatever stays in it is ours.
    const { TMPDIR } = process.env;
    let directory: string;
    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'shoal-both-'));
      process.env['TMPDIR'] = directory;
    });
    afterEach(() => {
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
      rmSync(directory, { recursive: true, force: true });
    });

    for (const [world, failsIn] of [
      ['the simulation', 1],
      ['real processes', 2],
    ] as const) {
      it(`names the world (${world}), and leaves nothing behind`, async () => {
        let worlds = 0;
        let last: RunningInfo | undefined;
        const message = await messageOf(StoryApp, async (server) => {
          worlds++;
          last = server.running;
          const client = await server.connect();
          client.pause();
          client.send('one\ntwo\n');
          if (worlds === failsIn) throw new Error('a claim that does not hold');
        });
        expect(message).to.equal(`in ${world}: a claim that does not hold`);
        expect(worlds).to.equal(failsIn);
        expect(readdirSync(directory)).to.deep.equal([]);
        if (failsIn === 1) return;
        const { masterPid, managerPid, workers, listeners } = last!;
        for (const pid of [masterPid, managerPid, ...workers.map((worker) => worker.pid)])
          expect(identify(pid), `process ${pid}`).to.equal(undefined);
        expect(await isFree(listeners[0]!.port)).to.equal(true);
      });
    }

    it('says in which world a client waited in vain', async () => {
      let worlds = 0;
      const message = await messageOf(
        AsyncEchoApp,
        async (server) => {
          const client = await server.connect();
          client.send('hi\n');
          await client.receiveLine();
          client.end();
          await client.ended();
          if (++worlds === 2) await client.receiveLine();
        },
        single,
      );
      expect(message).to.match(/^in real processes: expected client 0 to see a line/);
    });
  });

  it('rejects with the reason when the application cannot start', async () => {
    expect(await messageOf(ThrowsInWorkerStartApp, async () => {})).to.include('the hook cannot start');
  });
});
