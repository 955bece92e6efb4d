import { expect } from 'chai';
import { BlocksApp } from '../fixtures/apps/blocks.js';
import { linesOf, logged } from '../scenarios/facts.js';
import { inSimulation } from '../scenarios/in-worlds.js';

const modes = {
  process: {},
  base: { mode: 'base' },
  single: { mode: 'base', workerNum: 1, taskWorkerNum: 0 },
} as const;

describe('A shutdown', () => {
  inSimulation(
    'that the manager has asked for is not hurried by the signal that reaches the master next',
    BlocksApp,
    async (server) => {
      const { managerPid, masterPid } = server.running;
      const client = await server.connect();
      client.send('hold\n');
      await logged(server, 'holding');
      server.world.signal(managerPid, 'SIGTERM');
      await logged(server, 'stopping');
      server.world.signal(masterPid, 'SIGTERM');
      expect(await server.exited()).to.deep.equal({ exitCode: 0 });
      expect(linesOf(server, /a second signal came/)).to.have.length(0);
      expect(linesOf(server, 'the last hook')).to.have.length(1);
    },
    { settings: { maxWaitTime: 1_000 } },
  );

  for (const [name, settings] of Object.entries(modes)) {
    inSimulation(
      `takes maxWaitTime once, not for each of its steps, when a handler never settles (${name} mode)`,
      BlocksApp,
      async (server) => {
        const client = await server.connect();
        client.send('hold\n');
        await logged(server, 'holding');
        const { world } = server;
        const begun = world.time;
        await server.stop();
        expect(world.time - begun).to.be.within(3_000, 3_200);
        expect(linesOf(server, 'Blocks.line had not settled when its process had to leave')).to.have.length(
          1,
        );
        expect(linesOf(server, 'the last hook')).to.have.length(1);
      },
      { settings: { ...settings, maxWaitTime: 3_000 } },
    );
  }
});
