import { readdirSync } from 'node:fs';
import net from 'node:net';
import { launch, type LaunchedServer } from '@shoal/testing';
import { expect } from 'chai';
import { everythingIsPlayed } from '../exploration/breadth.js';
import { wayOfTheDay } from '../exploration/day.js';
import { WebApp } from '../fixtures/apps/web.js';
import { eventually } from '../scenarios/facts.js';
import { askAndVanish, Regulars } from './regulars.js';
import { vandalise } from './vandals.js';

const ROUNDS = everythingIsPlayed ? 5 : 1;
const VANDALS = 150;
const VANISHING = 10;
const PROGRESS = 200;

const settings = { workerNum: 2, bakeTime: 0, maxWaitTime: 2_000 } as const;

describe('fastify, ws and aedes on streams, among slow and vanishing clients', () => {
  for (const mode of wayOfTheDay(['process', 'base'] as const))
    it(`outlive kills and reloads of their workers, and what is counted is true, in ${mode} mode`, async () => {
      const server = await launch(WebApp, { settings: { ...settings, mode } });
      try {
        // It opens what stays open from then on.
        expect((await server.reload()).outcome).to.equal('done');
        const before = descriptors(server);
        const ports = new Map(server.running.listeners.map(({ name, port }) => [name, port]));
        const regulars = new Regulars((listener) => ports.get(listener)!, 3);
        const progress = async (): Promise<void> => {
          const enough = regulars.answers + PROGRESS;
          await eventually(server, 'answers', () => regulars.answers >= enough);
        };
        // It says nothing, and does not leave when the others do.
        const stubborn = net.connect({ host: '127.0.0.1', port: ports.get('mqtt')! });
        stubborn.on('error', () => {}).resume();
        const hostile = Promise.all([
          vandalise([...ports.values()], VANDALS, 10),
          askAndVanish(ports.get('http')!, VANISHING),
        ]);
        await progress();
        for (let round = 0; round < ROUNDS; round++) {
          for (const workerId of [0, 1]) {
            await server.crashWorker(workerId);
            await server.workersReady();
            await progress();
          }
          expect((await server.reload()).outcome).to.equal('done');
          await progress();
        }
        await hostile;
        await regulars.leave();
        stubborn.destroy();
        expect(regulars.faults).to.deep.equal([]);
        await everythingIsOver(server, mode);
        await eventually(server, `no descriptor more than ${before}`, () => descriptors(server) <= before);
      } finally {
        await server.stop();
      }
    }).timeout(180_000);
});

async function everythingIsOver(server: LaunchedServer, mode: 'process' | 'base'): Promise<void> {
  await eventually(server, 'nothing is left', async () => {
    const { connections, ledger } = await server.stats();
    return connections === 0 && ledger.outstanding === 0;
  });
  const { acceptedConnections, closedBy, pinnedLost, ledger } = await server.stats();
  const { accepted, handled, redeliveredAndHandled, refused } = ledger;
  expect(handled + redeliveredAndHandled + sum(refused)).to.equal(accepted);
  // What the last owner of a socket has counted, nobody knows who has not asked it before it was killed.
  if (mode === 'base') return;
  expect(sum(closedBy)).to.equal(acceptedConnections);
  expect(closedBy['pinnedLost']).to.equal(pinnedLost);
  expect(pinnedLost).to.be.above(0);
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** Of the process that lives on. */
function descriptors({ running }: LaunchedServer): number {
  return readdirSync(`/proc/${running.masterPid}/fd`).length;
}
