import { expect } from 'chai';
import type { TestServer } from '@shoal/testing';
import { PressureApp } from '../fixtures/apps/pressure.js';
import { ask, eventually, linesOf, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds, withProcesses } from './in-worlds.js';
import { BLOCK, checkBlocks, idOf, slowPeer } from './peers.js';
import { residentBytes } from './resident.js';

const KiB = 1024;

/** Of 1 MiB, from four fifths on: the thirteenth block is the first that is above. */
const BLOCKS_TO_FULL = 13;
const BLOCKS_THAT_FIT = 16;
const modes = ['process', 'base'] as const;

for (const mode of modes) {
  const inAll = mode === 'process' ? inWorlds : inSimulationFirst;
  const options = { settings: { mode }, seeds: 3 };
  describe(`Back-pressure of a slow client, ${mode} mode`, () => {
    inAll(
      'tells a handler to stop at the high mark, and the application of each crossing',
      PressureApp,
      async (server) => {
        const peer = await slowPeer(server, 'peers');
        peer.send('fill\n');
        await logged(server, `filled by ${BLOCKS_TO_FULL}`);
        const id = idOf(server, 'peers');
        await logged(server, `full ${id}`);
        peer.resume();
        expect(await peer.receive(BLOCKS_TO_FULL * BLOCK)).to.have.length(BLOCKS_TO_FULL * BLOCK);
        await logged(server, `empty ${id}`);
        expect(await ask(peer, 'hello')).to.equal('hello');
        expect(linesOf(server, /^(full|empty) /)).to.have.length(2);
        expect((await server.stats()).refused).to.deep.equal({});
      },
      options,
    );

    inSimulation(
      'tells it likewise of what waits at the owner of the socket, again and again',
      PressureApp,
      async (server) => {
        const peer = await slowPeer(server, 'peers');
        for (let round = 1; round <= 3; round++) {
          peer.send('drip\n');
          await eventually(server, 'full', () => linesOf(server, /^filled /).length === round);
          peer.resume();
          await eventually(server, 'empty', () => linesOf(server, /^empty /).length === round);
          peer.pause();
        }
        peer.resume();
        const told = linesOf(server, /^(full|empty) /).map(({ message }) => message.split(' ')[0]);
        expect(told).to.deep.equal(['full', 'empty', 'full', 'empty', 'full', 'empty']);
        expect((await server.stats()).refused).to.deep.equal({});
      },
      options,
    );

    inAll(
      'refuses the sends of a tight loop that exceed socketBufferSize, exactly those, and the client lives',
      PressureApp,
      async (server) => {
        const peer = await slowPeer(server, 'rejecting');
        peer.send('flood 60\n');
        await logged(server, `${BLOCKS_TO_FULL - 1} of 60 sent`);
        peer.resume();
        await checkBlocks(server, peer, BLOCKS_THAT_FIT);
        await refusedSends(server, 'OUTPUT_REFUSED', 60 - BLOCKS_THAT_FIT);
        expect(await ask(peer, 'alive')).to.equal('alive');
      },
      options,
    );

    inSimulation(
      'drops them silently where the listener says so',
      PressureApp,
      async (server) => {
        const peer = await slowPeer(server, 'dropping');
        peer.send('flood 20\n');
        await logged(server, `${BLOCKS_TO_FULL - 1} of 20 sent`);
        peer.resume();
        await checkBlocks(server, peer, BLOCKS_THAT_FIT);
        await refusedSends(server, 'OUTPUT_DROPPED', 20 - BLOCKS_THAT_FIT);
      },
      options,
    );

    inSimulationFirst(
      'bounds what another process sends: each block is delivered whole, or refused and counted',
      PressureApp,
      async (server) => {
        const [desk, peer] = [await server.connect(), await slowPeer(server, 'rejecting')];
        const id = idOf(server, 'rejecting');
        // More than the buffers of a real system hold together with the bound.
        const times = 400;
        expect(await ask(desk, `task send ${id} ${times}`)).to.equal(`${times} of ${times}`);
        let refused = 0;
        await eventually(server, 'refusals', async () => {
          refused = (await server.stats()).refused['OUTPUT_REFUSED'] ?? 0;
          return refused > 0;
        });
        peer.resume();
        await eventually(server, 'what was taken', async () => {
          refused = (await server.stats()).refused['OUTPUT_REFUSED'] ?? 0;
          return peer.received.length === (times - refused) * BLOCK;
        });
        expect(times - refused).to.be.at.least(BLOCKS_THAT_FIT);
      },
      { ...options, seeds: 2 },
    );
  });
}

describe('Clients that do not read, and one that asks for too much', () => {
  for (const mode of modes)
    inSimulation(
      `keep no other client waiting (${mode} mode)`,
      PressureApp,
      async (server) => {
        const slow = await Promise.all(Array.from({ length: 10 }, async () => slowPeer(server, 'rejecting')));
        for (const peer of slow) peer.send('flood 60\n');
        const other = await server.connect({ listener: 'peers' });
        const greedy = await server.connect({ listener: 'peers' });
        const burst = `${'x'.repeat(1023)}\n`.repeat(2 * KiB);
        greedy.send(burst);
        await greedy.receive(1);
        const begun = server.world.time;
        for (let times = 0; times < 5; times++) expect(await ask(other, 'served')).to.equal('served');
        expect(greedy.received.length).to.be.below(burst.length);
        expect(server.world.time - begun).to.be.below(100);
        expect((await greedy.receive(burst.length - 1)).length).to.equal(burst.length - 1);
        await refusedSends(server, 'OUTPUT_REFUSED', slow.length * (60 - BLOCKS_THAT_FIT));
      },
      { settings: { mode, workerNum: 1 }, seeds: 2 },
    );

  withProcesses(
    'cost the owner of their sockets no memory beyond the bound',
    PressureApp,
    async (server) => {
      const desk = await server.connect();
      await slowPeer(server, 'rejecting');
      const before = residentBytes(server.running.masterPid);
      const id = idOf(server, 'rejecting');
      // 125 MiB, of which 1 MiB may wait.
      expect(await ask(desk, `task send ${id} 2000`)).to.equal('2000 of 2000');
      await eventually(
        server,
        'refusals',
        async () => ((await server.stats()).refused['OUTPUT_REFUSED'] ?? 0) > 1_500,
      );
      expect(residentBytes(server.running.masterPid) - before).to.be.below(80 * 1024 * KiB);
    },
    { settings: { workerNum: 1 } },
  );
});

async function refusedSends(server: TestServer, reason: string, count: number): Promise<void> {
  await eventually(server, `${count} ${reason}`, async () => {
    return (await server.stats()).refused[reason] === count;
  });
}
