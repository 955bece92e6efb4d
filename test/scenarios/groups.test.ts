import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import { LastWordsApp, RoomsApp } from '../fixtures/apps/rooms.js';
import { ask, eventually } from './facts.js';
import { inSimulation, inWorlds } from './in-worlds.js';

const SEEDS = 3;
/** Bytes, below `socketBufferSize`. */
const LARGE = 30_000;
/** The other worker, a task worker, a user process, the manager, the master. */
const elsewhere = ['0', '1', '2', 'speaker', 'manager', 'master'];

describe('A group', () => {
  for (const mode of ['process', 'base'] as const) {
    (mode === 'process' ? inWorlds : inSimulation)(
      `is joined, sent to, looked at and left from every process (${mode} mode)`,
      RoomsApp,
      async (server) => {
        const { ids, clients, here } = await crowd(server, 4);
        for (const where of ['here', ...elsewhere]) {
          for (const id of ids)
            expect(await ask(here, `${where} join ${id} ${where}`), where).to.equal('true');
          expect(await ask(here, `${where} size ${where}`), where).to.equal('4');
          expect(JSON.parse(await ask(here, `${where} members ${where}`)), where).to.deep.equal(sorted(ids));
          expect(await ask(here, `${where} groupsOf ${ids[0]}`), where).to.contain(`"${where}"`);
          expect(await ask(here, `${where} group ${where} hello from ${where}`)).to.equal('true');
          for (const client of clients) expect(await client.receiveLine()).to.equal(`hello from ${where}`);
          expect(await ask(here, `${where} others ${where} ${ids[1]} again ${where}`)).to.equal('true');
          for (const [index, client] of clients.entries())
            if (index !== 1) expect(await client.receiveLine()).to.equal(`again ${where}`);
          expect(await ask(here, `${where} leave ${ids[0]} ${where}`)).to.equal('true');
          expect(await ask(here, `${where} size ${where}`), where).to.equal('3');
        }
      },
      { settings: { mode }, seeds: SEEDS },
    );

    inSimulation(
      `is closed from every process (${mode} mode)`,
      RoomsApp,
      async (server) => {
        const { here } = await crowd(server, 0);
        for (const where of ['here', ...elsewhere])
          for (const how of ['', ' reset']) {
            const clients = [await server.connect(), await server.connect(), await server.connect()];
            for (const client of clients) await ask(client, `join room`);
            expect(await ask(here, `${where} closeGroup room${how}`)).to.equal('true');
            for (const client of clients) await (how === '' ? client.ended() : client.closed());
            expect(await ask(here, `${where} size room`)).to.equal('0');
          }
      },
      { settings: { mode }, seeds: 2 },
    );
  }

  for (const mode of ['process', 'base'] as const)
    inSimulation(
      `is named in pages: a hundred of the longest names fit between processes that take small packets (${mode} mode)`,
      RoomsApp,
      async (server) => {
        const client = await server.connect();
        const id = await ask(client, 'who');
        const names = Array.from({ length: 100 }, (_, index) => String(index).padStart(200, '\u0001'));
        for (const name of names) expect(await ask(client, `join ${name}`)).to.equal('true');
        expect(await ask(client, 'groups')).to.equal(names.join(' '));
        for (const where of ['0', '1', 'speaker', 'master'])
          expect(JSON.parse(await ask(client, `${where} groupsOf ${id}`)), where).to.deep.equal(names);
      },
      { settings: { mode, packageMaxLength: '1KiB', taskMaxLength: '1KiB' }, seeds: 1 },
    );

  inWorlds(
    'keeps its members when their workers are killed and replaced',
    RoomsApp,
    async (server) => {
      const { ids, clients, here } = await crowd(server, 6);
      for (const client of clients) await ask(client, 'join room');
      for (const workerId of [0, 1]) {
        await server.crashWorker(workerId);
        await server.workersReady();
      }
      expect(await ask(here, 'here size room')).to.match(/adopted workerLost/);
      expect(await here.receiveLine()).to.equal('6');
      await server.reload();
      await ask(here, 'who');
      expect(await ask(here, 'here members room')).to.be.a('string');
      await eventually(server, 'the members', () =>
        here.received.toString().includes(JSON.stringify(sorted(ids))),
      );
      await ask(here, 'here group room survived');
      for (const client of clients) await client.receive(/survived\n/);
    },
    { settings: { bakeTime: 0 } },
  );

  inSimulation(
    'loses in base mode the members of the worker that is lost, and no other',
    RoomsApp,
    async (server) => {
      const { clients, here } = await crowd(server, 8);
      for (const client of clients) await ask(client, 'join room');
      const places = await Promise.all(clients.map(async (client) => ask(client, 'where')));
      const own = await ask(here, 'where');
      const lost = own === '0' ? 1 : 0;
      await server.crashWorker(lost);
      await server.workersReady();
      const left = places.filter((place) => place === own).length;
      expect(await ask(here, 'here size room')).to.equal(String(left));
      expect(await ask(here, 'here group room survived')).to.equal('true');
      for (const [index, client] of clients.entries())
        if (places[index] === own) expect(await client.receiveLine()).to.equal('survived');
    },
    { settings: { mode: 'base' } },
  );

  inSimulation(
    'is listed to its end in base mode, without the members of workers that are lost meanwhile',
    RoomsApp,
    async (server) => {
      const clients = new Map<string, TestClient>();
      while (clients.size < 3) {
        const client = await server.connect();
        const place = await ask(client, 'where');
        if (!clients.has(place)) clients.set(place, client);
      }
      for (const client of clients.values()) await ask(client, 'join room');
      const here = clients.get('0')!;
      const own = await ask(here, 'who');
      for (const where of ['speaker', '3', 'here']) {
        here.send(`${where} members-slowly room\n`);
        await server.advance(50);
        await Promise.all([server.crashWorker(1), server.crashWorker(2)]);
        expect(await here.receiveLine(), where).to.equal(`[${own}]`);
        await server.workersReady();
      }
      // Nothing waits for those that are gone: what the task worker has done is told.
      expect(await ask(here, `3 send ${own} told`)).to.equal('told');
      expect(await here.receiveLine()).to.equal('true');
    },
    { settings: { mode: 'base', workerNum: 3 }, seeds: 2 },
  );

  inSimulation(
    'gets the last words of a worker that has given its connections to another',
    LastWordsApp,
    async (server) => {
      const here = await server.connect();
      await ask(here, 'join witnesses');
      await server.reload();
      const words = /worker ([01]) stops\n[^]*true 1\n[^]*worker ([01]) stops\n[^]*true 1\n/;
      await eventually(server, 'the last words', () => words.test(here.received.toString()));
    },
    { seeds: 2 },
  );

  inSimulation(
    'gets what a handler sends to it between what that sends on its own connection',
    RoomsApp,
    async (server) => {
      const { here } = await crowd(server, 0);
      await ask(here, 'join room');
      here.send('sandwich room\n');
      const lines = [await here.receiveLine(), await here.receiveLine(), await here.receiveLine()];
      expect(lines).to.deep.equal(['first', 'second', 'third']);
    },
    { seeds: SEEDS },
  );

  for (const [verb, option, settings] of [
    ['in which one connection may be', 'maxGroupsPerConnection', { maxGroupsPerConnection: 3 }],
    ['that there may be', 'maxGroups', { maxGroups: 3, reactorNum: 1 }],
  ] as const)
    inSimulation(
      `that is one more than those ${verb} is not joined, which is counted (${option})`,
      RoomsApp,
      async (server) => {
        const { here } = await crowd(server, 0);
        for (const room of ['a', 'b', 'c']) await ask(here, `join ${room}`);
        expect((await server.stats()).refused).not.to.have.property('GROUP_LIMIT');
        await ask(here, 'join a');
        expect(await ask(here, 'groups')).to.equal('a b c');
        expect((await server.stats()).refused).not.to.have.property('GROUP_LIMIT');
        await ask(here, 'join d');
        expect(await ask(here, 'groups')).to.equal('a b c');
        expect((await server.stats()).refused).to.include({ GROUP_LIMIT: 1 });
        await ask(here, 'here leave me b');
        await ask(here, 'join d');
        expect(await ask(here, 'groups')).to.equal('a c d');
      },
      { settings, seeds: 1 },
    );

  inSimulation(
    'has a name of 1 to 200 characters, and a uid is that or a safe integer',
    RoomsApp,
    async (server) => {
      const { here } = await crowd(server, 0);
      const [most, more] = ['g'.repeat(200), 'g'.repeat(201)];
      expect(await ask(here, `here join me ${most}`)).to.equal('true');
      expect(await ask(here, `here join me ${more}`)).to.equal('GROUP_INVALID');
      expect(await ask(here, 'here group  x')).to.equal('GROUP_INVALID');
      expect(await ask(here, `here bind me ${more}`)).to.equal('UID_INVALID');
      expect(await ask(here, `here online ${2 ** 53}`)).to.equal('UID_INVALID');
      expect(await ask(here, `here bind me ${most}`)).to.equal('true');
      for (const nonsense of ['-1', '1.5', 'nobody', String(2 ** 60)]) {
        expect(await ask(here, `here join ${nonsense} room`), nonsense).to.equal('false');
        expect(await ask(here, `here bind ${nonsense} ann`), nonsense).to.equal('false');
      }
      expect(await ask(here, 'here join 999999 room')).to.equal('true');
      expect(await ask(here, 'here size room')).to.equal('0');
    },
    { seeds: 1 },
  );

  inSimulation(
    'of a thousand members loses one that is stuck, and keeps nobody waiting',
    RoomsApp,
    async (server) => {
      const { here, clients } = await crowd(server, 1_000);
      for (const client of clients) client.send('join room\n');
      for (const client of clients) expect(await client.receiveLine()).to.equal('true');
      expect(await ask(here, 'here size room')).to.equal('1000');
      const stuck = clients[500]!;
      const id = await ask(stuck, 'who');
      stuck.pause();
      const queued = async (): Promise<number> =>
        (JSON.parse(await ask(here, `here info ${id}`)) as { queuedBytes: number }).queuedBytes;
      // More than the system takes for a client that does not read.
      while ((await queued()) < LARGE / 2) await ask(here, `here fill ${id} ${LARGE / 2}`);
      expect(await ask(here, `here large room ${LARGE}`)).to.equal('true');
      for (const client of clients)
        if (client !== stuck) expect(await client.receive(LARGE + 1)).to.have.lengthOf(LARGE + 1);
      await eventually(server, 'one member less', async () => (await ask(here, 'here size room')) === '999');
      expect((await server.stats()).refused).to.include({ OUTPUT_OVERFLOW: 1 });
    },
    { settings: { reactorNum: 1, socketBufferSize: 32_768 }, seeds: 1, timeout: 60_000 },
  );
});

function sorted(ids: readonly number[]): number[] {
  return [...ids].sort((a, b) => a - b);
}

/** Some clients, their ids, and one more who asks. */
async function crowd(
  server: TestServer,
  count: number,
): Promise<{ ids: number[]; clients: TestClient[]; here: TestClient }> {
  const here = await server.connect();
  const clients: TestClient[] = [];
  const ids: number[] = [];
  for (let index = 0; index < count; index++) {
    const client = await server.connect();
    clients.push(client);
    if (count < 100) ids.push(Number(await ask(client, 'who')));
  }
  return { ids, clients, here };
}
