import { expect } from 'chai';
import type { SimulatedServer, TestClient, TestServer } from '@shoal/testing';
import { AloneApp, EverywhereApp, type View } from '../fixtures/apps/everywhere.js';
import { ask, eventually } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

const MiB = 1024 * 1024;
const SEEDS = 5;

describe('A process that serves no connection', () => {
  for (const mode of ['process', 'base'] as const) {
    (mode === 'base' ? inWorlds : inSimulationFirst)(
      `sees connections, workers and counters as all others do, and sends (${mode} mode)`,
      EverywhereApp,
      async (server) => {
        const views = await viewsOf(server, 5);
        const who = views.map((view) => `${view.who} ${view.workerId}`);
        expect(who.sort()).to.deep.equal([
          'manager -1',
          'master -1',
          'task worker 2',
          'task worker 3',
          'user process 4',
        ]);
        checkViews(server, views);
      },
      { settings: { mode }, seeds: SEEDS },
    );

    inSimulation(
      `ends connections, by a flush or a reset, and says false of those that cannot be (${mode} mode)`,
      EverywhereApp,
      async (server) => {
        const [here, flushed, reset] = [
          await server.connect(),
          await server.connect(),
          await server.connect(),
        ];
        const [first, second] = [await ask(flushed, 'who'), await ask(reset, 'who')];
        expect(await ask(here, `send ${first} hello`)).to.equal('true');
        expect(await flushed.receiveLine()).to.equal('hello');
        expect(await ask(here, `close ${first}`)).to.equal('true');
        await flushed.ended();
        expect(await ask(here, `reset ${second}`)).to.equal('true');
        await reset.closed();
        for (const nonsense of [-1, 1.5, 'x', 2 ** 60]) {
          expect(await ask(here, `send ${nonsense} nobody`), String(nonsense)).to.equal('false');
          expect(await ask(here, `close ${nonsense}`), String(nonsense)).to.equal('false');
        }
        expect((await server.stats()).failedHandlers).to.equal(0);
      },
      { settings: { mode }, seeds: SEEDS },
    );

    inSimulation(
      `sends as much at once as an empty output takes, and not a byte more (${mode} mode)`,
      EverywhereApp,
      async (server) => {
        const [here, there] = [await server.connect(), await server.connect()];
        const id = await ask(there, 'who');
        const before = there.received.length;
        expect(await ask(here, `sendLarge ${id} ${3 * MiB + 1}`)).to.equal('false');
        expect(await ask(here, `sendLarge ${id} ${3 * MiB}`)).to.equal('true');
        await eventually(server, 'all of it', () => there.received.length === before + 3 * MiB);
      },
      { settings: { mode, socketBufferSize: 3 * MiB }, seeds: 2 },
    );

    (mode === 'process' ? inWorlds : inSimulationFirst)(
      `never mixes what it sends with what others send, and leaves nothing by halves when it dies (${mode} mode)`,
      EverywhereApp,
      async (server) => {
        const [here, there] = [await server.connect(), await server.connect({ listener: 'blocks' })];
        const id = await idOfBlocks(server);
        here.send(`fill ${id}\n`);
        await eventually(server, 'the first bytes', () => there.received.length > 0);
        await server.crashWorker(2);
        expect(await here.receiveLine()).to.equal('filled');
        await eventually(server, 'what the others send', () => {
          const { b, u } = blocksOf(there);
          return b === 2 && u === 2;
        });
        await checkWhole(server, there);
        expect(blocksOf(there)).to.deep.include({ b: 2, u: 2 });
      },
      { settings: { mode }, seeds: 3 },
    );

    inSimulation(
      `may be killed in the middle of a write (${mode} mode)`,
      EverywhereApp,
      async (server) => playKill(server),
      { settings: { mode }, seeds: 3 },
    );

    inSimulation(
      `has its last words, and the master has them when the server stops (${mode} mode)`,
      EverywhereApp,
      async (server) => {
        const client = await server.connect();
        expect(await ask(client, 'send me hello')).to.match(/^(hello|true)$/);
        await client.receiveLine();
        await server.reload({ only: 'task' });
        await eventually(server, 'the last words', () =>
          /a task worker leaves\n/.test(client.received.toString()),
        );
        await server.stop();
        expect(client.received.toString()).to.match(/\nfarewell\n/);
      },
      { settings: { mode, bakeTime: 0 }, seeds: SEEDS },
    );
  }

  inSimulation(
    'may be the only process of a server',
    AloneApp,
    async (server) => {
      const views = await viewsOf(server, 2);
      expect(views.map(({ who }) => who).sort()).to.deep.equal(['manager', 'master']);
      checkViews(server, views);
    },
    { seeds: SEEDS },
  );
});

/** What the processes tell a client of the hall. */
async function viewsOf(server: TestServer, count: number): Promise<View[]> {
  const client = await server.connect({ listener: 'hall' });
  const views: View[] = [];
  while (views.length < count) views.push(JSON.parse(await client.receiveLine()) as View);
  return views;
}

function checkViews(server: TestServer, views: readonly View[]): void {
  const { pid } = server.running.workers[0]!;
  for (const view of views) {
    expect(view).to.deep.include({ connections: 1, listener: 'hall', exists: true, nobody: false });
    expect(view).to.deep.include({ role: 'worker', pid, accepted: 1 });
  }
}

/** A user process or a task worker dies in one of the writes that follow the first bytes. */
async function playKill(server: SimulatedServer): Promise<void> {
  const here = await server.connect();
  const there = await server.connect({ listener: 'blocks' });
  here.send(`fill ${await idOfBlocks(server)}\n`);
  await eventually(server, 'the first bytes', () => there.received.length > 0);
  const { processes } = await server.status();
  for (const victim of [2, 4]) {
    const { pid } = processes.find(({ workerId }) => workerId === victim)!;
    server.world.killInsideWrite(pid, 1 + (server.world.seed % 7));
  }
  expect(await here.receiveLine()).to.equal('filled');
  await server.workersReady();
  await checkWhole(server, there);
}

/** The id of the only connection of the listener `blocks`. */
async function idOfBlocks(server: TestServer): Promise<number> {
  let found: number | undefined;
  await eventually(server, 'the connection of blocks', () => {
    found = server.connections.find(({ listener }) => listener === 'blocks')?.id;
    return found !== undefined;
  });
  return found!;
}

/** Whole blocks of each letter that have come. */
function blocksOf(client: TestClient): Record<string, number> {
  const counts: Record<string, number> = { a: 0, b: 0, u: 0 };
  for (const run of runsOf(client)) counts[run[0]!]! += run.length / (2 * MiB);
  return counts;
}

/** When nothing more comes, there are whole blocks and nothing else. */
async function checkWhole(server: TestServer, client: TestClient): Promise<void> {
  let before = -1;
  await eventually(server, 'nothing more', async () => {
    const quiet = client.received.length === before;
    before = client.received.length;
    if (!quiet) await server.advance(200);
    return quiet;
  });
  for (const run of runsOf(client)) expect(run.length % (2 * MiB), `a run of ${run[0]}`).to.equal(0);
}

function runsOf({ received }: TestClient): readonly string[] {
  return received.toString('latin1').match(/a+|b+|u+/g) ?? [];
}
