import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { launch, type LaunchedServer } from '@shoal/testing';
import { expect } from 'chai';
import { everythingIsPlayed } from '../exploration/breadth.js';
import { wayOfTheDay } from '../exploration/day.js';
import { BesiegedEverywhereApp } from '../fixtures/apps/besieged.js';
import { ask, eventually, linesOf } from '../scenarios/facts.js';

const DATAGRAMS = everythingIsPlayed ? 200_000 : 10_000;
const KILLS = everythingIsPlayed ? 12 : 3;
/** What a datagram of IPv4 holds. */
const LARGEST = 65_507;
const dispatchModule = new URL('../fixtures/dispatch/moody.js', import.meta.url).href;

describe('A server under datagrams of any size whose workers are killed', () => {
  for (const [mode, settings] of wayOfTheDay([
    ['process mode, by a dispatch module that fails', { dispatchMode: 'roundRobin', dispatchModule }],
    ['base mode', { mode: 'base', workerNum: 2 }],
  ] as const))
    it(`accounts for all that it has taken, and serves on, in ${mode}`, async () => {
      const server = await launch(BesiegedEverywhereApp, { settings });
      try {
        const { port } = server.running.listeners.find(({ name }) => name === 'datagrams')!;
        const friend = await server.connect({ listener: 'lines' });
        const sending = send(port, DATAGRAMS);
        for (let kill = 0; kill < KILLS; kill++) {
          await server.crashWorker(kill % 2);
          await server.workersReady();
          // In base mode its worker may be the one that was killed.
          if ('dispatchModule' in settings)
            expect(await ask(friend, `kill ${kill}`)).to.equal(`kill ${kill}`);
        }
        await sending;
        await nothingLeft(server);
        const { ledger, failedDispatches } = await server.stats();
        const { accepted, handled, redeliveredAndHandled, refused } = ledger;
        const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
        expect(handled + redeliveredAndHandled + refusals).to.equal(accepted);
        if ('dispatchModule' in settings) {
          expect(failedDispatches).to.be.above(0);
          expect(refused['DISPATCH_DISCARDED']).to.be.above(0);
          expect(refused['DISPATCH_CLOSED']).to.be.above(0);
        }
        await answersAtBothEnds(server);
        expect(linesOf(server, /reactor failed|reactor \d ended/)).to.deep.equal([]);
      } finally {
        await server.stop();
      }
    }).timeout(180_000);
});

/** Of 0 and of 65,507 bytes; the network may lose some, and so may a dispatch module. */
async function answersAtBothEnds(server: LaunchedServer): Promise<void> {
  const client = await server.datagramClient({ listener: 'datagrams' });
  for (const size of [0, LARGEST]) {
    const data = Buffer.alloc(size, 'x');
    const isBack = (): boolean => client.received.some((each) => each.equals(data));
    await eventually(server, `an answer of ${size} bytes`, () => {
      if (!isBack()) client.send(data);
      return isBack();
    });
  }
}

async function nothingLeft(server: LaunchedServer): Promise<void> {
  await eventually(server, 'all to be settled', async () => (await server.stats()).ledger.outstanding === 0);
}

/** Garbage of any size, both limits among them, as fast as a server that loses its workers may take some of it. */
async function send(port: number, count: number): Promise<void> {
  const socket = createSocket('udp4');
  const garbage = Buffer.alloc(LARGEST, 'garbage\n');
  for (let sent = 0; sent < count; sent++) {
    const kind = sent % 50;
    const size =
      kind === 0 ? LARGEST : kind === 1 ? 0 : Math.floor(Math.random() * (kind < 10 ? 9_000 : 300));
    socket.send(garbage, 0, size, port, '127.0.0.1', () => {});
    if (kind === 49) await sleep(1);
  }
  await new Promise<void>((resolve) => socket.close(resolve));
}
