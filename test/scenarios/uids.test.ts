import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import { ByUid } from '@shoal/core/internal/dispatch/uid';
import { RoomsApp } from '../fixtures/apps/rooms.js';
import { MembersApp } from '../fixtures/apps/streams.js';
import { ask, eventually } from './facts.js';
import { inSimulation, inWorlds, withProcesses } from './in-worlds.js';

const elsewhere = ['0', '1', '2', 'speaker', 'manager', 'master'];

describe('A uid', () => {
  for (const mode of ['process', 'base'] as const) {
    (mode === 'base' ? inWorlds : inSimulation)(
      `is bound, asked for, sent to and closed from every process (${mode} mode)`,
      RoomsApp,
      async (server) => {
        const here = await server.connect();
        for (const where of ['here', ...elsewhere]) {
          const clients = [await server.connect(), await server.connect(), await server.connect()];
          const ids: number[] = [];
          for (const client of clients) ids.push(Number(await ask(client, 'who')));
          const uid = `uid-of-${where}`;
          expect(await ask(here, `${where} online ${uid}`), where).to.equal('false');
          for (const id of ids) expect(await ask(here, `${where} bind ${id} ${uid}`), where).to.equal('true');
          expect(await ask(here, `${where} bind ${ids[0]} ${uid}`), 'the same again').to.equal('true');
          expect(await ask(here, `${where} bind ${ids[0]} another`), 'another one').to.equal('false');
          expect(await ask(here, `${where} online another`)).to.equal('false');
          expect(await ask(here, `${where} online ${uid}`), where).to.equal('true');
          const sorted = [...ids].sort((a, b) => a - b);
          expect(JSON.parse(await ask(here, `${where} connectionsOf ${uid}`)), where).to.deep.equal(sorted);
          expect(JSON.parse(await ask(here, `${where} info ${ids[0]}`)), where).to.include({
            uid,
            groups: 0,
          });
          expect(await ask(here, `${where} uid ${uid} hello`)).to.equal('true');
          for (const client of clients) expect(await client.receiveLine()).to.equal('hello');
          expect(await ask(here, `${where} closeUid ${uid}`)).to.equal('true');
          for (const client of clients) await client.ended();
          expect(await ask(here, `${where} online ${uid}`), where).to.equal('false');
          expect(await ask(here, `${where} bind ${ids[0]} ${uid}`), 'a closed one').to.equal('false');
        }
      },
      { settings: { mode }, seeds: 3 },
    );
  }

  inSimulation(
    'that is a number is another one than its digits',
    RoomsApp,
    async (server) => {
      const [one, other] = [await server.connect(), await server.connect()];
      expect(await ask(one, 'bind 7')).to.equal('true 7');
      expect(await ask(other, 'bind x7')).to.equal('true x7');
      expect(await ask(one, 'here online 7')).to.equal('true');
      expect(await ask(one, 'here connectionsOf x7')).to.equal(`[${await ask(other, 'who')}]`);
    },
    { seeds: 1 },
  );

  for (const mode of ['process', 'base'] as const)
    inSimulation(
      `that another process has bound is known to the worker (${mode} mode)`,
      RoomsApp,
      async (server) => {
        const [here, client] = [await server.connect(), await server.connect()];
        await ask(here, 'here join me witnesses');
        const id = await ask(client, 'who');
        await ask(here, `speaker bind ${id} ann`);
        client.end();
        const story = JSON.parse((await here.receiveLine()).replace('closed ', '')) as object;
        expect(story).to.include({ id: Number(id), uid: 'ann', reason: 'client' });
      },
      { settings: { mode }, seeds: 5 },
    );
});

