import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import { PostApp } from '../fixtures/apps/post.js';
import { ask, eventually, linesLogged, linesOf, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

const MiB = 1024 * 1024;
/** What `PostApp` allows on its listeners. */
const LONGEST_LINE = 1024;
const LONGEST_BLOCK = 1.5 * MiB;

interface Member {
  readonly client: TestClient;
  readonly id: number;
  readonly workerId: number;
}

describe('What handlers send and close', () => {
  const modes = [
    { mode: 'process' as const, inMode: 'in process mode' },
    { mode: 'base' as const, inMode: 'in base mode' },
  ];
  for (const { mode, inMode } of modes) {
    (mode === 'process' ? inWorlds : inSimulationFirst)(
      `reaches connections of another worker by id: send, close and reset ${inMode}`,
      PostApp,
      async (server) => {
        const [here, there] = await oneOfEachWorker(server);
        expect(await ask(here.client, `send ${there.id} hello`)).to.equal('true');
        expect(await there.client.receiveLine()).to.equal('hello');
        expect(await ask(there.client, `send ${here.id} hi`)).to.equal('true');
        expect(await here.client.receiveLine()).to.equal('hi');
        expect(await ask(here.client, `send ${here.id} myself`)).to.match(/^(true|myself)$/);
        await here.client.receive(/true\n|myself\n/);

        const [third, fourth] = await oneOfEachWorker(server);
        const far = third.workerId === here.workerId ? fourth : third;
        expect(await ask(here.client, `close ${there.id}`)).to.equal('true');
        await there.client.ended();
        there.client.end();
        expect(await ask(here.client, `reset ${far.id}`)).to.equal('true');
        await far.client.closed();
        await eventually(server, 'both close events', () => linesOf(server, 'closed server').length === 2);

        for (const id of [there.id, 987_654_321, 0, -1, 1.5, NaN, 2 ** 60]) {
          expect(await ask(here.client, `send ${id} nobody`)).to.match(/^(true|false)$/);
          expect(await ask(here.client, `close ${id}`)).to.match(/^(true|false)$/);
        }
        expect(await ask(here.client, 'who')).to.match(new RegExp(`^${here.id} ${here.workerId} `));
        expect((await server.stats()).failedHandlers).to.equal(0);
      },
      { settings: { mode } },
    );
  }

  inSimulation(
    'says false of a connection that the worker had itself in base mode, and opens no pipe for it',
    PostApp,
    async (server) => {
      const client = await server.connect();
      const [id, workerId] = (await ask(client, 'who')).split(' ').map(Number);
      let sibling = await server.connect();
      while (Number((await ask(sibling, 'who')).split(' ')[1]) !== workerId) sibling = await server.connect();
      client.end();
      await client.ended();
      expect(await ask(sibling, `send ${id} nobody`)).to.equal('false');
      expect(await ask(sibling, `close ${id}`)).to.equal('false');
    },
    { settings: { mode: 'base' } },
  );

  inSimulationFirst(
    'never mixes what several workers send to one connection',
    PostApp,
    async (server) => {
      const [reader, writer] = await oneOfEachWorker(server);
      const before = reader.client.received.length;
      writer.client.send(`fill ${reader.id} a\n`);
      reader.client.send(`fill ${reader.id} b\n`);
      expect(await writer.client.receiveLine()).to.equal('filled');
      await eventually(server, 'all blocks', () => reader.client.received.length === before + 16 * MiB + 7);
      const text = reader.client.received.subarray(before).toString('latin1').replace('filled\n', '');
      const runs = text.match(/a+|b+/g) ?? [];
      expect(runs.every((run) => run.length % (2 * MiB) === 0)).to.equal(true);
    },
    { seeds: 3 },
  );

  inWorlds('flushes before a close, but not before a reset', PostApp, async (server) => {
    const [one, two] = await oneOfEachWorker(server);
    const before = one.client.received.length;
    one.client.send('bye\n');
    await one.client.ended();
    expect(one.client.received.length - before).to.equal(MiB);
    two.client.send('break\n');
    await two.client.closed();
    expect(two.client.received.length).to.be.lessThan(MiB);
    one.client.end();
    await eventually(server, 'both close events', () => linesOf(server, 'closed server').length === 2);
  });

  inWorlds(
    'carries packets of every size both ways, up to exactly packageMaxLength',
    PostApp,
    async (server) => {
      const client = await server.connect({ listener: 'blocks' });
      for (const size of [5, 64 * 1024, 64 * 1024 + 1, MiB, MiB + 1, LONGEST_BLOCK]) {
        const block = patterned(size);
        client.send(block);
        const answer = await client.receive(size);
        expect(answer.equals(block), `an echo of ${size} bytes`).to.equal(true);
      }
      const large = patterned(MiB);
      const small = patterned(64);
      client.send(Buffer.concat([large, small, large, small]));
      const answers = await client.receive(2 * large.length + 2 * small.length);
      expect(answers.equals(Buffer.concat([large, small, large, small]))).to.equal(true);
    },
  );

  inSimulation(
    'closes a peer whose packet is one byte longer than packageMaxLength, counts each and logs many once',
    PostApp,
    async (server) => {
      const fits = await server.connect();
      fits.send(`${'who'.padEnd(LONGEST_LINE - 1, ' ')}\n`);
      await fits.receiveLine();
      const peers = await Promise.all(Array.from({ length: 10 }, async () => server.connect()));
      for (const peer of peers) peer.send(`${'who'.padEnd(LONGEST_LINE, ' ')}\n`);
      const announcer = await server.connect({ listener: 'blocks' });
      announcer.send(patterned(LONGEST_BLOCK + 1).subarray(0, 4));
      for (const peer of [...peers, announcer]) {
        await peer.ended();
        peer.end();
        expect(peer.received.length).to.equal(0);
      }
      await eventually(server, 'the close events', () => linesOf(server, 'closed protocol').length === 11);
      expect((await server.stats()).refused).to.deep.equal({ PACKET_TOO_LONG: 11 });
      const [line] = await linesLogged(
        server,
        /^closed a connection of listener (lines|blocks): a packet /,
        1,
      );
      expect(line!.fields).to.include({ code: 'PACKET_TOO_LONG' });
      expect(await ask(fits, 'send 0 x')).to.match(/^(true|false)$/);
    },
  );

  inSimulation('says at a close of its own which reason there was', PostApp, async (server) => {
    const client = await server.connect();
    client.send('bye\n');
    await client.ended();
    client.end();
    await logged(server, 'closed server');
    const other = await server.connect();
    other.end();
    await other.ended();
    await logged(server, 'closed client');
    expect(linesOf(server, /^closed /)).to.have.length(2);
  });
});

/** Two clients that different workers serve. */
async function oneOfEachWorker(server: TestServer): Promise<[Member, Member]> {
  const found = new Map<number, Member>();
  for (let tries = 0; found.size < 2; tries++) {
    expect(tries, 'connections that all met one worker').to.be.lessThan(20);
    const clients = await Promise.all(Array.from({ length: 4 }, async () => server.connect()));
    for (const client of clients) {
      const [id, workerId] = (await ask(client, 'who')).split(' ').map(Number) as [number, number];
      found.set(workerId, { client, id, workerId });
    }
  }
  return [...found.values()] as [Member, Member];
}

/** A block with its length in front, of which no two neighbouring parts are alike. */
function patterned(size: number): Buffer {
  const block = Buffer.alloc(size);
  for (let at = 0; at < size; at++) block[at] = (at * 31 + (at >> 8)) & 0xff;
  block.writeUInt32BE(size - 4);
  return block;
}
