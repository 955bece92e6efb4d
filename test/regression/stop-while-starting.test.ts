import { expect } from 'chai';
import { Server } from '@shoal/core';
import { startReactorThread } from '@shoal/core/internal/kernel/reactor-role';
import { readDefinition } from '@shoal/decorators';
import { World } from '@shoal/testing';
import { StartingApp, LingeringApp } from '../fixtures/apps/starting.js';
import { inSimulation } from '../scenarios/in-worlds.js';

const modes = {
  process: {},
  base: { mode: 'base' },
  single: { mode: 'base', workerNum: 1, taskWorkerNum: 0 },
} as const;

describe('A stop signal', () => {
  for (const [name, settings] of Object.entries(modes)) {
    it(`at any moment of the start leaves with 0, nothing behind, and no half-run hooks (${name} mode)`, async () => {
      for (let moment = 0; moment <= 1_500; moment += 75) await stopAt(moment, settings);
    });
  }

  inSimulation(
    'to a worker whose stop hook never settles costs its clients maxWaitTime at most',
    LingeringApp,
    async (server) => {
      const client = await server.connect();
      const { pid } = server.running.workers[0]!;
      server.world.signal(pid, 'SIGTERM');
      await server.advance(100);
      client.send('after\n');
      expect((await client.receive()).toString()).to.equal('after\n');
      expect(server.running.workers[0]!.pid).not.to.equal(pid);
    },
    { seeds: 3 },
  );
});

async function stopAt(moment: number, settings: object): Promise<void> {
  const world = new World({ seed: moment + 1 });
  try {
    const master = world.start(
      (platform) => new Server(readDefinition(StartingApp, settings), platform).start(),
      startReactorThread,
    );
    await world.advance(moment);
    world.signal(master, 'SIGTERM');
    await world.until(
      () => world.exits.has(master),
      () => `the master to leave, stopped at ${moment} ms`,
    );
    await world.advance(100);
    const said = (text: string): number => world.logs.filter(({ message }) => message === text).length;
    // Before it listens to signals, the default action ends a process.
    const { code, signal } = world.exits.get(master)!;
    if (moment > 0) expect(signal, `stopped at ${moment} ms`).to.equal(null);
    if (signal === null) expect(code, `exit code, stopped at ${moment} ms`).to.equal(0);
    expect(said('worker stopped'), `stopped at ${moment} ms`).to.be.at.most(said('worker started'));
    const { processes, directories, ports } = world.leftovers();
    expect({ processes, ports }, `stopped at ${moment} ms`).to.deep.equal({ processes: [], ports: [] });
    if (signal === null) expect(directories, `stopped at ${moment} ms`).to.deep.equal([]);
  } finally {
    world.end();
  }
}