describe("Dispatch mode 'uid'", () => {
  const settings = { dispatchMode: 'uid', workerNum: 3 } as const;

  inWorlds(
    'brings all connections of a uid to one worker, across reactors, and each of them hears so',
    RoomsApp,
    async (server) => {
      const clients: TestClient[] = [];
      for (let index = 0; index < 9; index++) clients.push(await server.connect());
      const places = new Map<string, Set<string>>();
      for (const [index, client] of clients.entries()) {
        const uid = `u${index % 3}`;
        client.send(`bind ${uid}\n`);
        await client.receive(new RegExp(`true ${uid}\n`));
        const place = await placeOf(client);
        places.set(uid, (places.get(uid) ?? new Set()).add(place));
      }
      for (const [uid, workers] of places) expect([...workers], uid).to.have.lengthOf(1);
      const { processes } = await server.status();
      expect(processes.reduce((sum, { connections }) => sum + connections, 0)).to.equal(9);
    },
    { settings, seeds: 5 },
  );

  inSimulation(
    'moves a connection only when what it has sent is settled, and loses and reorders nothing',
    RoomsApp,
    async (server) => {
      for (let index = 0; index < 6; index++) {
        const client = await server.connect();
        client.send(`state of${index}\nbind ann${index}\nwho\nhere size nobody\nwho\nwhere\n`);
        const rest = new RegExp(`^kept\ntrue ann${index}\n(\\d+)\n0\n\\1\n[012]\n$`);
        const told = (): string => client.received.toString().replace(/adopted bind as .*\n/, '');
        await eventually(server, 'each answer once, in order', () => rest.test(told()));
      }
    },
    { settings, seeds: 10 },
  );

  inSimulation(
    'keeps to the worker of the uid when workers are killed and replaced',
    RoomsApp,
    async (server) => {
      const clients = [await server.connect(), await server.connect(), await server.connect()];
      for (const client of clients) {
        client.send('bind ann\n');
        await client.receive(/true ann\n/);
      }
      const before = await placeOf(clients[0]!);
      for (const workerId of [0, 1, 2]) await server.crashWorker(workerId);
      await server.workersReady();
      for (const client of clients) expect(await placeOf(client)).to.equal(before);
      await server.reload();
      for (const client of clients) expect(await placeOf(client)).to.equal(before);
    },
    { settings: { ...settings, bakeTime: 0 }, seeds: 5 },
  );

  inSimulation(
    'lets a connection go whose worker dies before it has moved',
    RoomsApp,
    async (server) => {
      const [here, client] = [await server.connect(), await server.connect()];
      const id = await ask(client, 'who');
      const own = await ask(client, 'where');
      await server.hangWorker(Number(own));
      client.send('where\n');
      const policy = new ByUid(settings.workerNum, 1);
      const place = (uid: number): number =>
        policy.pick({ id: 0, listenerName: 'lines', remote: { address: '', port: 0 }, uid });
      const uid = [1, 2, 3, 4, 5, 6].find((each) => place(each) !== Number(own))!;
      here.send(`master bind ${id} ${uid}\n`);
      await server.advance(50);
      await server.crashWorker(Number(own));
      await server.workersReady();
      await client.receive(/\n[012]\n$/);
      expect(await placeOf(client)).to.equal(String(place(uid)));
      expect(client.received.toString().match(/adopted/g)).to.have.lengthOf(1);
    },
    { settings, seeds: 10 },
  );

  inSimulation(
    'leaves a connection that became a stream before it could move where its stream is',
    MembersApp,
    async (server) => {
      const clients: TestClient[] = [];
      for (let index = 0; index < 6; index++) {
        const client = await server.connect();
        clients.push(client);
        client.send(String(index));
        expect(await client.receiveLine()).to.match(/^bound in [012]$/);
        // More than a window holds: what one worker takes is not counted as another's.
        for (let round = 0; round < 3; round++)
          expect(await ask(client, 'x'.repeat(40_000))).to.equal('x'.repeat(40_000));
      }
      for (const workerId of [0, 1, 2]) await server.crashWorker(workerId);
      for (const client of clients) await client.closed();
      await eventually(server, 'six lost', async () => (await server.stats()).pinnedLost === 6);
    },
    { settings: { ...settings, pipeWindow: 65_536 }, seeds: 3 },
  );
});

/** The worker that serves the client now, whatever else is told before. */
async function placeOf(client: TestClient): Promise<string> {
  client.send('where\n');
  for (;;) {
    const line = await client.receiveLine();
    if (/^\d$/.test(line)) return line;
  }
}

describe('Closing from another process', () => {
  for (const mode of ['process', 'base'] as const) {
    const title = `ends in @OnClose of the worker that serves the connection, once, with all it knows (${mode} mode)`;
    inSimulation(title, RoomsApp, async (server) => closeAll(server, ['here', ...elsewhere]), {
      settings: { mode },
      seeds: 2,
    });
    if (mode === 'base') continue;
    withProcesses(title, RoomsApp, async (server) => closeAll(server, ['2', 'speaker', 'master']), {
      settings: { mode },
    });
  }
});

async function closeAll(server: TestServer, places: readonly string[]): Promise<void> {
  const here = await server.connect();
  await ask(here, 'here join me witnesses');
  for (const where of places)
    for (const how of ['close', 'close-reset', 'closeUid', 'closeGroup'])
      await closeOne(server, here, where, how);
}

async function closeOne(server: TestServer, here: TestClient, where: string, how: string): Promise<void> {
  const client = await server.connect();
  const id = Number(await ask(client, 'who'));
  await ask(client, `state ${where}`);
  await ask(client, `bind ${how}-${where}`);
  await ask(client, `join g${where}`);
  const workerId = Number(await ask(client, 'where'));
  const before = storiesOf(here, id).length;
  expect(before).to.equal(0);
  const acts: Record<string, string> = {
    close: `close ${id}`,
    'close-reset': `close ${id} reset`,
    closeUid: `closeUid ${how}-${where}`,
    closeGroup: `closeGroup g${where}`,
  };
  here.send(`${where} ${acts[how]}\n`);
  if (how === 'close-reset') await client.closed();
  else await client.ended();
  client.end();
  await eventually(server, `the end of ${how} by ${where}`, () => storiesOf(here, id).length > 0);
  const { remoteAddress, ...story } = storiesOf(here, id)[0]!;
  expect(remoteAddress).to.be.a('string').and.not.equal('');
  expect(story).to.deep.equal({ id, state: where, uid: `${how}-${where}`, workerId, reason: 'server' });
  expect(storiesOf(here, id)).to.have.lengthOf(1);
}

interface Story {
  readonly id: number;
  readonly remoteAddress: string;
}

function storiesOf(client: TestClient, id: number): Story[] {
  const lines = client.received.toString().match(/closed .*\n/g) ?? [];
  return lines
    .map((line) => JSON.parse(line.slice('closed '.length)) as Story)
    .filter((story) => story.id === id);
}
