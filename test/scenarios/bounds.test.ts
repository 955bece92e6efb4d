import { expect } from 'chai';
import type { TestServer } from '@shoal/testing';
import { BoundsApp } from '../fixtures/apps/bounds.js';
import { ask, eventually, linesOf, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds, withProcesses } from './in-worlds.js';
import { residentBytes } from './resident.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const LINE = `${'x'.repeat(KiB - 1)}\n`;
/** What a packet of one line counts in a window: its bytes without the delimiter, and the bookkeeping. */
const CHARGE = KiB - 1 + 64;
const MAX_QUEUED_BYTES = 256 * KiB;

describe('A client that does not read', () => {
  const options = { settings: { socketBufferSize: MiB }, seeds: 5 };

  inWorlds(
    'is closed when more than socketBufferSize waits for it, counted, and costs nobody else anything',
    BoundsApp,
    async (server) => {
      const slow = await server.connect({ listener: 'fill' });
      const other = await server.connect({ listener: 'plain' });
      slow.pause();
      slow.send('64\n');
      await logged(server, 'closed outputOverflow');
      expect(await ask(other, 'untouched')).to.equal('untouched');
      await eventually(server, 'its end', async () => (await server.stats()).connections === 1);
      const { refused, connections } = await server.stats();
      expect({ refused, connections }).to.deep.equal({ refused: { OUTPUT_OVERFLOW: 1 }, connections: 1 });
    },
    options,
  );

  inSimulation(
    'is closed likewise when all of it was sent at once',
    BoundsApp,
    async (server) => {
      const slow = await server.connect({ listener: 'fill' });
      slow.pause();
      slow.send('64 at once\n');
      await logged(server, /^closed \w+$/);
      expect(linesOf(server, 'closed outputOverflow')).to.have.length(1);
      expect((await server.stats()).refused).to.deep.equal({ OUTPUT_OVERFLOW: 1 });
    },
    options,
  );

  for (const [mode, settings] of Object.entries({
    base: { mode: 'base', workerNum: 2, ...options.settings },
    single: { mode: 'base', workerNum: 1, ...options.settings },
  } as const)) {
    for (const line of ['64', '64 at once']) {
      inSimulation(
        `is closed likewise in ${mode} mode, ${line} MiB`,
        BoundsApp,
        async (server) => {
          const slow = await server.connect({ listener: 'fill' });
          slow.pause();
          slow.send(`${line}\n`);
          await logged(server, /^closed \w+$/);
          expect(linesOf(server, 'closed outputOverflow')).to.have.length(1);
          expect((await server.stats()).refused).to.deep.equal({ OUTPUT_OVERFLOW: 1 });
        },
        { settings, seeds: 5 },
      );
    }
  }

  inSimulation(
    'gets everything when it goes on before the bound',
    BoundsApp,
    async (server) => {
      const slow = await server.connect({ listener: 'fill' });
      slow.pause();
      slow.send('4\n');
      await server.advance(500);
      slow.resume();
      expect(await slow.receive(4 * MiB)).to.have.length(4 * MiB);
    },
    { settings: { socketBufferSize: 4 * MiB }, seeds: 3 },
  );
});

describe('A client that floods a handler which does not settle', () => {
  inSimulation(
    'is not read beyond maxQueuedBytes while others are served, and loses nothing once the handler goes on',
    BoundsApp,
    async (server) => {
      await floodAndRelease(server, 2 * MiB);
    },
    { seeds: 5 },
  );

  withProcesses('costs no memory that grows with what it sends', BoundsApp, async (server) => {
    const processes = [server.running.masterPid, ...server.running.workers.map(({ pid }) => pid)];
    const memory = (): number => processes.reduce((sum, pid) => sum + residentBytes(pid), 0);
    const before = memory();
    await floodAndRelease(server, 32 * MiB, () => {
      expect(memory() - before).to.be.lessThan(16 * MiB);
    });
  });

  for (const [mode, settings] of Object.entries({
    base: { mode: 'base', workerNum: 2 },
    single: { mode: 'base', workerNum: 1 },
  } as const)) {
    inSimulation(
      `is not read beyond maxQueuedBytes in ${mode} mode either`,
      BoundsApp,
      async (server) => {
        const client = await server.connect({ listener: 'lines' });
        client.send(LINE.repeat(2 * KiB));
        await server.advance(200);
        const { outstandingPackets } = await server.stats();
        expect(outstandingPackets).to.be.within(1, Math.floor(MAX_QUEUED_BYTES / CHARGE) + 1);
      },
      { settings, seeds: 3 },
    );
  }

  inSimulation(
    'shares pipeWindow with all clients of its worker, and nothing is lost',
    BoundsApp,
    async (server) => {
      const clients = await Promise.all(
        Array.from({ length: 30 }, async () => server.connect({ listener: 'lines' })),
      );
      const opener = await server.connect({ listener: 'opener' });
      for (const client of clients) client.send(LINE.repeat(64));
      const most = Math.floor((64 * KiB) / CHARGE) + clients.length;
      await eventually(server, 'a full window', async () => {
        const { outstandingPackets } = await server.stats();
        expect(outstandingPackets).to.be.at.most(most);
        return outstandingPackets >= Math.floor((64 * KiB) / CHARGE);
      });
      await server.advance(50);
      expect((await server.stats()).outstandingPackets).to.be.at.most(most);
      opener.end();
      for (const client of clients) await client.receive(64);
      const { acceptedPackets, handledPackets, outstandingPackets, refused } = await server.stats();
      const total = clients.length * 64;
      expect({ acceptedPackets, handledPackets, outstandingPackets, refused }).to.deep.equal({
        acceptedPackets: total,
        handledPackets: total,
        outstandingPackets: 0,
        refused: {},
      });
    },
    { settings: { pipeWindow: 64 * KiB }, seeds: 5 },
  );
});

