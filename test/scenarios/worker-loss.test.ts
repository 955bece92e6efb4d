import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import { AsyncEchoApp, FragileApp, LazyApp, StoryApp, SyncEchoApp } from '../fixtures/apps/echo.js';
import { HooksApp } from '../fixtures/apps/hooks.js';
import { ask, linesLogged, linesOf } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

const CLIENTS = 50;
const BURST = 16;
const KILLS = 5;
/** What a worker must have unsettled at its death, for the death to count. */
const LEAST_UNSETTLED = 20;

describe('The loss of a worker', () => {
  const title = (handlers: string): string =>
    `closes no connection, and no answer is missing, doubled, out of order or wrong: ${KILLS} kills with at least ${LEAST_UNSETTLED} packets unsettled, ${handlers} handlers`;
  // With real processes, test/process/under-load kills the workers of this one.
  inSimulation(title('sync'), SyncEchoApp, killUnderLoad, { seeds: 2, timeout: 60_000 });
  inWorlds(title('async'), AsyncEchoApp, killUnderLoad, { seeds: 2, timeout: 60_000 });

  inWorlds(
    'gives the connection to the replacement, which adopts it before any packet',
    StoryApp,
    async (server) => {
      const client = await server.connect();
      expect(await client.receiveLine()).to.equal('welcome');
      client.send('one\n');
      expect(await client.receiveLine()).to.equal('one attempt 1');
      await crashOwnerOf(server, client);
      client.send('two\n');
      expect(await client.receiveLine()).to.equal('adopted workerLost after 1');
      // The line may have reached the dead worker before its reactor knew.
      expect(await client.receiveLine()).to.match(/^two attempt [12]$/);
    },
  );

  inWorlds('starts a packet again whose handler was running', StoryApp, async (server) => {
    const client = await server.connect();
    expect(await client.receiveLine()).to.equal('welcome');
    client.send('crash\nnext\n');
    expect(await client.receiveLine()).to.equal('adopted workerLost after 0');
    expect(await client.receiveLine()).to.equal('crash attempt 2');
    expect(await client.receiveLine()).to.match(/^next attempt [12]$/);
    const stats = await server.stats();
    expect(stats.refused).to.deep.equal({});
    expect(stats.handledPackets).to.equal(2);
  });

  inSimulationFirst('tells the second attempt how much the first has answered', StoryApp, async (server) => {
    const client = await server.connect();
    expect(await client.receiveLine()).to.equal('welcome');
    client.send('half\n');
    expect(await client.receiveLine()).to.equal('first half, adopted workerLost after 0');
    expect(await client.receiveLine()).to.equal('12 bytes were answered');
    expect(await client.receiveLine()).to.equal('half attempt 2');
  });

  inWorlds(
    'refuses a packet that kills its worker alone, and charges nobody else',
    StoryApp,
    async (server) => {
      const bystanders = await Promise.all(Array.from({ length: 6 }, async () => server.connect()));
      const sender = await server.connect();
      for (const client of [...bystanders, sender]) expect(await client.receiveLine()).to.equal('welcome');
      sender.send('poison\n');
      for (const client of bystanders) client.send('innocent\n');
      await sender.closed();
      for (const client of bystanders) {
        await client.receive(/innocent attempt \d\n/);
        expect(client.state).to.equal('open');
      }
      await server.workersReady();
      expect((await server.stats()).refused).to.deep.equal({ PACKET_POISON: 1 });
      await linesLogged(server, 'closed poison', 1);
    },
  );
});

describe('An event of a connection that kills its worker', () => {
  inSimulationFirst(
    'is poison when it is a connect: its client goes, and the others are served',
    FragileApp,
    async (server) => {
      const neighbour = await server.connect();
      neighbour.send('one\n');
      expect(await neighbour.receiveLine()).to.equal('one');
      const fatal = await server.connect({ from: '127.0.0.66' });
      await fatal.closed();
      await server.workersReady();
      neighbour.send('two\n');
      expect(await neighbour.receiveLine()).to.equal('two');
      expect((await server.stats()).refused).to.deep.equal({ PACKET_POISON: 1 });
      expect(server.running.workers[0]!.restarts).to.equal(3);
    },
  );

  inSimulation('is poison when it is an adopt', FragileApp, async (server) => {
    const [neighbour, fatal] = [await server.connect(), await server.connect()];
    fatal.send('adopt\n');
    expect(await fatal.receiveLine()).to.equal('adopt');
    await server.crashWorker(0);
    await fatal.closed();
    neighbour.send('two\n');
    expect(await neighbour.receiveLine()).to.equal('two');
    expect((await server.stats()).refused).to.deep.equal({ PACKET_POISON: 1 });
  });

  inSimulation('is poison when it is a close', FragileApp, async (server) => {
    const [neighbour, fatal] = [await server.connect(), await server.connect()];
    fatal.send('close\n');
    expect(await fatal.receiveLine()).to.equal('close');
    fatal.end();
    await fatal.closed();
    await server.advance(20_000);
    neighbour.send('two\n');
    expect(await neighbour.receiveLine()).to.equal('two');
    expect((await server.stats()).refused).to.deep.equal({ PACKET_POISON: 1 });
    expect(server.running.workers[0]!.restarts).to.equal(3);
  });
});

