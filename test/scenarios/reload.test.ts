import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import {
  BuildThatDiesOfPackets,
  BuildThatDiesWhenReady,
  BuildThatHangsAtStart,
  BuildThatThrowsAtStart,
  BuildThatThrowsInTaskWorkers,
  BuildWithInvalidSettings,
  FirstBuild,
  SecondBuild,
  SlowBuild,
} from '../fixtures/apps/builds.js';
import { ask, eventually, linesLogged, linesOf, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds, withProcesses, type App } from './in-worlds.js';

const throwsAtImport = new URL('../fixtures/builds/throws-at-import.js', import.meta.url);

describe('A reload', () => {
  inWorlds(
    'gives every connection a worker of the new build, and closes none',
    FirstBuild,
    async (server) => {
      const clients = await several(server, 4);
      expect(await answers(clients, 'a')).to.deep.equal(['first a', 'first a', 'first a', 'first a']);
      const pids = server.running.workers.map(({ pid }) => pid);
      await server.deploy(SecondBuild);
      const report = await server.reload();
      expect(report).to.deep.include({ outcome: 'done', generation: 2, replaced: [0, 1, 2] });
      expect(await answers(clients, 'b')).to.deep.equal(['second b', 'second b', 'second b', 'second b']);
      for (const client of clients) expect(client.state).to.equal('open');
      const { processes, generation, state } = await server.status();
      expect({ generation, state }).to.deep.equal({ generation: 2, state: 'serving' });
      const workers = processes.filter(({ workerId }) => workerId >= 0);
      expect(workers.map((each) => [each.workerId, each.generation, each.restarts])).to.deep.equal([
        [0, 2, 0],
        [1, 2, 0],
        [2, 2, 0],
      ]);
      for (const { pid } of workers) expect(pids).not.to.include(pid);
      await linesLogged(server, /^first stops/, 3);
    },
  );

  inSimulationFirst('says what has changed on disk and needs a restart', FirstBuild, async (server) => {
    await server.deploy(SecondBuild);
    const { needRestart } = await server.reload();
    expect(needRestart).to.have.members([
      'maxWaitTime',
      '@OnBeforeReload First.before',
      '@OnAfterReload First.after',
      '@OnBeforeReload Second.before',
    ]);
    // The manager lives on, and runs the hooks that it has.
    await server.reload();
    await eventually(server, 'both reloads', () => linesOf(server, 'after the reload: done').length === 2);
    expect(linesOf(server, 'before the reload')).to.have.length(2);
    expect(linesOf(server, 'before another reload')).to.have.length(0);
  });

  inSimulationFirst('of task workers leaves the others alone', FirstBuild, async (server) => {
    const before = server.running.workers.map(({ pid }) => pid);
    expect(await server.reload({ only: 'task' })).to.deep.include({ outcome: 'done', replaced: [2] });
    await server.workersReady();
    const after = server.running.workers.map(({ pid }) => pid);
    expect(after.slice(0, 2)).to.deep.equal(before.slice(0, 2));
    expect(after[2]).not.to.equal(before[2]);
  });

  const broken = [
    ['throws at import', throwsAtImport, /this module cannot be loaded/, /throws-at-import/],
    ['has settings that are not valid', BuildWithInvalidSettings, /maxWaitTime: /, undefined],
    ['throws at its start', BuildThatThrowsAtStart, /the database does not know us/, /connectToTheDatabase/],
    ['hangs at its start', BuildThatHangsAtStart, /bootTimeout, 4000 ms/, undefined],
    ['dies when it is ready', BuildThatDiesWhenReady, /it could not stay/, /DiesWhenReady|builds/],
    ['throws in task workers', BuildThatThrowsInTaskWorkers, /no work for task workers/, /started/],
  ] as const;
  for (const [what, ...build] of broken) {
    inSimulation(
      `with a build that ${what} leaves the old workers as they are, and the next one succeeds`,
      FirstBuild,
      async (server) => {
        const clients = await several(server, 3);
        await isRolledBack(server, clients, build);
        await server.deploy(SecondBuild);
        expect(await server.reload()).to.deep.include({ outcome: 'done', generation: 2 });
        expect(await answers(clients, 'b')).to.deep.equal(['second b', 'second b', 'second b']);
      },
    );
  }

  withProcesses(
    'with one broken build after the other leaves the old workers as they are, and the next one succeeds',
    FirstBuild,
    async (server) => {
      const clients = await several(server, 3);
      for (const [, ...build] of broken) await isRolledBack(server, clients, build);
      await server.deploy(SecondBuild);
      expect(await server.reload()).to.deep.include({ outcome: 'done', generation: 2 });
      expect(await answers(clients, 'b')).to.deep.equal(['second b', 'second b', 'second b']);
    },
    { timeout: 40_000 },
  );

  inSimulation(
    'stops when a new worker dies of the first packets that it gets',
    FirstBuild,
    async (server) => {
      // Packets are with the old workers when these are replaced, and kill the first new one.
      const clients = await several(server, 4);
      await answers(clients, 'a');
      await server.deploy(BuildThatDiesOfPackets);
      const reload = server.reload();
      await eventually(server, 'the new worker', () => linesOf(server, /^first stops 0/).length > 0);
      for (const client of clients) client.send('x\n');
      const report = await reload;
      expect(report.outcome).to.equal('halted');
      expect(report.failure!.reason).to.match(/right after it had begun to serve/);
      expect(report.failure!.error!.message).to.equal('cannot stand x');
    },
    { settings: { bakeTime: 5_000 } },
  );

  inSimulation(
    'stops when a new worker dies of what comes to it late, after a handler that took longer than bakeTime',
    SlowBuild,
    async (server) => {
      const before = server.running.workers.map(({ pid }) => pid);
      const clients = new Map<number, TestClient>();
      for (let each = 0; each < 4; each++) {
        const client = await server.connect();
        await ask(client, '1 a');
        clients.set(server.connections.at(-1)!.workerId!, client);
      }
      clients.get(0)!.send('2000 long\n1 next\n');
      await server.advance(20);
      await server.deploy(BuildThatDiesOfPackets);
      const report = await server.reload();
      expect(report.outcome).to.equal('halted');
      expect(report.failure).to.deep.include({ workerId: 0 });
      expect(report.failure!.reason).to.match(
        /right after it had begun to serve: Error: cannot stand 1 next/,
      );
      expect(report.replaced).to.not.include(1);
      expect(server.running.workers[1]!.pid).to.equal(before[1]);
    },
    { settings: { workerNum: 2 } },
  );

  inSimulation('names the process that failed, as it happens', FirstBuild, async (server) => {
    await server.deploy(BuildThatThrowsAtStart);
    const steps: { step: string; pid: number }[] = [];
    const reload = server.running.reload({ onProgress: ({ step, pid }) => steps.push({ step, pid }) });
    await eventually(server, 'its end', () => steps.some(({ step }) => step === 'failed'));
    await reload;
    const canaries = steps.filter(({ step }) => step === 'canary').map(({ pid }) => pid);
    expect(canaries).to.include(steps.find(({ step }) => step === 'failed')!.pid);
  });

  inSimulationFirst('is refused while another one runs', FirstBuild, async (server) => {
    const first = server.reload();
    const second = await server.reload().then(
      () => undefined,
      (error: unknown) => error as { code?: string },
    );
    expect(second?.code).to.equal('RELOAD_RUNNING');
    expect(await first).to.deep.include({ outcome: 'done' });
  });

  inSimulationFirst(
    'finishes a handler that runs, in the old worker, and gives what waits behind it to the new one',
    SlowBuild,
    async (server) => {
      const client = await server.connect();
      const idle = await server.connect();
      client.send('1 first\n');
      const old = await client.receiveLine();
      client.send('3000 long\n1 next\n1 last\n');
      await eventually(server, 'the handler', () =>
        server.connections.some(({ running }) => running.length > 0),
      );
      const report = server.reload();
      await logged(server, /^still has work 0/);
      // A connection that waits for nothing is with the new worker meanwhile.
      const young = (await ask(idle, '1 hello')).split(' by ')[1];
      expect(old).not.to.include(young);
      expect(await client.receiveLine()).to.equal(old.replace('first', 'long'));
      expect(await client.receiveLine()).to.equal(`next by ${young}`);
      expect(await client.receiveLine()).to.equal(`last by ${young}`);
      expect((await report).outcome).to.equal('done');
      const { ledger } = await server.stats();
      expect(ledger).to.deep.equal({
        accepted: 5,
        handled: 5,
        redeliveredAndHandled: 0,
        refused: {},
        outstanding: 0,
      });
    },
  );

  inSimulation(
    'gives a handler that does not end in maxWaitTime to the new worker, and names it',
    SlowBuild,
    async (server) => {
      const client = await server.connect();
      client.send('60000 endless\n');
      await server.advance(20);
      const before = server.world.time;
      expect(await server.reload()).to.deep.include({ outcome: 'done' });
      expect(server.world.time - before).to.be.within(2_000, 4_500);
      await logged(server, 'Slow.line had not settled when its process had to leave');
      await server.advance(61_000);
      expect(await client.receiveLine()).to.match(/^endless by /);
      expect((await server.stats()).ledger).to.deep.include({
        accepted: 1,
        redeliveredAndHandled: 1,
        outstanding: 0,
      });
    },
    { settings: { maxWaitTime: 2_000 } },
  );

  inSimulation(
    'in base mode serves connections to their end with the worker that owns them',
    FirstBuild,
    async (server) => {
      const old = await server.connect();
      expect(await ask(old, 'a')).to.match(/^first \d a$/);
      await server.deploy(SecondBuild);
      const reload = server.reload();
      await eventually(server, 'a new worker', () => linesOf(server, /^second starts/).length > 0);
      await server.advance(500);
      expect(await ask(old, 'b')).to.match(/^first \d b$/);
      old.end();
      await old.ended();
      expect((await reload).outcome).to.equal('done');
      expect(await ask(await server.connect(), 'c')).to.match(/^second \d c$/);
      expect((await server.stats()).ledger).to.deep.include({ accepted: 3, handled: 3, outstanding: 0 });
    },
    { settings: { mode: 'base' } },
  );

  inSimulation(
    'in base mode ends connections that stay, when maxWaitTime is over',
    FirstBuild,
    async (server) => {
      const clients = await several(server, 2);
      await answers(clients, 'a');
      const before = server.world.time;
      expect((await server.reload()).outcome).to.equal('done');
      // Each of both in turn: it serves on for half of its time, and then has the other half to end them.
      expect(server.world.time - before).to.be.within(2_000, 8_000);
      for (const client of clients) await client.ended();
    },
    { settings: { mode: 'base', maxWaitTime: 3_000 } },
  );

  inSimulation(
    'is asked for by signals: SIGUSR1 for all, SIGUSR2 for task workers',
    FirstBuild,
    async (server) => {
      server.world.signal(server.running.masterPid, 'SIGUSR2');
      await eventually(server, 'the reload', () => linesOf(server, 'after the reload: done').length === 1);
      expect(linesOf(server, /^first stops/).map(({ workerId }) => workerId)).to.deep.equal([2]);
      server.world.signal(server.running.masterPid, 'SIGUSR1');
      await eventually(server, 'the reload', () => linesOf(server, 'after the reload: done').length === 2);
      expect(linesOf(server, /^first stops/).map(({ workerId }) => workerId)).to.have.members([2, 0, 1, 2]);
    },
  );

  inSimulation(
    'is not to be had in a server of one process, which says what to do',
    FirstBuild,
    async (server) => {
      const refused = await server.reload().then(
        () => undefined,
        (error: unknown) => error as Error & { code?: string },
      );
      expect(refused?.code).to.equal('NOT_SUPPORTED');
      expect(refused?.message).to.include('workerNum: 2');
    },
    { settings: { mode: 'base', workerNum: 1, taskWorkerNum: 0 } },
  );
});

