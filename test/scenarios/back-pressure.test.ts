import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import { PressureApp } from '../fixtures/apps/pressure.js';
import { ask, eventually, linesOf, logged } from './facts.js';
import { inSimulation, inWorlds } from './in-worlds.js';

const KiB = 1024;
const BLOCK = 64 * KiB;
/** Of 1 MiB, from four fifths on: the thirteenth block is the first that is above. */
const BLOCKS_TO_FULL = 13;
const BLOCKS_THAT_FIT = 16;
const modes = ['process', 'base'] as const;

for (const mode of modes) {
  const options = { settings: { mode }, seeds: 5 };
  describe(`Back-pressure of a slow client, ${mode} mode`, () => {
    inWorlds(
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

    inWorlds(
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

    inWorlds(
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

/** A client of that listener that does not read. */
async function slowPeer(server: TestServer, listener: string): Promise<TestClient> {
  const peer = await server.connect({ listener });
  await eventually(server, 'the connection', () =>
    server.connections.some((each) => each.listener === listener),
  );
  peer.pause();
  return peer;
}

function idOf(server: TestServer, listener: string): number {
  return server.connections.find((each) => each.listener === listener)!.id;
}

/** So many blocks come, whole and in order, and nothing else. */
async function checkBlocks(server: TestServer, peer: TestClient, blocks: number): Promise<void> {
  const bytes = await peer.receive(blocks * BLOCK);
  for (let index = 0; index < blocks; index++) {
    expect(bytes[index * BLOCK], `block ${index}`).to.equal(97 + (index % 26));
    expect(bytes[(index + 1) * BLOCK - 1], `block ${index}`).to.equal(97 + (index % 26));
  }
  await server.settle();
  expect(peer.received.length).to.equal(blocks * BLOCK);
}

async function refusedSends(server: TestServer, reason: string, count: number): Promise<void> {
  await eventually(server, `${count} ${reason}`, async () => {
    return (await server.stats()).refused[reason] === count;
  });
}
