import { expect } from 'chai';
import { simulate } from '@shoal/testing';
import { SyncEchoApp } from '../fixtures/apps/echo.js';
import { ask } from './facts.js';

describe('A server with a user, simulated', () => {
  for (const [name, settings] of Object.entries({
    process: {},
    base: { mode: 'base' },
    single: { mode: 'base', workerNum: 1, taskWorkerNum: 0 },
  } as const)) {
    it(`has no process of another user, replaced workers included (${name} mode)`, async () => {
      const server = await simulate(SyncEchoApp, { settings: { ...settings, user: 'chat' } });
      const { world } = server;
      const users = () => new Set(world.pids.map((pid) => world.userOf(pid)));
      expect(users()).to.deep.equal(new Set(['chat']));
      if (name !== 'single') {
        await server.crashWorker(0);
        await server.workersReady();
        expect(users()).to.deep.equal(new Set(['chat']));
      }
      expect(await ask(await server.connect(), 'hello')).to.equal('hello');
      await server.stop();
    });
  }

  it('stays root without one', async () => {
    const server = await simulate(SyncEchoApp);
    expect(new Set(server.world.pids.map((pid) => server.world.userOf(pid)))).to.deep.equal(
      new Set(['root']),
    );
    await server.stop();
  });
});
