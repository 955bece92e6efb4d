import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import { LimitsApp } from '../fixtures/apps/limits.js';
import { ask, eventually, linesOf, logged } from './facts.js';
import { inSimulation, inWorlds } from './in-worlds.js';

const single = { mode: 'base', workerNum: 1 } as const;

async function refusals(server: TestServer): Promise<Readonly<Record<string, number>>> {
  return (await server.stats()).refused;
}

/** Connects and is served. */
async function enter(server: TestServer, listener: string, from?: string): Promise<TestClient> {
  const client = await server.connect({ listener, ...(from !== undefined && { from }) });
  expect(await ask(client, 'here')).to.equal('here');
  return client;
}

/** Connects and is closed at once. */
async function turnedAway(server: TestServer, listener: string, from?: string): Promise<void> {
  const client = await server.connect({ listener, ...(from !== undefined && { from }) });
  await client.closed();
  expect(client.received).to.have.length(0);
}

describe('maxConnection', () => {
  const full = async (server: TestServer): Promise<void> => {
    const clients: TestClient[] = [];
    for (let count = 0; count < 6; count++)
      clients.push(await enter(server, count % 2 === 0 ? 'any' : 'few', `127.0.0.${count + 2}`));
    await turnedAway(server, 'any');
    await turnedAway(server, 'few', '127.0.0.9');
    expect(await refusals(server)).to.deep.equal({ CONNECTION_LIMIT: 2 });
    await logged(server, 'closing new connections at once: maxConnection 6 is reached');
    clients[0]!.end();
    await eventually(server, 'room', async () => (await server.stats()).connections === 5);
    await enter(server, 'any');
    await turnedAway(server, 'any');
    const { connections, acceptedConnections, closedBy, refused } = await server.stats();
    expect({ connections, acceptedConnections, closedBy, refused }).to.deep.equal({
      connections: 6,
      acceptedConnections: 7,
      closedBy: { client: 1 },
      refused: { CONNECTION_LIMIT: 3 },
    });
    expect(linesOf(server, /^closing new connections/), 'one line').to.have.length(1);
    for (const client of clients.slice(1)) expect(await ask(client, 'still here')).to.equal('still here');
  };

  inWorlds('is how many connections there may be, on all listeners and reactors together', LimitsApp, full, {
    seeds: 5,
  });
  inSimulation('holds in base mode in one process as well', LimitsApp, full, { settings: single, seeds: 3 });

  inSimulation(
    'is said to be quiet again when nobody was refused for a while and there is room',
    LimitsApp,
    async (server) => {
      const clients: TestClient[] = [];
      for (let count = 0; count < 6; count++) clients.push(await enter(server, 'any'));
      await turnedAway(server, 'any');
      await server.advance(60_000);
      expect(linesOf(server, /^quiet again/)).to.have.length(0);
      clients[0]!.end();
      await server.advance(20_000);
      expect(linesOf(server, 'quiet again: none refused for 10000 ms, after 1')).to.have.length(1);
    },
    { seeds: 3 },
  );

  inSimulation(
    'holds with each worker in base mode',
    LimitsApp,
    async (server) => {
      const clients: TestClient[] = [];
      for (let count = 0; count < 20; count++) clients.push(await server.connect({ listener: 'any' }));
      await server.settle();
      const open = clients.filter(({ state }) => state === 'open');
      expect(open.length).to.be.within(2, 4);
      const { connections, refused } = await server.stats();
      expect({ connections, refused }).to.deep.equal({
        connections: open.length,
        refused: { CONNECTION_LIMIT: 20 - open.length },
      });
    },
    { settings: { mode: 'base', workerNum: 2, maxConnection: 2 }, seeds: 5 },
  );
});

describe('maxConnectionPerAddress', () => {
  const perAddress = async (server: TestServer): Promise<void> => {
    const [first] = [await enter(server, 'few', '127.0.0.2'), await enter(server, 'few', '127.0.0.2')];
    await turnedAway(server, 'few', '127.0.0.2');
    await enter(server, 'few', '127.0.0.3');
    await enter(server, 'any', '127.0.0.2');
    expect(await refusals(server)).to.deep.equal({ ADDRESS_LIMIT: 1 });
    await logged(
      server,
      /^closing new connections of 127\.0\.0\.2 on listener few at once: maxConnectionPerAddress 2/,
    );
    first.end();
    await eventually(server, 'room', async () => (await server.stats()).connections === 3);
    await enter(server, 'few', '127.0.0.2');
    await turnedAway(server, 'few', '127.0.0.2');
  };

  inWorlds(
    'is how many one address may have on a listener, whichever reactor accepts them',
    LimitsApp,
    perAddress,
    { seeds: 5 },
  );
  inSimulation('holds in base mode in one process as well', LimitsApp, perAddress, {
    settings: single,
    seeds: 3,
  });
});

describe('connectRate', () => {
  const rate = async (server: TestServer): Promise<void> => {
    for (let count = 0; count < 2; count++) (await enter(server, 'slow', '127.0.0.2')).end();
    await turnedAway(server, 'slow', '127.0.0.2');
    await enter(server, 'slow', '127.0.0.3');
    expect(await refusals(server)).to.deep.equal({ CONNECT_RATE: 1 });
  };

  inSimulation('is how many connections of an address come in within its interval', LimitsApp, rate, {
    seeds: 5,
  });
  inSimulation(
    'lets the next ones in evenly',
    LimitsApp,
    async (server) => {
      await rate(server);
      await server.advance(30_000);
      (await enter(server, 'slow', '127.0.0.2')).end();
      await turnedAway(server, 'slow', '127.0.0.2');
    },
    { seeds: 3 },
  );
});

describe('Times of a listener', () => {
  const closings = async (server: TestServer): Promise<void> => {
    const slow = await server.connect({ listener: 'timed' });
    const silent = await server.connect({ listener: 'timed' });
    slow.send('beg');
    await slow.closed();
    await silent.closed();
    await logged(server, 'closed partialPacket');
    await logged(server, 'closed idle');
    const { closedBy, refused } = await server.stats();
    expect({ closedBy, refused }).to.deep.equal({
      closedBy: { idle: 1, partialPacket: 1 },
      refused: { IDLE_TIMEOUT: 1, PARTIAL_PACKET_TIMEOUT: 1 },
    });
  };

  inWorlds(
    'close who does not finish a packet and who says nothing at all, each with its reason',
    LimitsApp,
    closings,
    { seeds: 5 },
  );

  inSimulation(
    'close nobody who talks',
    LimitsApp,
    async (server) => {
      const talker = await server.connect({ listener: 'timed' });
      const others = closings(server);
      for (let times = 0; times < 10; times++) {
        expect(await ask(talker, 'here')).to.equal('here');
        await server.advance(300);
      }
      await others;
    },
    { seeds: 5 },
  );
});
