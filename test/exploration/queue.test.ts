import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { explore, type SimulatedServer } from '@shoal/testing';
import { QueueApp } from '../fixtures/apps/queue.js';
import { played } from './breadth.js';
import { seedOfTheDay } from './day.js';

const seed = seedOfTheDay();
const directory = mkdtempSync(join(tmpdir(), 'shoal-queue-'));

/** What the scenarios of the queue leave out: spares, slow pipes, and deaths in the middle of a handler. */
describe(`A server with a queue of tasks, explored with the seed of the day ${seed}`, () => {
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const mode of ['process', 'base'] as const) {
    it(`keeps what it promises to its clients, and every task that it has accepted, in ${mode} mode`, async () => {
      await explore(QueueApp, post, {
        runs: played(20),
        seed,
        settings: { mode, taskRetries: 100, standbyNum: 1, bakeTime: 0 },
        faults: { reloads: 1, stops: 3 },
      });
    }).timeout(60_000);
  }
});

async function post(server: SimulatedServer): Promise<void> {
  const file = join(directory, 'notes');
  const clients = await Promise.all([server.connect(), server.connect()]);
  for (const client of clients) {
    for (let n = 0; n < 6; n++)
      client.send(`${JSON.stringify(['enqueue', { file, note: `${n}`, ms: n }])}\n`);
  }
  for (const client of clients) {
    for (let n = 0; n < 6; n++)
      expect(await client.receiveLine()).to.match(/^\{"id":\d+,"duplicate":false\}$/);
  }
  for (let tries = 0; tries < 1_000; tries++) {
    const { queue } = (await server.stats()).tasks;
    if (queue !== undefined && queue.waiting + queue.delayed + queue.leased + queue.dead === 0) return;
    await server.advance(20);
  }
  throw new Error('the queue is not empty after 20 s');
}
