import { expect } from 'chai';
import type { TestServer } from '@shoal/testing';
import { AsyncEchoApp, SyncEchoApp } from '../fixtures/apps/echo.js';
import { BuildThatThrowsAtStart, FirstBuild, SlowBuild } from '../fixtures/apps/builds.js';
import { ask, eventually, linesOf, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds, withProcesses } from './in-worlds.js';

describe('A worker that is recycled', () => {
  for (const [App, least] of [
    [SyncEchoApp, 300],
    [AsyncEchoApp, 120],
  ] as const) {
    (App === SyncEchoApp ? inWorlds : inSimulationFirst)(
      `after each packet (maxRequest: 1) loses, doubles and reorders nothing under pipelined load: ${App.name}`,
      App,
      async (server) => {
        const clients = await Promise.all(Array.from({ length: 6 }, async () => server.connect()));
        const replaced = (): number => linesOf(server, /is to be replaced: maxRequest, 1$/).length;
        const unanswered: string[] = [];
        const answers = async (): Promise<void> => {
          const lines = unanswered.shift()!;
          for (const client of clients)
            expect((await client.receive(lines.length)).toString()).to.equal(lines);
        };
        let count = 0;
        // As long as it takes: a worker boots in its own time. Nobody sends far ahead of what is answered meanwhile.
        for (; count < least || replaced() < 3; count += 30) {
          const lines = Array.from({ length: 30 }, (_, more) => `${count + more}\n`).join('');
          for (const client of clients) client.send(lines);
          unanswered.push(lines);
          await server.advance(60);
          if (unanswered.length > 3) await answers();
        }
        while (unanswered.length > 0) await answers();
        for (const client of clients) expect(client.state).to.equal('open');
        const { ledger } = await server.stats();
        expect(ledger).to.deep.equal({
          accepted: count * 6,
          handled: count * 6,
          redeliveredAndHandled: 0,
          refused: {},
          outstanding: 0,
        });
      },
      { settings: { maxRequest: 1, bakeTime: 0 }, seeds: 5, timeout: 60_000 },
    );
  }

  inSimulation(
    'goes after maxRequest packets, and not one before',
    FirstBuild,
    async (server) => {
      const client = await server.connect();
      for (let line = 0; line < 4; line++) await ask(client, 'x');
      await server.advance(500);
      expect(linesOf(server, /is to be replaced/)).to.have.length(0);
      await ask(client, 'x');
      await logged(server, /^worker \d, pid \d+, is to be replaced: maxRequest, 5$/);
      await eventually(server, 'its end', () => linesOf(server, /^first stops/).length === 1);
      expect(await ask(client, 'x')).to.match(/^first/);
    },
    { settings: { maxRequest: 5, maxRequestGrace: 0 } },
  );

  inSimulation(
    'goes at a moment of its own within maxRequestGrace',
    FirstBuild,
    async (server) => {
      const client = await server.connect();
      let answered = 0;
      while (linesOf(server, /is to be replaced/).length === 0) {
        await ask(client, 'x');
        answered++;
      }
      expect(answered).to.be.within(20, 30);
    },
    { settings: { maxRequest: 20, maxRequestGrace: 10 } },
  );

  inSimulation(
    'goes when it has more than maxMemory, and not when it has exactly that',
    FirstBuild,
    async (server) => {
      const [first] = server.running.workers;
      const limit = 64 * 1024 * 1024;
      server.useMemory(0, limit);
      await server.advance(10_000);
      expect(linesOf(server, /is to be replaced/)).to.have.length(0);
      server.useMemory(0, limit + 1);
      await logged(server, /^worker 0, pid \d+, is to be replaced: maxMemory, 67108865 bytes are resident$/);
      await eventually(server, 'its end', () => linesOf(server, /^first stops 0/).length === 1);
      await server.workersReady();
      expect(server.running.workers[0]!.pid).not.to.equal(first!.pid);
    },
    { settings: { maxMemory: '64MiB' } },
  );

  inSimulation(
    'waits for its turn: at most maxUnavailable are in replacement, whatever the cause',
    FirstBuild,
    async (server) => {
      for (const workerId of [0, 1, 2]) server.useMemory(workerId, 1024 ** 3);
      const most = await mostProcesses(server, 3_000);
      expect(linesOf(server, /is to be replaced/).length).to.be.above(2);
      // Master, manager, 2 workers and a task worker, and one more.
      expect(most).to.equal(6);
    },
    { settings: { maxMemory: '512MiB' } },
  );

  inSimulation(
    'stays when no other can boot, and is asked for again later',
    FirstBuild,
    async (server) => {
      const client = await server.connect();
      await server.deploy(BuildThatThrowsAtStart);
      server.useMemory(0, 1024 ** 3);
      await eventually(server, 'two tries', () => linesOf(server, /could not boot/).length >= 2);
      for (const { state } of server.running.workers) expect(state).to.equal('ready');
      expect(await ask(client, 'x')).to.match(/^first/);
      await server.deploy(FirstBuild);
      await eventually(server, 'its end', () => linesOf(server, /^first stops 0/).length === 1);
    },
    { settings: { maxMemory: '512MiB' }, seeds: 3 },
  );
});

