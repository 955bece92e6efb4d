import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import { ClerkApp } from '../fixtures/apps/clerks.js';
import { ask, eventually } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

const KiB = 1024;

describe('Dispatch by load', () => {
  for (const dispatchMode of ['preemptive', 'leastInFlight'] as const) {
    const declare = dispatchMode === 'preemptive' ? inWorlds : inSimulationFirst;
    declare(
      `by '${dispatchMode}' gives nothing to busy workers while another one is idle`,
      ClerkApp,
      async (server) => {
        const holders = [await server.connect(), await server.connect()];
        for (const holder of holders) expect(await ask(holder, 'hold')).to.equal('held');
        const [one, other] = [await server.connect(), await server.connect()];
        const idle = await ask(one, 'x');
        for (let times = 0; times < 6; times++)
          for (const client of [one, other]) expect(await ask(client, 'x')).to.equal(idle);

        for (const holder of holders) holder.reset();
        await eventually(
          server,
          'everybody to be idle',
          async () => (await server.stats()).outstandingPackets === 0,
        );
        const workers = new Set<string>();
        for (let times = 0; times < 3; times++) workers.add(await ask(one, 'y'));
        expect(workers.size).to.equal(3);
      },
      { settings: { dispatchMode, reactorNum: 2 } },
    );

    inSimulation(
      `by '${dispatchMode}' forgets what a lost worker had, and what one had that is replaced`,
      ClerkApp,
      async (server) => {
        const holder = await server.connect();
        expect(await ask(holder, 'hold')).to.equal('held');
        const holding = server.outstanding[0]!.workerId!;
        await server.crashWorker(holding);
        // It is delivered again, and holds another one.
        expect(await holder.receiveLine()).to.equal('held');
        await server.workersReady();
        const client = await server.connect();
        const workers = async (): Promise<number> => {
          const seen = new Set<string>();
          for (let times = 0; times < 8; times++) seen.add(await ask(client, 'x'));
          return seen.size;
        };
        expect(await workers()).to.equal(2);
        // The successor has the place of the one that holds, which finishes beside it.
        const stopping = server.stopWorker(server.outstanding[0]!.workerId!);
        await eventually(server, 'the successor to take part', async () => (await workers()) === 3);
        holder.reset();
        await stopping;
        await server.settle();
        await server.stats();
      },
      { settings: { dispatchMode, reactorNum: 2 } },
    );
  }

  inSimulation(
    "by 'roundRobin' gives to others what a worker with a full pipe cannot take",
    ClerkApp,
    async (server) => {
      await server.hangWorker(0);
      const greedy = await server.connect();
      greedy.send(`${'x'.repeat(KiB - 1)}\n`.repeat(300));
      await server.advance(50);
      const client = await server.connect();
      const line = 'y'.repeat(KiB - 1);
      for (let times = 0; times < 50; times++) expect(await ask(client, line)).to.match(/^y+ [12]$/);
      await server.hangWorker(0, 0);
      await server.settle();
      expect(greedy.received.toString().match(/\n/g)).to.have.length(300);
    },
    { settings: { dispatchMode: 'roundRobin', pipeWindow: '64KiB', maxQueuedBytes: '64KiB' } },
  );

  inSimulation(
    'waits when all pipes are full, and goes on with the first that has room',
    ClerkApp,
    async (server) => {
      await Promise.all([server.hangWorker(0), server.hangWorker(1)]);
      const clients: TestClient[] = [];
      for (let count = 0; count < 4; count++) clients.push(await server.connect());
      for (const client of clients) client.send(`${'x'.repeat(KiB - 1)}\n`.repeat(100));
      await server.advance(50);
      const last = await server.connect();
      last.send('y\n');
      await server.advance(50);
      expect(last.received.toString()).to.equal('');
      await server.hangWorker(1, 0);
      expect(await last.receiveLine()).to.equal('y 1');
      await server.hangWorker(0, 0);
      await server.settle();
      for (const client of clients) expect(client.received.toString().match(/\n/g)).to.have.length(100);
    },
    { settings: { dispatchMode: 'preemptive', workerNum: 2, pipeWindow: '64KiB', maxQueuedBytes: '64KiB' } },
  );

  inSimulationFirst(
    "by 'leastConnections' fills up the worker with the fewest, over both reactors",
    ClerkApp,
    async (server) => {
      const byWorker: TestClient[][] = [[], [], []];
      const admit = async (): Promise<number> => {
        const client = await server.connect();
        const worker = Number((await ask(client, 'x')).slice(2));
        byWorker[worker]!.push(client);
        expect(await ask(client, 'x')).to.equal(`x ${worker}`);
        return worker;
      };
      for (let count = 0; count < 9; count++) await admit();
      expect(byWorker.map(({ length }) => length)).to.deep.equal([3, 3, 3]);
      for (const client of byWorker[1]!.splice(0)) client.end();
      await eventually(server, 'worker 1 to have none', async () => (await connectionsOf(server, 1)) === 0);
      for (let count = 0; count < 3; count++) expect(await admit()).to.equal(1);
      expect(await connectionsOf(server, 1)).to.equal(3);
    },
    { settings: { dispatchMode: 'leastConnections', reactorNum: 2 } },
  );

  inSimulation(
    "by 'leastConnections' leaves the connections of a lost worker with its place, and counts them there",
    ClerkApp,
    async (server) => {
      const clients: TestClient[] = [];
      for (let count = 0; count < 6; count++) clients.push(await server.connect());
      const before = await Promise.all(clients.map((client) => ask(client, 'x')));
      await server.crashWorker(0);
      await server.workersReady();
      expect(await Promise.all(clients.map((client) => ask(client, 'x')))).to.deep.equal(before);
      await server.reload();
      expect(await Promise.all(clients.map((client) => ask(client, 'x')))).to.deep.equal(before);
      expect(await Promise.all([0, 1, 2].map((id) => connectionsOf(server, id)))).to.deep.equal([2, 2, 2]);
      await server.stats();
    },
    { settings: { dispatchMode: 'leastConnections', reactorNum: 2 } },
  );
});

async function connectionsOf(server: TestServer, workerId: number): Promise<number | undefined> {
  const { processes } = await server.status();
  return processes.find((each) => each.workerId === workerId)?.connections;
}