describe('heartbeatIdleTime', () => {
  inSimulationFirst(
    'closes clients that are silent for longer, and only those',
    BoundsApp,
    async (server) => {
      const talker = await server.connect({ listener: 'plain' });
      const flooder = await server.connect({ listener: 'lines' });
      const silent = await server.connect({ listener: 'plain' });
      const opener = await server.connect({ listener: 'opener' });
      expect(await ask(silent, 'last words')).to.equal('last words');
      // It is the server that does not read any more: its silence is not the client's.
      flooder.send(LINE.repeat(8 * KiB));
      const begun = clockOf(server);
      while (silent.state !== 'closed') {
        expect(clockOf(server) - begun, 'ms of silence').to.be.lessThan(4_000);
        expect(await ask(talker, 'here')).to.equal('here');
        await server.advance(50);
      }
      expect(clockOf(server) - begun).to.be.greaterThan(990);
      await logged(server, 'closed heartbeat');
      expect(await ask(talker, 'still here')).to.equal('still here');
      expect(flooder.state).to.equal('open');
      expect(linesOf(server, 'closed heartbeat')).to.have.length(1);
      expect((await server.stats()).refused).to.deep.equal({ HEARTBEAT_TIMEOUT: 2 });
      await opener.closed();
    },
    { settings: { heartbeatIdleTime: 1_000 }, seeds: 5 },
  );
});

/** Floods, looks at the bounds, lets the handler go on and sees that everything is answered. */
async function floodAndRelease(server: TestServer, bytes: number, look = (): void => {}): Promise<void> {
  const client = await server.connect({ listener: 'lines' });
  const other = await server.connect({ listener: 'plain' });
  const opener = await server.connect({ listener: 'opener' });
  client.send(LINE.repeat(bytes / LINE.length));
  const most = Math.floor(MAX_QUEUED_BYTES / CHARGE) + 1;
  await eventually(server, 'a full window', async () => (await server.stats()).outstandingPackets === most);
  for (let times = 0; times < 20; times++) expect(await ask(other, 'served')).to.equal('served');
  expect((await server.stats()).outstandingPackets).to.equal(most);
  look();
  opener.end();
  await client.receive(bytes / LINE.length);
  expect((await server.stats()).refused).to.deep.equal({});
}

/** ms on the clock of the server's world. */
function clockOf(server: TestServer): number {
  return 'world' in server
    ? (server as unknown as { world: { time: number } }).world.time
    : performance.now();
}

describe('Clients that do not finish their packets', () => {
  inSimulation(
    'may hold reactorMemoryLimit bytes together, and whoever exceeds it is closed',
    BoundsApp,
    async (server) => {
      const clients = [];
      for (let index = 0; index < 3; index++) {
        const client = await server.connect({ listener: 'plain' });
        client.send(Buffer.alloc(400 * 1024, 'x'));
        clients.push(client);
      }
      await Promise.race(clients.map(async (client) => client.closed()));
      expect((await server.stats()).refused).to.deep.equal({ INPUT_OVERFLOW: 1 });
      const left = clients.filter((client) => client.state === 'open');
      expect(left).to.have.length(2);
      for (const client of left) {
        client.send('\n');
        expect((await client.receive(400 * 1024 + 1)).at(-1)).to.equal(10);
      }
      expect(await ask(await server.connect({ listener: 'plain' }), 'room again')).to.equal('room again');
    },
    { settings: { packageMaxLength: '512KiB', reactorMemoryLimit: '1MiB' } },
  );
});
