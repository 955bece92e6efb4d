import { expect } from 'chai';
import { simulate, type TestClient } from '@shoal/testing';
import { played } from '../exploration/breadth.js';
import { AsyncEchoApp, SyncEchoApp } from '../fixtures/apps/echo.js';

const SEEDS = played(60);
const STEPS = 40;
/** Enough for everything that waits to be handled, in virtual ms. */
const CALM_MS = 20_000;

describe('Random crashes', () => {
  for (const App of [SyncEchoApp, AsyncEchoApp]) {
    for (const reactorNum of [1, 2]) {
      it(`lose, double and reorder nothing: ${App.name}, ${reactorNum} reactors, ${SEEDS} seeds`, async () => {
        for (let seed = 1; seed <= SEEDS; seed++) await play(App, reactorNum, seed);
      });
    }
  }
});

interface Talk {
  readonly client: TestClient;
  sent: number;
  ended: boolean;
}

/** Clients come, talk and end while workers and managers die at any moment. */
async function play(App: new () => object, reactorNum: number, seed: number): Promise<void> {
  const random = generator(seed);
  const server = await simulate(App, { seed, settings: { reactorNum } });
  const talks: Talk[] = [];
  let crashes = 0;
  for (let step = 0; step < STEPS; step++) {
    const dice = random();
    if (dice < 0.2 || talks.length === 0) {
      talks.push({ client: await server.connect(), sent: 0, ended: false });
    } else if (dice < 0.7) {
      const talk = talks[Math.floor(random() * talks.length)]!;
      if (talk.ended) continue;
      const count = 1 + Math.floor(random() * 20);
      talk.client.send(Array.from({ length: count }, () => `${talk.sent++}\n`).join(''));
    } else if (dice < 0.75) {
      const talk = talks[Math.floor(random() * talks.length)]!;
      talk.client.end();
      talk.ended = true;
    } else if (dice < 0.87) {
      // A packet that three deaths hit would be poison by the rule, and is not what this test is about.
      if (crashes === 2) await server.advance(CALM_MS);
      crashes = crashes === 2 ? 1 : crashes + 1;
      await server.workersReady();
      await server.crashWorker(step % 2);
    } else if (dice < 0.9) {
      await server.workersReady();
      await server.crashManager();
    } else {
      await server.advance(random() * 60);
    }
  }
  for (const { client, sent } of talks) {
    const expected = Array.from({ length: sent }, (_, line) => `${line}\n`).join('');
    while (client.received.length < expected.length) {
      await client.receive().catch(async (error: unknown) => {
        const { refused } = await server.stats();
        throw new Error(`client ${client.id}, seed ${seed}, refused ${JSON.stringify(refused)}`, {
          cause: error,
        });
      });
    }
    expect(client.received.toString(), `client ${client.id}, seed ${seed}`).to.equal(expected);
  }
  for (const { client, ended } of talks) if (ended) await client.closed();
  await server.stop();
}

function generator(seed: number): () => number {
  let state = seed * 2654435761;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
