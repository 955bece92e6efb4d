import { expect } from 'chai';
import type { TestClient } from '@shoal/testing';
import { WorkloadApp, type Order, type Tally } from '../fixtures/apps/workload.js';
import { ask, eventually, linesOf, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

/** Tasks that one task worker is given ahead before it has shown how fast it is. */
const AHEAD = 8;

/** What the manager says of a task worker that has done enough. */
const recycled = /is to be replaced: taskMaxRequest, /;

describe('The bounds of tasks', () => {
  inSimulation(
    'let taskWait wait at taskQueueLimit, while its worker goes on serving',
    WorkloadApp,
    async (server) => {
      const [client, other] = [await server.connect(), await server.connect({ listener: 'echo' })];
      post(client, { count: 60, inFlight: 60, how: 'wait', task: 'slow', ms: 20 });
      await server.advance(50);
      expect(await ask(other, 'still here')).to.equal('still here');
      expect(await tally(client)).to.deep.equal(allRight(60));
    },
    { settings: { taskWorkerNum: 1, taskQueueLimit: 3 } },
  );

  for (const taskQueueLimit of [3, 4]) {
    inSimulation(
      `refuse by 'reject' what is more than a task worker and a taskQueueLimit of ${taskQueueLimit} hold`,
      WorkloadApp,
      async (server) => {
        const client = await server.connect();
        await order(client, { count: 1, inFlight: 1, how: 'wait', task: 'slow', ms: 10 });
        post(client, { count: 60, inFlight: 60, how: 'wait', task: 'slow', ms: 30 });
        const held = AHEAD + taskQueueLimit;
        expect(await tally(client)).to.deep.equal({
          ...allRight(held),
          failed: { TASK_QUEUE_FULL: 60 - held },
        });
      },
      { settings: { taskWorkerNum: 1, taskQueueLimit, taskQueuePolicy: 'reject' } },
    );
  }

  inSimulation(
    'throw at server.task, and taskRoom resolves for each that waits for it',
    WorkloadApp,
    async (server) => {
      const client = await server.connect();
      const orders = { count: 100, inFlight: 100, how: 'task', task: 'slow', ms: 1 } as const;
      expect(await order(client, orders)).to.deep.equal(allRight(100));
      expect(await order(client, { ...orders, dst: 1 })).to.deep.equal(allRight(100));
    },
    { settings: { taskQueueLimit: 2 } },
  );

  inSimulation(
    'keep what is posted while every task worker is dead',
    WorkloadApp,
    async (server) => {
      const client = await server.connect();
      await Promise.all([server.crashWorker(1), server.crashWorker(2)]);
      expect(await order(client, { count: 30, inFlight: 30, how: 'wait', task: 'echo' })).to.deep.equal(
        allRight(30),
      );
      await server.workersReady();
    },
    { settings: { taskQueueLimit: 10 } },
  );

  for (const taskConcurrency of [1, 3]) {
    inSimulation(
      `let a task worker do exactly ${taskConcurrency} at once with a taskConcurrency of ${taskConcurrency}`,
      WorkloadApp,
      async (server) => {
        const client = await server.connect();
        const done = await order(client, { count: 40, inFlight: 40, how: 'wait', task: 'peak', ms: 5 });
        expect(done).to.deep.equal({ ...allRight(40), peak: taskConcurrency });
      },
      { settings: { taskConcurrency } },
    );
  }

  for (const taskMaxRequest of [1, 3]) {
    (taskMaxRequest === 1 ? inWorlds : inSimulationFirst)(
      `replace a task worker after a taskMaxRequest of ${taskMaxRequest} under load, and lose nothing`,
      WorkloadApp,
      async (server) => {
        const client = await server.connect();
        const done = await order(client, { count: 12, inFlight: 12, how: 'task', task: 'slow', ms: 2 });
        expect(done).to.deep.equal(allRight(12));
        const { tasks } = await server.stats();
        expect(tasks).to.deep.include({ posted: 12, finished: 12, retried: 0, outstanding: 0 });
        await logged(server, recycled);
        await server.workersReady();
      },
      { settings: { taskMaxRequest, taskWorkerNum: 2 }, seeds: 5 },
    );
  }

  inSimulation(
    'replace a task worker after exactly taskMaxRequest tasks, and not one before',
    WorkloadApp,
    async (server) => {
      const client = await server.connect();
      const one: Order = { count: 1, inFlight: 1, how: 'wait', task: 'echo' };
      for (let task = 0; task < 4; task++) await order(client, one);
      await server.advance(500);
      expect(linesOf(server, recycled)).to.have.length(0);
      await order(client, one);
      expect((await logged(server, recycled)).message).to.match(/^task worker 1, .* taskMaxRequest, 5$/);
      await server.workersReady();
      expect(await order(client, one)).to.deep.equal(allRight(1));
    },
    { settings: { taskMaxRequest: 5, taskMaxRequestGrace: 0, taskWorkerNum: 1 } },
  );

  inSimulation(
    'replace a task worker at a moment of its own within taskMaxRequestGrace',
    WorkloadApp,
    async (server) => {
      const client = await server.connect();
      let done = 0;
      while (linesOf(server, recycled).length === 0) {
        await order(client, { count: 1, inFlight: 1, how: 'wait', task: 'echo' });
        done++;
      }
      expect(done).to.be.within(20, 30);
    },
    { settings: { taskMaxRequest: 20, taskMaxRequestGrace: 10, taskWorkerNum: 1 } },
  );

  inSimulationFirst(
    'hold over a reload of the task workers under load: none lost, none twice, none counted as retried',
    WorkloadApp,
    async (server) => {
      const client = await server.connect();
      post(client, { count: 300, inFlight: 40, how: 'task', task: 'slow', ms: 4 });
      await server.advance(20);
      expect((await server.reload({ only: 'task' })).outcome).to.equal('done');
      expect(await tally(client)).to.deep.equal(allRight(300));
      expect((await server.stats()).tasks).to.deep.include({ posted: 300, finished: 300, retried: 0 });
    },
    { settings: { taskConcurrency: 2 }, seeds: 5 },
  );

  inSimulationFirst(
    'never bring a late result to another caller, and count it',
    WorkloadApp,
    async (server) => {
      const client = await server.connect();
      const impatient = { count: 12, inFlight: 3, how: 'wait', task: 'slow', ms: 400, timeout: 50 } as const;
      const none = { ...allRight(0), failed: { TASK_TIMEOUT: 12 } };
      expect(await order(client, impatient)).to.deep.equal(none);
      expect(await order(client, { count: 6, inFlight: 3, how: 'wait', task: 'slow', ms: 1 })).to.deep.equal(
        allRight(6),
      );
      await eventually(server, 'every task to be over', async () => {
        const { tasks } = await server.stats();
        return tasks.outstanding === 0;
      });
      // Those that no task worker had when their caller gave up have failed, and all others were late.
      const { posted, finished, failed, lateResults } = (await server.stats()).tasks;
      expect([posted, finished + failed, failed + lateResults]).to.deep.equal([18, 18, 12]);
    },
    { seeds: 5 },
  );
});

function allRight(count: number): Tally {
  return { right: count, wrong: 0, twice: 0, failed: {}, peak: 0 };
}

function post(client: TestClient, what: Order): void {
  client.send(`${JSON.stringify(what)}\n`);
}

async function tally(client: TestClient): Promise<Tally> {
  return JSON.parse(await client.receiveLine()) as Tally;
}

async function order(client: TestClient, what: Order): Promise<Tally> {
  post(client, what);
  return tally(client);
}
