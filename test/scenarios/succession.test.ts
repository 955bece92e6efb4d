import { expect } from 'chai';
import type { ReloadProgress, ReloadReport } from '@shoal/core/internal/pipe/questions';
import type { SimulatedServer } from '@shoal/testing';
import { BuildThatThrowsAtStart, FirstBuild, SecondBuild, SlowBuild } from '../fixtures/apps/builds.js';
import { ask, eventually, linesOf } from './facts.js';
import { inSimulation } from './in-worlds.js';

/** What comes to its place from two sides at once, dies while it waits for it, or never gets there. */
describe('A worker that is to take a place', () => {
  inSimulation(
    'is the only one of its id, when a reload fills the place before the next try of a worker that could not boot',
    FirstBuild,
    async (server) => {
      await server.deploy(BuildThatThrowsAtStart);
      await server.crashWorker(1);
      await eventually(server, 'a long wait', () => linesOf(server, /it is tried again in/).length > 0);
      await server.deploy(SecondBuild);
      expect((await server.reload()).outcome).to.equal('done');
      await server.advance(10_000);
      const { processes } = await server.status();
      const ids = processes.map(({ workerId }) => workerId).filter((workerId) => workerId >= 0);
      expect(ids).to.have.members([0, 1, 2]);
    },
    { settings: { maxBootFailures: 3 } },
  );

  inSimulation(
    'and dies while it waits for its turn is told as the failure of the reload',
    SlowBuild,
    async (server) => {
      const client = await server.connect();
      client.send('3000 long\n');
      await eventually(server, 'the handler', () =>
        server.connections.some(({ running }) => running.length > 0),
      );
      const canaries = new Map<number, number>();
      const reload = reloading(server, ({ step, workerId, pid }) => {
        if (step === 'canary') canaries.set(workerId, pid);
        // The canary of the event workers has its place, and the one before it has a handler to finish.
        if (step === 'serving' && workerId === 0) server.world.kill(canaries.get(1)!);
      });
      const report = await outcomeOf(server, reload);
      expect(report).to.deep.include({ outcome: 'halted', replaced: [0] });
      expect(report.failure).to.deep.include({ workerId: 1 });
    },
  );

  for (const [when, bakeTime, outcome] of [
    ['within bakeTime', 5_000, 'rolledBack'],
    ['just before it gets its place', 100, 'halted'],
  ] as const) {
    inSimulation(
      `and is blocked ${when} is killed, and the reload ends`,
      FirstBuild,
      async (server) => {
        const client = await server.connect();
        const reload = reloading(server, ({ step, workerId, pid }) => {
          if (step === 'baking' && workerId === 0) server.world.hang(pid, Infinity);
        });
        const report = await outcomeOf(server, reload);
        expect(report.outcome).to.equal(outcome);
        expect(report.failure!.reason).to.match(/event loop was blocked/);
        expect(await ask(client, 'a')).to.match(/^first \d a$/);
        await server.workersReady();
      },
      { settings: { bakeTime, workerTimeout: 2_000 } },
    );
  }
});

function reloading(
  server: SimulatedServer,
  onProgress: (progress: ReloadProgress) => void,
): Promise<ReloadReport> {
  return server.running.reload({ onProgress });
}

/** Lets time pass until the reload has ended. */
async function outcomeOf(server: SimulatedServer, reload: Promise<ReloadReport>): Promise<ReloadReport> {
  let report: ReloadReport | undefined;
  void reload.then((ended) => (report = ended));
  await server.until(
    () => report !== undefined,
    () => 'the end of the reload',
  );
  return report!;
}
