import { expect } from 'chai';
import { simulate } from '@shoal/testing';
import { SyncEchoApp } from '../fixtures/apps/echo.js';
import { linesOf, logged } from './facts.js';
import { inSimulationFirst, inWorlds } from './in-worlds.js';

describe('The number of workers', () => {
  inWorlds(
    'is told with its reason when it is auto',
    SyncEchoApp,
    async (server) => {
      const { message } = await logged(server, /^workerNum auto is /);
      const [, number, affinity] = /^workerNum auto is (\d+): affinity allows (\d+) CPUs?, /.exec(message)!;
      expect(Number(number)).to.be.within(1, Number(affinity));
      expect(server.running.workers.filter(({ role }) => role === 'worker')).to.have.length(Number(number));
    },
    { settings: { workerNum: 'auto', taskWorkerNum: 0 }, seeds: 1 },
  );

  inSimulationFirst('is not explained when it was written', SyncEchoApp, async (server) => {
    await logged(server, / serves: /);
    expect(linesOf(server, /workerNum auto/)).to.deep.equal([]);
  });

  it('is what the settings from outside of the program say', async () => {
    const outsideSettings = { workerNum: 3 };
    const server = await simulate(SyncEchoApp, {
      outsideSettings,
      settings: { workerNum: 1, taskWorkerNum: 0 },
    });
    expect(server.running.workers).to.have.length(3);
    expect(linesOf(server, /need a restart/)).to.deep.equal([]);
    await server.stop();
  });

  for (const cpus of [1, 3]) {
    it(`is ${cpus} on a machine with ${cpus}`, async () => {
      const server = await simulate(SyncEchoApp, { cpus, settings: { workerNum: 'auto' } });
      expect(
        linesOf(server, new RegExp(`^workerNum auto is ${cpus}: affinity allows ${cpus} CPU`)),
      ).to.have.length(1);
      await server.stop();
    });
  }
});
