import { expect } from 'chai';
import type { TestClient } from '@shoal/testing';
import { JobsApp } from '../fixtures/apps/jobs.js';
import { ask } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

interface Outcome {
  readonly status: string;
  readonly value?: unknown;
}

describe('A task that ends its task worker', () => {
  inWorlds('fails alone: those that were done before it in the same turn do not', JobsApp, async (server) => {
    const client = await server.connect();
    const echoes = Array.from({ length: 6 }, (_, value) => ({ do: 'echo', value }));
    const outcomes = await many(client, [...echoes, { do: 'die', value: 99 }, ...echoes]);
    expect(outcomes.map(({ status, value }) => value ?? status)).to.deep.equal([
      ...echoes.keys(),
      'rejected',
      ...echoes.keys(),
    ]);
    const { tasks } = await server.stats();
    expect(tasks).to.deep.include({ posted: 13, finished: 12, failed: 1, outstanding: 0 });
  });

  inSimulation(
    'may have ended others with it: with taskRetries 0 none of them is started twice',
    JobsApp,
    async (server) => {
      const client = await server.connect();
      await many(client, [
        { do: 'echo', value: 1 },
        { do: 'die', value: 99 },
        { do: 'echo', value: 2 },
      ]);
      const starts = server.trace.flatMap((event) => (event.kind === 'taskStarted' ? [event.task] : []));
      expect(new Set(starts).size).to.equal(starts.length);
    },
    { settings: { taskRetries: 0, taskWorkerNum: 1 } },
  );
});

describe('A task that finishes with more than one frame holds', () => {
  inSimulationFirst('has told it before it is over', JobsApp, async (server) => {
    const client = await server.connect();
    expect(await ask(client, 'wait [{"do":"part","value":200000}]')).to.have.length(200_002);
  });
});

async function many(client: TestClient, jobs: readonly unknown[]): Promise<readonly Outcome[]> {
  return JSON.parse(await ask(client, `many ${JSON.stringify([jobs])}`)) as Outcome[];
}
