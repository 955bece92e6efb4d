import { expect } from 'chai';
import type { TestServer } from '@shoal/testing';
import { SlowBuild } from '../fixtures/apps/builds.js';
import { eventually } from './facts.js';
import { inSimulationFirst, inWorlds } from './in-worlds.js';

/** One packet runs, two wait behind it, and the worker of all is killed; another client only listens. */
async function lose(server: TestServer): Promise<Awaited<ReturnType<TestServer['connect']>>[]> {
  const clients = [await server.connect(), await server.connect()];
  const [busy, idle] = clients;
  idle!.send('1 hello\n');
  await idle!.receiveLine();
  busy!.send('400 runs\n1 waits\n1 too\n');
  await eventually(server, 'the handler', () => server.connections.some(({ running }) => running.length > 0));
  await eventually(server, 'the packets', () => server.outstanding.length === 3);
  await server.crashWorker(0);
  return clients;
}

describe('onWorkerLost', () => {
  inSimulationFirst(
    "'redeliver' has everything handled, and counts what was started again",
    SlowBuild,
    async (server) => {
      const [busy, idle] = await lose(server);
      for (const name of ['runs', 'waits', 'too'])
        expect(await busy!.receiveLine()).to.match(new RegExp(`^${name} by`));
      expect(idle!.state).to.equal('open');
      await server.settle();
      expect((await server.stats()).ledger).to.deep.equal({
        accepted: 4,
        handled: 3,
        redeliveredAndHandled: 1,
        refused: {},
        outstanding: 0,
      });
    },
  );

  inSimulationFirst(
    "'drop' drops what may have been started, and has the rest handled",
    SlowBuild,
    async (server) => {
      const [busy, idle] = await lose(server);
      for (const name of ['waits', 'too'])
        expect(await busy!.receiveLine()).to.match(new RegExp(`^${name} by`));
      for (const client of [busy!, idle!]) expect(client.state).to.equal('open');
      await server.settle();
      expect((await server.stats()).ledger).to.deep.equal({
        accepted: 4,
        handled: 3,
        redeliveredAndHandled: 0,
        refused: { WORKER_LOST: 1 },
        outstanding: 0,
      });
    },
    { settings: { onWorkerLost: 'drop' } },
  );

  inWorlds(
    "'close' closes the connections of the worker, and counts what they had",
    SlowBuild,
    async (server) => {
      const clients = await lose(server);
      for (const client of clients) await client.closed();
      await server.workersReady();
      await server.settle();
      const { ledger, connections } = await server.stats();
      expect(ledger).to.deep.equal({
        accepted: 4,
        handled: 1,
        redeliveredAndHandled: 0,
        refused: { WORKER_LOST: 1, CLOSED: 2 },
        outstanding: 0,
      });
      expect(connections).to.equal(0);
      const closed = server.trace.filter((event) => event.kind === 'closed').map(({ reason }) => reason);
      expect(closed).to.deep.equal(['workerLost', 'workerLost']);
      // Others come, and are served.
      const next = await server.connect();
      next.send('1 next\n');
      expect(await next.receiveLine()).to.match(/^next by/);
    },
    { settings: { onWorkerLost: 'close' } },
  );

  inSimulationFirst(
    'does not concern workers that leave in order',
    SlowBuild,
    async (server) => {
      const client = await server.connect();
      client.send('300 runs\n1 waits\n');
      await eventually(server, 'the handler', () =>
        server.connections.some(({ running }) => running.length > 0),
      );
      await server.reload();
      for (const name of ['runs', 'waits'])
        expect(await client.receiveLine()).to.match(new RegExp(`^${name} by`));
      expect((await server.stats()).ledger).to.deep.include({ handled: 2, refused: {} });
    },
    { settings: { onWorkerLost: 'close' } },
  );

  inSimulationFirst(
    'is without a choice in base mode, where connections die with their worker: the ledger balances at what was known',
    SlowBuild,
    async (server) => {
      const client = await server.connect();
      client.send('1 hello\n');
      await client.receiveLine();
      client.send('60000 runs\n1 waits\n1 too\n');
      await eventually(server, 'the packets', async () => (await server.stats()).outstandingPackets > 0);
      const { ledger: before } = await server.stats();
      await server.crashWorker(0);
      await client.ended();
      await server.workersReady();
      const { ledger, connections } = await server.stats();
      expect(connections).to.equal(0);
      expect(ledger).to.deep.equal({
        ...before,
        refused: { WORKER_LOST: before.outstanding },
        outstanding: 0,
      });
      expect(ledger.accepted).to.be.above(1);
    },
    { settings: { mode: 'base' } },
  );
});
