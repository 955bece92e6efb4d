import { expect } from 'chai';
import type { Server } from '@shoal/core';
import { simulate, type TestServer } from '@shoal/testing';
import { NowhereApp, PlacesApp, RolesApp } from '../fixtures/apps/timer-places.js';
import { WatchApp } from '../mutants/watch.js';
import { eventually, linesOf } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

const base = { mode: 'base' } as const;
const single = { mode: 'base', workerNum: 1, taskWorkerNum: 0 } as const;

describe('Timers that are declared for some processes', () => {
  for (const settings of [{}, base]) {
    const inMode = `in ${'mode' in settings ? 'base' : 'process'} mode`;
    inSimulation(
      `run in task workers, or in the process of their id, ${inMode}, and only there is their class built`,
      PlacesApp,
      runInTheirPlaces,
      { settings },
    );
  }

  inWorlds(
    'run in task workers, by their id, and once in every event worker; classes are built where they run',
    PlacesApp,
    runInTheirPlaces,
  );

  inSimulation('run in a spare that has become their worker', PlacesApp, async (server) => {
    await server.advance(500);
    await server.crashWorker(1);
    const { pid } = await successorOf(server, 1);
    await eventually(server, 'its ticks', () => linesOf(server, 'tick of 1').some((line) => line.pid === pid));
  }, { settings: { standbyNum: 1 } }); // prettier-ignore

  for (const settings of [{}, base]) {
    const mode = 'mode' in settings ? 'base' : 'process';
    inSimulation(`are refused for a worker that there is not, in ${mode} mode`, WatchApp, async () => {
      const refused = await simulate(NowhereApp, { settings }).catch((error: unknown) => error as Error);
      expect(refused).to.include({ name: 'ConfigError', code: 'CONFIG_UNKNOWN_WORKER' });
      expect((refused as Error).message).to.include('Nowhere.beat is a timer of worker 99, but the ids are 0 to 3');
    }, { seeds: 1 }); // prettier-ignore
  }
});

describe('Timers of a user process', () => {
  for (const mode of ['process', 'base'] as const)
    it(`run there, declared for its id or set by its server, in ${mode} mode`, async () => {
      const ran: string[] = [];
      const run = (server: object): void => {
        const { role, workerId } = server as Server;
        (server as Server).tick(5, (id) => {
          ran.push(`${role} ${workerId} ${(server as Server).clearTimer(id)}`);
        });
      };
      const server = await simulate({
        name: 'polled',
        settings: {
          mode,
          workerNum: 1,
          taskWorkerNum: 0,
          listeners: [{ type: 'tcp', port: 0, name: 'lines' }],
        },
        handlers: [{ event: 'receive', label: 'line', target: { kind: 'function', run: () => {} } }],
        timers: [
          {
            interval: 5,
            label: 'beat',
            on: 1,
            once: true,
            target: { kind: 'function', run: () => ran.push('declared') },
          },
        ],
        processes: [{ name: 'poller', body: { kind: 'function', run } }],
      });
      await server.advance(100);
      expect(ran.sort()).to.deep.equal(['declared', 'userProcess 1 true']);
      await server.stop();
    });
});

describe('server.tick, after and clearTimer', () => {
  inSimulationFirst('work in the master, the manager, workers and task workers', RolesApp, async (server) => {
    for (const line of ['after', 'tick 3', 'ended true', 'cleared true false'])
      await eventually(server, `'${line}' of every role`, () => rolesOf(server, line).size === 4);
    expect([...rolesOf(server, 'after')].sort()).to.deep.equal([
      'manager',
      'master',
      'task worker',
      'worker',
    ]);
    await server.advance(30);
    for (const line of ['tick 4', 'cleared timer runs', 'too late'])
      expect(linesOf(server, line)).to.have.length(0);
  });
});

