import { expect } from 'chai';
import type { ClientInfo } from '@shoal/core';
import type { TestClient, TestServer } from '@shoal/testing';
import { AskingApp } from '../fixtures/apps/asks.js';
import { ask, eventually, linesOf } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

describe('A process that asks about its server', () => {
  for (const mode of ['process', 'base'] as const) {
    const settings = { mode };
    (mode === 'process' ? inWorlds : inSimulationFirst)(
      `hears of connections wherever their sockets are (${mode} mode)`,
      AskingApp,
      async (server) => {
        const clients = [await server.connect(), await server.connect(), await server.connect()];
        const infos: ClientInfo[] = [];
        for (const client of clients) infos.push((await answer(client, 'me')) as ClientInfo);
        for (const info of infos) {
          expect(info).to.deep.include({ listener: 'lines', state: 'open', outstandingPackets: 1 });
          expect(info.remote.address).to.equal('127.0.0.1');
          expect(info.connectedAt).to.be.above(1_000_000);
        }
        const ids = infos.map(({ id }) => id).sort((a, b) => a - b);
        for (const client of clients) {
          expect(await answer(client, 'all')).to.deep.equal(ids);
          for (const id of ids) expect(await answer(client, `exist ${id}`)).to.equal(true);
        }
        const [first, second, third] = clients as [TestClient, TestClient, TestClient];
        const gone = infos[2]!.id;
        third.end();
        await third.closed();
        await eventually(server, 'its end', async () => (await answer(first, `info ${gone}`)) === 'nobody');
        expect(await answer(second, `exist ${gone}`)).to.equal(false);
        for (const nonsense of ['-1', '1.5', 'x', '9007199254740993']) {
          expect(await answer(first, `exist ${nonsense}`), nonsense).to.equal(false);
        }
      },
      { settings },
    );

    inSimulation(
      `hears of more connections than fit on a page, in order (${mode} mode)`,
      AskingApp,
      async (server) => {
        const clients: TestClient[] = [];
        for (let count = 0; count < 101; count++) clients.push(await server.connect());
        const ids = (await answer(clients[0]!, 'all')) as number[];
        expect(ids).to.have.length(101);
        expect(ids).to.deep.equal([...new Set(ids)].sort((a, b) => a - b));
      },
      { settings, seeds: 2 },
    );
  }

  inSimulationFirst('hears of workers and counters', AskingApp, async (server) => {
    const client = await server.connect();
    const pids = server.running.workers.map(({ pid }) => pid);
    for (const id of [0, 1]) expect(await answer(client, `worker ${id}`)).to.deep.equal(['worker', pids[id]]);
    expect(await answer(client, 'worker 2')).to.deep.equal(['taskWorker', pids[2]]);
    expect(await answer(client, 'worker 3')).to.deep.equal([null, null]);
    const { ledger } = (await answer(client, 'stats')) as Awaited<ReturnType<TestServer['stats']>>;
    expect(ledger).to.deep.equal({
      accepted: 5,
      handled: 4,
      redeliveredAndHandled: 0,
      refused: {},
      outstanding: 1,
    });
  });

  inSimulationFirst('may be the master, the manager or a task worker', AskingApp, async (server) => {
    await server.connect();
    // The master asks when the server has started, and says what it is then.
    await eventually(server, 'the master', () =>
      linesOf(server, 'asked').some(({ role }) => role === 'master'),
    );
    await server.reload();
    await server.advance(1_200);
    await eventually(
      server,
      'three voices',
      () => new Set(linesOf(server, 'asked').map(({ role }) => role)).size === 3,
    );
    for (const { role, fields } of linesOf(server, 'asked')) {
      expect(fields).to.deep.include({ worker: 'number', connections: role === 'master' ? 0 : 1 });
      // A task worker may ask while the reload is on its way still.
      if (role !== 'task worker')
        expect(fields?.state).to.equal(role === 'manager' ? 'reloading' : 'serving');
    }
  });

  inSimulationFirst(
    'reloads the server from a worker that is replaced by that, and is answered first',
    AskingApp,
    async (server) => {
      const client = await server.connect();
      const before = await answer(client, 'pid');
      expect(await answer(client, 'reload')).to.equal('accepted');
      await eventually(
        server,
        'the end of the reload',
        async () => (await server.status()).state === 'serving',
      );
      expect(await answer(client, 'pid')).not.to.equal(before);
      expect((await server.stats()).ledger).to.deep.include({ accepted: 3, handled: 3 });
    },
  );

  inWorlds(
    'has its own worker replaced, or another, and no user process or stranger',
    AskingApp,
    async (server) => {
      const client = await server.connect();
      const before = await answer(client, 'pid');
      expect(await answer(client, 'stop')).to.equal('done');
      await server.workersReady();
      expect(await answer(client, 'pid')).not.to.equal(before);
      const task = server.running.workers[2]!.pid;
      expect(await answer(client, 'stop 2')).to.equal('done');
      await server.workersReady();
      expect((await server.status()).processes.find(({ workerId }) => workerId === 2)?.pid).not.to.equal(
        task,
      );
      expect(await answer(client, 'stop 3')).to.equal('NO_SUCH_WORKER');
      expect(await answer(client, 'stop 0.5')).to.equal('NO_SUCH_WORKER');
    },
  );
});

async function answer(client: TestClient, line: string): Promise<unknown> {
  return JSON.parse(await ask(client, line)) as unknown;
}
