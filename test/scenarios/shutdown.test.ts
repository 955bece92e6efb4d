import { expect } from 'chai';
import { readDefinition } from '@shoal/decorators';
import { simulate, type TestServer } from '@shoal/testing';
import { SlowBuild } from '../fixtures/apps/builds.js';
import { JobsApp } from '../fixtures/apps/jobs.js';
import { WaitingApp } from '../fixtures/apps/waiting.js';
import { ask, eventually, linesOf, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

const modes = {
  process: {},
  base: { mode: 'base', workerNum: 2 },
  single: { mode: 'base', workerNum: 1, taskWorkerNum: 0 },
} as const;

describe('A server that is asked to stop', () => {
  for (const [name, settings] of Object.entries(modes)) {
    (name === 'process' ? inWorlds : inSimulationFirst)(
      `lets a handler of 300 ms answer, then ends the connection and leaves with 0 (${name} mode)`,
      SlowBuild,
      async (server) => {
        const client = await server.connect();
        client.send('300 answer\n');
        await running(server);
        const stopped = server.stop();
        expect(await client.receiveLine()).to.match(/^answer by \d+$/);
        await client.ended();
        expect(await stopped).to.deep.equal({ exitCode: 0 });
        expect(linesOf(server, 'before the shutdown')).to.have.length(1);
        expect(linesOf(server, 'the shutdown')).to.have.length(1);
      },
      { settings },
    );
  }

  for (const [name, settings] of Object.entries(modes)) {
    (name === 'process' ? inWorlds : inSimulationFirst)(
      `tells handlers that wait to give up, by @OnWorkerExit and connection.signal, while their answers go out (${name} mode)`,
      WaitingApp,
      async (server) => {
        const client = await server.connect();
        client.send('signal\n');
        const other = await server.connect();
        other.send('hook\n');
        await eventually(
          server,
          'both handlers',
          () => server.connections.filter(({ running }) => running.length > 0).length === 2,
        );
        const stopped = server.stop();
        expect(await other.receiveLine()).to.equal('told by hook');
        expect(await client.receiveLine()).to.equal('told by signal');
        await client.ended();
        expect(await stopped).to.deep.equal({ exitCode: 0 });
        expect(linesOf(server, /reset \d+ connections/)).to.have.length(0);
      },
      { settings: { ...settings, maxWaitTime: 3_000 } },
    );
  }

  for (const mode of ['process', 'base'] as const)
    inSimulation(
      `replaces no worker that is told to leave while it drains (${mode} mode)`,
      SlowBuild,
      async (server) => {
        const client = await server.connect();
        client.send('300 answer\n');
        await running(server);
        const [worker] = server.running.workers;
        const stopped = server.stop();
        await logged(server, 'before the shutdown');
        await server.advance(20);
        server.world.signal(worker!.pid, 'SIGTERM');
        expect(await client.receiveLine()).to.equal(`answer by ${worker!.pid}`);
        expect(await stopped).to.deep.equal({ exitCode: 0 });
        expect(linesOf(server, /is to be replaced/)).to.have.length(0);
      },
      { settings: { mode } },
    );

  inSimulation(
    'serves on while its hooks before the shutdown run, and reads nothing new afterwards',
    SlowBuild,
    async (server) => {
      const client = await server.connect();
      await ask(client, '1 a');
      const stopped = server.stop();
      await logged(server, 'before the shutdown');
      await client.ended();
      await stopped;
      expect(
        linesOf(server, /^(before|the) shutdown|^stops 0$|^before the shutdown/).map(
          ({ message }) => message,
        ),
      ).to.deep.equal(['before the shutdown', 'stops 0', 'the shutdown']);
    },
  );

  inSimulation(
    'goes on serving for lameDuck ms, and says that it is not ready',
    SlowBuild,
    async (server) => {
      const client = await server.connect();
      const before = server.world.time;
      server.world.signal(server.running.masterPid, 'SIGTERM');
      await eventually(server, 'the lame duck', async () => (await server.status()).state === 'lameDuck');
      await server.advance(4_900 - (server.world.time - before));
      expect(await ask(client, '1 a')).to.match(/^a by/);
      expect(await ask(await server.connect(), '1 b')).to.match(/^b by/);
      await client.ended();
      expect(server.world.time - before).to.be.within(5_000, 5_200);
    },
    { settings: { lameDuck: 5_000 } },
  );

  for (const [what, ms, answered] of [
    ['takes a signal that comes again within 250 ms for the same one, as from npm or timeout', 250, true],
    ['stops at once for one that comes later', 251, false],
  ] as const) {
    inSimulation(what, SlowBuild, async (server) => {
      const client = await server.connect();
      client.send('1000 answer\n');
      await running(server);
      server.world.signal(server.running.masterPid, 'SIGINT');
      await server.advance(ms);
      server.world.signal(server.running.masterPid, 'SIGINT');
      expect(await server.exited()).to.deep.equal({ exitCode: 0 });
      expect(linesOf(server, /a second signal came/)).to.have.length(answered ? 0 : 1);
      expect(client.received.toString()).to.match(answered ? /^answer by/ : /^$/);
    });
  }

  inSimulation(
    'is hurried out of its time as a lame duck by a second signal, and still drains',
    SlowBuild,
    async (server) => {
      const client = await server.connect();
      client.send('300 answer\n');
      await running(server);
      const before = server.world.time;
      server.world.signal(server.running.masterPid, 'SIGTERM');
      await logged(server, /lameDuck/);
      await server.advance(251);
      server.world.signal(server.running.masterPid, 'SIGTERM');
      expect(await client.receiveLine()).to.match(/^answer by/);
      await client.ended();
      expect(server.world.time - before).to.be.below(1_000);
    },
    { settings: { lameDuck: 60_000 } },
  );

  inSimulation('handles what it has taken although its manager dies meanwhile', SlowBuild, async (server) => {
    const client = await server.connect();
    client.send('300 one\n1 two\n');
    await running(server);
    const stopped = server.stop();
    await server.advance(50);
    await server.crashManager();
    expect(await client.receiveLine()).to.match(/^one by/);
    expect(await client.receiveLine()).to.match(/^two by/);
    expect(await stopped).to.deep.equal({ exitCode: 0 });
  });

  it('runs the stop hooks of task workers and user processes within maxWaitTime, although a task hangs', async () => {
    const ended: number[] = [];
    const run = (workerId: number): void => void ended.push(workerId);
    const hook = { event: 'workerStop', label: 'end', target: { kind: 'function', run } } as const;
    const idle = { kind: 'function', run: () => {} } as const;
    const definition = readDefinition(JobsApp, { maxWaitTime: 3_000 });
    const server = await simulate({
      ...definition,
      handlers: [...definition.handlers, hook, { ...hook, process: 'poller' }],
      processes: [{ name: 'poller', body: idle }],
    });
    const client = await server.connect();
    await ask(client, 'task [{ "do": "hang" }]');
    await server.advance(100);
    const asked = server.world.time;
    await server.stop();
    expect(ended).to.have.members([0, 1, 2, 3, 4]);
    expect(server.world.time - asked).to.be.within(3_000, 3_200);
    expect(linesOf(server, /^killed /)).to.deep.equal([]);
    expect(linesOf(server, /had not settled .*: 1 of tasks$/)).to.have.length(1);
  });

  inSimulation('gives a reload up that runs', SlowBuild, async (server) => {
    const reload = server.running.reload();
    await eventually(server, 'the canary', () => linesOf(server, 'reloading').length === 1);
    await server.advance(20);
    let outcome = 'none';
    void reload.then(
      (report) => (outcome = report.outcome),
      (error: { code?: string }) => (outcome = error.code ?? 'error'),
    );
    await server.stop();
    expect(outcome).to.be.oneOf(['stopping', 'ASK_LOST', 'none']);
  });
});

async function running(server: TestServer): Promise<void> {
  await eventually(server, 'the handler', () => server.connections.some(({ running }) => running.length > 0));
}
