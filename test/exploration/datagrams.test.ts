import { expect } from 'chai';
import { explore, type ExploreOptions, type SimulatedServer } from '@shoal/testing';
import { CouriersApp, ParrotApp } from '../fixtures/apps/datagrams.js';
import { talk } from '../mutants/datagrams.js';
import { seedOfTheDay } from './day.js';

const seed = seedOfTheDay();

/** The guarantees of the kernel are checked after each run; the scenarios only have to make things happen. */
describe(`What the kernel promises of datagrams, explored with the seed of the day ${seed}`, () => {
  for (const mode of ['process', 'base'] as const)
    holds(`when workers crash and are replaced, in ${mode} mode`, ParrotApp, talk, {
      runs: 30,
      settings: { mode, taskWorkerNum: 0 },
      faults: { crashes: 2, reloads: 2, stops: 2 },
    });
  holds('with two reactors, and a worker for each packet', ParrotApp, talk, {
    runs: 30,
    settings: { reactorNum: 2, dispatchMode: 'leastInFlight' },
  });
  holds(
    'when the network loses, doubles and reorders',
    ParrotApp,
    async (server) => {
      await talk(server, { loss: 0.2, duplication: 0.2, reordering: 0.2 });
    },
    { runs: 30 },
  );
  holds('when every process sends', CouriersApp, deliver, { runs: 20 });
});

function holds(
  when: string,
  App: new () => object,
  scenario: (server: SimulatedServer) => Promise<void>,
  options: ExploreOptions,
): void {
  it(`holds ${when}`, async () => {
    await explore(App, scenario, { seed, ...options });
  }).timeout(120_000);
}

async function deliver(server: SimulatedServer): Promise<void> {
  const orders = await server.connect({ listener: 'orders' });
  const client = await server.datagramClient({ listener: 'first' });
  const { address, port } = client;
  for (const from of ['worker', 'task', 'postman', 'manager', 'master'])
    orders.send(`${JSON.stringify({ from, address, port, text: from })}\n`);
  client.send('hello');
  await server.settle();
  for (const data of client.received)
    expect(data.toString()).to.match(/^(worker|task|postman|manager|master|heard by first)$/);
}