describe('Timers of one worker', () => {
  inWorlds('run in another one when their holder is killed', WatchApp, async (server) => {
    const first = await holderOf(server);
    await server.crashWorker(first.workerId!);
    await moved(server, first.pid);
    await server.workersReady();
  });

  inSimulationFirst('run in a new worker when their holder retires in a reload', WatchApp, async (server) => {
    const first = await holderOf(server);
    const { outcome } = await server.reload();
    expect(outcome).to.equal('done');
    await moved(server, first.pid);
  });

  for (const settings of [{}, base])
    inSimulation(
      `move when their holder is stopped, and stay when another is, in ${'mode' in settings ? 'base' : 'process'} mode`,
      WatchApp,
      async (server) => {
        const first = await holderOf(server);
        await server.stopWorker(1 - first.workerId!);
        await server.advance(50);
        expect(pidsOf(server)).to.deep.equal([first.pid]);
        await server.stopWorker(first.workerId!);
        await moved(server, first.pid);
      },
      { settings },
    );

  inSimulation('move when their holder is recycled', WatchApp, async (server) => {
    const first = await holderOf(server);
    const client = await server.connect();
    const asked = async (): Promise<boolean> => {
      client.send('who\n');
      return Number(await client.receiveLine()) === first.workerId;
    };
    // Connections take turns; one of two meets the holder.
    const other = (await asked()) ? client : await server.connect();
    for (let packet = 0; packet < 6; packet++) other.send('who\n');
    await moved(server, first.pid);
  }, { settings: { maxRequest: 3, maxRequestGrace: 0 } }); // prettier-ignore

  inSimulation('move to a worker of the next manager', WatchApp, async (server) => {
    const first = await holderOf(server);
    await opened(server);
    await server.crashManager();
    await moved(server, first.pid);
    await server.workersReady();
    await server.advance(100);
    // The master has remembered it.
    expect(linesOf(server, 'opened')).to.have.length(1);
  });

  for (const settings of [{}, base, single])
    inSimulation(
      `run once by after, whoever holds them later, with ${JSON.stringify(settings)}`,
      WatchApp,
      async (server) => {
        await holderOf(server);
        await opened(server);
        if (settings !== single) await server.reload();
        await server.advance(200);
        expect(linesOf(server, 'opened')).to.have.length(1);
        expect(linesOf(server, 'closed')).to.have.length(0);
      },
      { settings },
    );

  inSimulation('run once by after in the next holder when the first has died before', WatchApp, async (server) => {
    const firstOf = (): { readonly pid: number } | undefined =>
      server.trace.find(({ kind }) => kind === 'holds');
    await eventually(server, 'a holder', () => firstOf() !== undefined);
    const { pid } = firstOf()!;
    expect(linesOf(server, 'opened')).to.have.length(0);
    const { workerId } = server.running.workers.find((worker) => worker.pid === pid)!;
    await server.crashWorker(workerId);
    await opened(server);
    await server.advance(100);
    expect(linesOf(server, 'opened').map((line) => line.pid === pid)).to.deep.equal([false]);
  }); // prettier-ignore

  inSimulation('end with the server, though one would run for another hour', WatchApp, async (server) => {
    await holderOf(server);
    const { world } = server;
    const before = world.time;
    await server.stop();
    expect(world.time - before).to.be.lessThan(5_000);
  });
});

async function runInTheirPlaces(server: TestServer): Promise<void> {
  const places: [line: string, workerIds: number[]][] = [
    ['sweep', [2, 3]],
    ['swept', [2, 3]],
    ['tick of 1', [1]],
    ['tick of 3', [3]],
    ['after of 1', [1]],
    ['after of every', [0, 1]],
    ['sweeper built', [2, 3]],
    ['appointed built', [1, 3]],
  ];
  const idsOf = (line: string): number[] =>
    [...new Set(linesOf(server, line).map(({ workerId }) => workerId!))].sort((a, b) => a - b);
  await eventually(server, 'a run in every place', () =>
    places.every(([line, ids]) => ids.every((id) => idsOf(line).includes(id))),
  );
  await eventually(server, 'several ticks', () => linesOf(server, 'tick of 3').length > 3);
  for (const [line, ids] of places) expect(idsOf(line), line).to.deep.equal(ids);
  for (const once of ['after of 1', 'after of every', 'swept'])
    expect(linesOf(server, once), once).to.have.length(idsOf(once).length);
  expect(linesOf(server, 'too late')).to.have.length(0);
}

/** The one that is on watch. */
async function holderOf(server: TestServer): Promise<{ readonly pid: number; readonly workerId?: number }> {
  await eventually(server, 'the watch to begin', () => linesOf(server, 'round begins').length > 0);
  return linesOf(server, 'round begins').at(-1)!;
}

/** Another process has the watch, and the old one did not begin a round after the first of the new one. */
async function moved(server: TestServer, from: number): Promise<void> {
  await eventually(server, 'the watch to be taken over', () => {
    const begun = linesOf(server, 'round begins');
    return begun.filter(({ pid }) => pid !== from).length > 2;
  });
  const lines = linesOf(server, /^round (begins|ends)$/);
  const first = lines.findIndex(({ pid }) => pid !== from);
  expect(
    lines.slice(first).filter(({ pid }) => pid === from),
    'lines of the former holder after the first of the next',
  ).to.deep.equal([]);
}

function pidsOf(server: TestServer): number[] {
  return [...new Set(linesOf(server, 'round begins').map(({ pid }) => pid))];
}

async function opened(server: TestServer): Promise<void> {
  await eventually(server, 'what is done once', () => linesOf(server, 'opened').length > 0);
}

async function successorOf(server: TestServer, workerId: number): Promise<{ readonly pid: number }> {
  await server.workersReady();
  return server.running.workers.find((worker) => worker.workerId === workerId)!;
}

function rolesOf(server: TestServer, message: string): Set<string> {
  return new Set(linesOf(server, message).map(({ role }) => role));
}