describe('A result that throws when it is looked at', () => {
  inSimulation('counts as a handler that throws', LazyApp, async (server) => {
    const client = await server.connect();
    client.send('one\ntwo\n');
    expect(await client.receiveLine()).to.equal('one');
    expect(await client.receiveLine()).to.equal('two');
    expect((await server.stats()).failedHandlers).to.equal(2);
  });
});

describe('The loss of the manager', () => {
  inWorlds(
    'brings a new manager and new workers while the connections stay',
    AsyncEchoApp,
    async (server) => {
      const clients = await Promise.all(Array.from({ length: 10 }, async () => server.connect()));
      const before = server.running.workers.map((worker) => worker.pid);
      for (const client of clients) client.send('one\ntwo\n');
      await server.crashManager();
      for (const client of clients) {
        expect(await client.receiveLine()).to.equal('one');
        expect(await client.receiveLine()).to.equal('two');
      }
      await server.workersReady();
      const after = server.running.workers.map((worker) => worker.pid);
      expect(after.some((pid) => before.includes(pid))).to.equal(false);
      const { closedConnections, refused } = await server.stats();
      expect({ closedConnections, refused }).to.deep.equal({ closedConnections: 0, refused: {} });
    },
  );

  inSimulation(
    'is never too much, as often as it comes, once its workers were ready',
    AsyncEchoApp,
    async (server) => {
      const client = await server.connect();
      for (let loss = 0; loss < 12; loss++) {
        await server.crashManager();
        await server.workersReady();
        expect(await ask(client, `${loss}`)).to.equal(`${loss}`);
      }
    },
    { seeds: 3 },
  );

  inSimulation(
    'is the reason that @OnAdopt gets, whether the workers or the master notice it first',
    HooksApp,
    async (server) => {
      const clients = await Promise.all(Array.from({ length: 4 }, async () => server.connect()));
      for (const client of clients) await ask(client, '1');
      await server.crashManager();
      for (const client of clients) await ask(client, '1');
      const reasons = linesOf(server, 'hook @OnAdopt').map(({ fields }) => fields!['reason']);
      expect(reasons).to.deep.equal(clients.map(() => 'managerLost'));
    },
    { seeds: 20 },
  );
});

/** Kills workers in turn under load until enough of the kills have hit enough packets. */
async function killUnderLoad(server: TestServer): Promise<void> {
  expect(server.running.workers).to.have.length(3);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, async () => server.connect()));
  const sent = clients.map(() => 0);
  let hits = 0;
  let redelivered = 0;
  for (let kill = 0; hits < KILLS; kill++) {
    expect(kill, 'kills that hit too little').to.be.lessThan(10 * KILLS);
    for (const [index, client] of clients.entries()) {
      client.send(Array.from({ length: BURST }, () => `${index}:${sent[index]!++}\n`).join(''));
    }
    // Each kill hits another moment on the way of the packets.
    await server.advance((kill % 8) / 4);
    await server.crashWorker(kill % 2);
    await server.workersReady();
    const stats = await server.stats();
    if (stats.redeliveredPackets - redelivered >= LEAST_UNSETTLED) hits++;
    redelivered = stats.redeliveredPackets;
    await receiveAll(clients, sent);
  }
  const total = sent.reduce((sum, count) => sum + count, 0);
  const { acceptedPackets, handledPackets, closedConnections, refused, outstandingPackets } =
    await server.stats();
  expect({ acceptedPackets, handledPackets, closedConnections, refused, outstandingPackets }).to.deep.equal({
    acceptedPackets: total,
    handledPackets: total,
    closedConnections: 0,
    refused: {},
    outstandingPackets: 0,
  });
}

/** Every client has got back exactly what it has sent, in order. */
async function receiveAll(clients: readonly TestClient[], sent: readonly number[]): Promise<void> {
  for (const [index, client] of clients.entries()) {
    const expected = Array.from({ length: sent[index]! }, (_, line) => `${index}:${line}\n`).join('');
    const missing = Buffer.byteLength(expected) - client.received.length;
    if (missing > 0) await client.receive(new RegExp(`(^|\\n)${index}:${sent[index]! - 1}\\n`));
    expect(client.received.toString()).to.equal(expected);
  }
}

/** Ends the worker that serves the client: the fixed dispatch counts connections. */
async function crashOwnerOf(server: TestServer, client: TestClient): Promise<void> {
  await server.crashWorker((client.id + 1) % 2);
}
