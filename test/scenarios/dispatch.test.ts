import { expect } from 'chai';
import { launch, simulate, type TestClient } from '@shoal/testing';
import { CounterApp, GreeterApp, NamerApp } from '../fixtures/apps/dispatch.js';
import { ask, errorOf, eventually, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

const roundRobin = { dispatchMode: 'roundRobin' } as const;

describe('Dispatch', () => {
  for (const reactorNum of [1, 2]) {
    const title = `by 'fixed' keeps a connection with one worker and spreads connections evenly, ${reactorNum} reactors`;
    const declare = reactorNum === 2 ? inSimulationFirst : inSimulation;
    declare(
      title,
      NamerApp,
      async (server) => {
        const clients = await Promise.all(Array.from({ length: 12 }, async () => server.connect()));
        const counts = [0, 0, 0];
        for (const client of clients) {
          const first = await ask(client, 'x');
          for (let times = 0; times < 5; times++) expect(await ask(client, 'x')).to.equal(first);
          counts[Number(first.slice(2))]!++;
        }
        if (reactorNum === 1) expect(counts).to.deep.equal([4, 4, 4]);
        // How the system spreads connections over two reactors is its own choice.
        else for (const count of counts) expect(count).to.be.within(3, 5);
      },
      { settings: { reactorNum } },
    );
  }

  inWorlds(
    "by 'roundRobin' gives each packet to the next worker, skips a dead one, and keeps no state",
    NamerApp,
    async (server) => {
      const client = await server.connect();
      const other = await server.connect();
      client.send('x\n'.repeat(15));
      other.send('x\n'.repeat(15));
      const answers = [...(await linesOf(client, 15)), ...(await linesOf(other, 15))];
      expect(countsOf(answers)).to.deep.equal({ 'x 0': 10, 'x 1': 10, 'x 2': 10 });

      await server.crashWorker(1);
      await eventually(server, 'the reactor to know', async () => {
        client.send('y\n'.repeat(3));
        return countsOf(await linesOf(client, 3))['y 1'] === undefined;
      });
      await server.workersReady();
      await eventually(server, 'the new worker to take part', async () => {
        client.send('z\n'.repeat(3));
        return countsOf(await linesOf(client, 3))['z 1'] === 1;
      });

      client.send('state\nafter\n');
      expect(await client.receiveLine()).to.match(/^after \d$/);
      await eventually(server, 'a failure', async () => (await server.stats()).failedHandlers === 1);
      const failure = await logged(server, 'Namer.name failed in receive');
      expect(errorOf(failure).message).to.match(/^connection\.state needs a dispatch mode/);
      client.end();
      await client.ended();
      await eventually(server, 'the close', async () => (await server.stats()).connections === 1);
    },
    { settings: roundRobin },
  );

  inSimulation(
    "by 'roundRobin' answers everything before the end that a client's FIN asks for",
    NamerApp,
    async (server) => {
      const client = await server.connect();
      client.send('x\n'.repeat(30));
      client.end();
      await client.ended();
      const answers = client.received.toString().trim().split('\n');
      expect(countsOf(answers)).to.deep.equal({ 'x 0': 10, 'x 1': 10, 'x 2': 10 });
    },
    { settings: roundRobin },
  );

  it("by 'roundRobin' refuses handlers of connect and instances of a connection, in both worlds", async () => {
    for (const start of [simulate, launch]) {
      expect(await failureOf(start(GreeterApp, { settings: roundRobin }))).to.match(
        /^CONFIG_HANDLER_NEVER_RUNS .*Greeter\.greet would never run: dispatchMode 'roundRobin' has no events of connections/s,
      );
      expect(await failureOf(start(CounterApp, { settings: roundRobin }))).to.match(
        /^CONFIG_SCOPE .*Counter\.count is of a class with scope 'connection'/s,
      );
    }
  });
});

async function linesOf(client: TestClient, count: number): Promise<string[]> {
  const lines: string[] = [];
  while (lines.length < count) lines.push(await client.receiveLine());
  return lines;
}

function countsOf(lines: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of lines) counts[line] = (counts[line] ?? 0) + 1;
  return counts;
}

async function failureOf(starting: Promise<unknown>): Promise<string> {
  try {
    await starting;
  } catch (error) {
    return `${(error as { code?: string }).code} ${(error as Error).message}`;
  }
  return 'it started';
}
