import { expect } from 'chai';
import { simulate } from '@shoal/testing';
import { FirstBuild } from '../fixtures/apps/builds.js';
import { NeverStarts } from '../fixtures/apps/stubborn.js';
import { ask, eventually, linesOf } from './facts.js';
import { inSimulation, withProcesses } from './in-worlds.js';

const settings = { workerTimeout: 2_000 };
const blocked =
  /^the manager, pid \d+, is killed: its event loop was blocked for \d+ ms, workerTimeout is 2000 ms$/;

describe('A manager that is blocked', () => {
  inSimulation(
    'is replaced after workerTimeout: connections stay, and a reload that it ran ends',
    FirstBuild,
    async (server) => {
      const client = await server.connect();
      const { managerPid } = server.running;
      let refused: unknown;
      server.running.reload().catch((error: unknown) => (refused = error));
      server.world.hang(managerPid, Infinity);
      await eventually(server, 'another manager', () => linesOf(server, blocked).length === 1);
      await server.workersReady();
      expect(server.running.managerPid).not.to.equal(managerPid);
      expect(refused).to.include({ code: 'ASK_LOST' });
      expect(await ask(client, 'a')).to.match(/^first \d a$/);
      expect((await server.reload()).outcome).to.equal('done');
    },
    { settings },
  );

  inSimulation(
    'for less than that lives on',
    FirstBuild,
    async (server) => {
      const { managerPid } = server.running;
      server.world.hang(managerPid, 1_400);
      await server.advance(5_000);
      expect(server.running.managerPid).to.equal(managerPid);
    },
    { settings },
  );

  withProcesses(
    'is replaced, though the system has stopped it',
    FirstBuild,
    async (server) => {
      const client = await server.connect();
      const { managerPid } = server.running;
      process.kill(managerPid, 'SIGSTOP');
      await eventually(server, 'another manager', () => linesOf(server, blocked).length === 1);
      await server.workersReady();
      await eventually(server, 'its pid', async () => (await server.status()).managerPid !== managerPid);
      expect(await ask(client, 'a')).to.match(/^first \d a$/);
    },
    { settings },
  );
});

describe('A manager whose start hook never settles', () => {
  it('ends the start, by name (simulated)', async () => {
    const failure = await simulate(NeverStarts).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    expect(failure?.message).to.match(
      /the manager could not boot: it had not begun to start workers within bootTimeout, 3000 ms/,
    );
  });
});