describe('server.stop(workerId)', () => {
  inSimulationFirst(
    'gives the connections of one worker another, in order, and touches no other',
    FirstBuild,
    async (server) => {
      const clients = await Promise.all(Array.from({ length: 4 }, async () => server.connect()));
      const before = server.running.workers.map(({ pid }) => pid);
      for (const client of clients) await ask(client, 'a');
      await server.stopWorker(1);
      await server.workersReady();
      const after = server.running.workers.map(({ pid }) => pid);
      expect([after[0], after[2]]).to.deep.equal([before[0], before[2]]);
      expect(after[1]).not.to.equal(before[1]);
      for (const client of clients) {
        expect(await ask(client, 'b')).to.match(/^first \d b$/);
        expect(client.state).to.equal('open');
      }
    },
  );

  withProcesses('is what SIGTERM to a worker means', SlowBuild, async (server) => {
    const client = await server.connect();
    const old = (await ask(client, '1 a')).split(' by ')[1]!;
    client.send('1500 long\n1 next\n');
    await eventually(server, 'the handler', () =>
      server.connections.some(({ running }) => running.length > 0),
    );
    process.kill(Number(old), 'SIGTERM');
    expect(await client.receiveLine()).to.equal(`long by ${old}`);
    expect(await client.receiveLine()).to.match(/^next by \d+$/);
    await server.workersReady();
    await eventually(server, 'its end', () => linesOf(server, /^stops 0/).length === 1);
    expect((await server.stats()).ledger).to.deep.include({ accepted: 3, handled: 3, outstanding: 0 });
  });
});

describe('A spare (standbyNum)', () => {
  inSimulation(
    'takes the place of a worker that died without the time of a boot',
    FirstBuild,
    async (server) => {
      const client = await server.connect();
      await ask(client, 'a');
      const spares = async (): Promise<number> =>
        (await server.status()).processes.filter(({ role }) => role === 'spare').length;
      await eventually(server, 'a spare', async () => (await spares()) === 1);
      await server.advance(200);
      const before = server.world.time;
      await server.crashWorker(1);
      await server.crashWorker(0);
      expect(await ask(client, 'b')).to.match(/^first \d b$/);
      // One of both had to be booted, which takes 30 to 60 ms here.
      expect(server.world.time - before).to.be.below(70);
      await server.workersReady();
      await eventually(server, 'another spare', async () => (await spares()) === 1);
      expect(linesOf(server, /^first starts/)).to.have.length(5);
    },
    { settings: { standbyNum: 1 } },
  );

  withProcesses(
    'takes over within milliseconds',
    FirstBuild,
    async (server) => {
      const client = await server.connect();
      await ask(client, 'a');
      await eventually(server, 'a spare', async () =>
        (await server.status()).processes.some(({ role, state }) => role === 'spare' && state === 'starting'),
      );
      await server.advance(1_000);
      const [worker] = server.connections.map(({ workerId }) => workerId);
      await server.crashWorker(worker!);
      expect(await ask(client, 'b')).to.match(/^first \d b$/);
      const restart = await logged(server, new RegExp(`^first starts ${worker}$`));
      expect(restart.role).to.equal('worker');
    },
    { settings: { standbyNum: 1 } },
  );

  inSimulation(
    'of the old code that is blocked is killed when its time to leave is over',
    FirstBuild,
    async (server) => {
      const spares = async (): Promise<readonly number[]> => {
        const { processes } = await server.status();
        return processes.filter(({ role }) => role === 'spare').map(({ pid }) => pid);
      };
      await eventually(server, 'a spare', async () => (await spares()).length === 1);
      // It has loaded by then: bootTimeout is no matter to it any more.
      await server.advance(500);
      const [old] = await spares();
      server.world.hang(old!, Infinity);
      expect((await server.reload()).outcome).to.equal('done');
      expect(await spares()).to.include(old);
      await eventually(server, 'the end of the old spare', async () => !(await spares()).includes(old!));
      expect(await spares()).to.have.length(1);
    },
    { settings: { standbyNum: 1, maxWaitTime: 2_000 } },
  );

  inSimulation(
    'that is blocked does not outlive the server when its manager is gone',
    FirstBuild,
    async (server) => {
      const spare = (): string | undefined =>
        server.world.leftovers().processes.find((process) => process.endsWith(': spare'));
      await eventually(server, 'the spare', () => spare() !== undefined);
      await server.advance(500);
      server.world.kill(server.running.managerPid);
      server.world.hang(Number.parseInt(spare()!, 10), Infinity);
      await server.workersReady();
    },
    { settings: { standbyNum: 1 } },
  );

  inSimulation(
    'is of the new code after a reload',
    FirstBuild,
    async (server) => {
      await server.advance(200);
      const spare = async (): Promise<number> =>
        (await server.status()).processes.find(({ role }) => role === 'spare')?.pid ?? 0;
      const before = await spare();
      expect(before).to.be.above(0);
      expect((await server.reload()).outcome).to.equal('done');
      await server.advance(200);
      expect(await spare()).to.be.above(before);
      expect(server.world.pids).not.to.include(before);
    },
    { settings: { standbyNum: 1 } },
  );
});

/** The most processes that lived at once within so many ms. */
async function mostProcesses(
  server: TestServer & { world: { pids: readonly number[] } },
  ms: number,
): Promise<number> {
  let most = 0;
  for (let passed = 0; passed < ms; passed += 5) {
    await server.advance(5);
    most = Math.max(most, server.world.pids.length);
  }
  return most;
}