async function several(server: TestServer, count: number): Promise<readonly TestClient[]> {
  return Promise.all(Array.from({ length: count }, async () => server.connect()));
}

/** What each client is answered, without the worker's id. */
async function answers(clients: readonly TestClient[], line: string): Promise<readonly string[]> {
  return Promise.all(clients.map(async (client) => (await ask(client, line)).replace(/ \d /, ' ')));
}

/** Reloads with a build that cannot work; nobody notices but the caller. */
async function isRolledBack(
  server: TestServer,
  clients: readonly TestClient[],
  [Build, reason, stack]: readonly [build: App | URL, reason: RegExp, stack: RegExp | undefined],
): Promise<void> {
  const before = server.running.workers.map(({ pid }) => pid);
  await server.deploy(Build);
  const report = await server.reload();
  expect(report).to.deep.include({ outcome: 'rolledBack', generation: 1, replaced: [] });
  expect(report.failure!.reason).to.match(reason);
  if (stack !== undefined) expect(report.failure!.error!.stack).to.match(stack);
  await logged(server, /^the reload was rolled back, generation 1 serves on: /);
  expect(await answers(clients, 'a')).to.deep.equal(clients.map(() => 'first a'));
  await server.workersReady();
  expect(server.running.workers.map(({ pid }) => pid)).to.deep.equal(before);
}
