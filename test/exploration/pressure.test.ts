import { expect } from 'chai';
import { explore, type ExploreOptions, type SimulatedServer } from '@shoal/testing';
import { delimiter, tcp } from '@shoal/core';
import { PressureApp } from '../fixtures/apps/pressure.js';
import { played } from './breadth.js';
import { seedOfTheDay } from './day.js';

const seed = seedOfTheDay();
const FILE = 10_000;
const framing = delimiter('\n', { strip: true });
const place = { host: '127.0.0.1', port: 0, framing };
const bounds = { socketBufferSize: '16KiB', packageMaxLength: '4KiB' } as const;
/** Smaller than those of the application: a bound is soon reached. */
const listeners = [
  tcp({ name: 'desk', ...place }),
  tcp({ name: 'rejecting', ...place, ...bounds, outputOverflow: 'reject' }),
  tcp({ name: 'dropping', ...place, ...bounds, outputOverflow: 'dropNewest' }),
  tcp({ name: 'echo', ...place }),
];

/** Bounds, whole bytes in order, and marks in turn are checked after each run; the scenario only has to make things happen. */
describe(`What slow clients are promised, explored with the seed of the day ${seed}`, () => {
  for (const mode of ['process', 'base'] as const) {
    holds(`in ${mode} mode`, { settings: { mode, listeners } });
    holds(`when workers are replaced all the time, in ${mode} mode`, {
      settings: { mode, listeners, bakeTime: 0 },
      faults: { reloads: 2, stops: 3 },
    });
  }
});

function holds(when: string, options: Omit<ExploreOptions, 'runs'>): void {
  const runs = played(20);
  it(`holds ${when} (${runs} runs)`, async () => {
    const report = await explore(PressureApp, crowd, { seed, runs, kernelBuffer: 4 * 1024, ...options });
    expect(report.interleavings).to.be.above(report.runs / 2);
  });
}

/** Three clients read by fits and starts while they are flooded, sent files, paused, and told everything in between. */
async function crowd(server: SimulatedServer): Promise<void> {
  server.world.putFile('/srv/file', Buffer.alloc(FILE, 'f'));
  const desks = [await server.connect(), await server.connect()];
  const peers = [];
  for (const listener of ['rejecting', 'dropping', 'rejecting'])
    peers.push(await server.connect({ listener }));
  await server.settle();
  const ids = server.connections.filter(({ listener }) => listener !== 'desk').map(({ id }) => id);
  for (let round = 0; round < 3; round++) {
    for (const [index, peer] of peers.entries()) {
      if ((round + index) % 2 === 0) peer.pause();
      else peer.resume();
      peer.send(round % 2 === 0 ? 'drip 30\n' : `flood ${10 * round}\n`);
    }
    for (const [index, id] of ids.entries()) {
      const as = (round + index) % 2 === 0 ? '' : 'task ';
      desks[0]!.send(`${as}send ${id} 3\n${as}pause ${id}\n`);
      desks[1]!.send(`${as}file ${id} /srv/file ${round} 5000\n${as}wait ${id} 2\n`);
    }
    await server.advance(20);
    for (const id of ids) desks[0]!.send(`resume ${id}\n`);
  }
  for (const peer of peers) peer.resume();
  await server.workersReady();
  for (const id of ids) desks[0]!.send(`resume ${id}\n`);
  await server.settle();
  for (const peer of peers) expect(peer.received.length).to.be.above(1024);
}
