import { expect } from 'chai';
import { launch, type TestServer } from '@shoal/testing';
import { WorkloadApp, type Order, type Tally } from '../fixtures/apps/workload.js';

/** `SHOAL_TASKS=100000 SHOAL_KILLS=100 SHOAL_TASK_MS=5` makes a long run of it. */
const tasks = Number(process.env['SHOAL_TASKS'] ?? 2_000);
const kills = Number(process.env['SHOAL_KILLS'] ?? 6);
const ms = Number(process.env['SHOAL_TASK_MS'] ?? 1);
const taskWorkerNum = 3;
const limitMs = 30_000 + tasks * 10;

describe('Tasks under kill -9 of task workers at random', () => {
  it(`come back or fail with the reason, each once, and none is lost (${tasks} tasks, ${kills} kills)`, async () => {
    const server = await launch(WorkloadApp, {
      settings: { taskWorkerNum, taskConcurrency: 4, logLevel: 'warn' },
    });
    try {
      const killer = new Killer(server);
      const orders: Order[] = (['wait', 'task'] as const).map((how) => {
        return { count: tasks / 2, inFlight: 100, how, task: 'slow', ms };
      });
      const [done] = await Promise.all([
        Promise.all(orders.map((order) => run(server, order, killer))),
        killer.run(),
      ]);
      const right = done.reduce((sum, tally) => sum + tally.right, 0);
      const lost = done.reduce((sum, tally) => sum + (tally.failed['TASK_WORKER_LOST'] ?? 0), 0);
      const { posted, finished, failed, retried, outstanding } = (await server.stats()).tasks;
      const figures = { posted, finished, failed, retried, outstanding, right, lost, killed: killer.done };
      if (process.env['SHOAL_TASKS'] !== undefined) console.log(JSON.stringify(figures));
      expect(right + lost).to.equal(tasks);
      expect(done.map(({ wrong, twice }) => [wrong, twice])).to.deep.equal([
        [0, 0],
        [0, 0],
      ]);
      for (const { failed: reasons } of done) expect(Object.keys(reasons)).to.have.length.at.most(1);
      expect([posted, finished, failed, outstanding]).to.deep.equal([tasks, right, lost, 0]);
      expect(killer.done).to.be.at.least(1);
    } finally {
      await server.stop();
    }
  }).timeout(limitMs);
});

/** Kills a task worker, now this one and now that, each as soon as the one before has been replaced. */
class Killer {
  done = 0;
  #over = 0;

  constructor(private readonly server: TestServer) {}

  async run(): Promise<void> {
    while (this.done < kills && this.#over < 2) {
      await this.server.advance(Math.random() * 50);
      await this.server.crashWorker(1 + Math.floor(Math.random() * taskWorkerNum));
      this.done++;
      await this.server.workersReady();
    }
  }

  /** One of the two orders is done. */
  ended(): void {
    this.#over++;
  }
}

async function run(server: TestServer, order: Order, killer: Killer): Promise<Tally> {
  const client = await server.connect();
  client.send(`${JSON.stringify(order)}\n`);
  const deadline = performance.now() + limitMs;
  while (client.received.length === 0 && performance.now() < deadline) await server.advance(20);
  killer.ended();
  return JSON.parse(await client.receiveLine()) as Tally;
}
