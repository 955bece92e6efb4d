import { expect } from 'chai';
import { simulate } from '@shoal/testing';
import { SyncEchoApp } from '../fixtures/apps/echo.js';
import { ask } from './facts.js';

const modes = {
  process: { reactorNum: 2 },
  base: { mode: 'base' },
  single: { mode: 'base', workerNum: 1, taskWorkerNum: 0 },
} as const;

describe('A server that a supervisor starts, simulated', () => {
  for (const [name, settings] of Object.entries(modes)) {
    it(`serves on the socket that came with the start, and says how it is (${name} mode)`, async () => {
      const server = await simulate(SyncEchoApp, { settings, passedSockets: [{ name: 'lines', port: 700 }] });
      expect(server.running.listeners.map(({ port }) => port)).to.deep.equal([700]);
      expect(await ask(await server.connect(), 'hello')).to.equal('hello');
      const { world } = server;
      await server.stop();
      expect(world.notifications.map(({ state, status }) => [state, status])).to.deep.equal([
        ['ready', 'serves on 127.0.0.1:700'],
        ['stopping', 'drains and stops'],
      ]);
    });
  }

  it('does not start with sockets that do not fit', async () => {
    let code: unknown;
    try {
      await simulate(SyncEchoApp, {
        passedSockets: [
          { name: 'lines', port: 700 },
          { name: 'other', port: 701 },
        ],
      });
    } catch (error) {
      ({ code } = error as { code?: unknown });
    }
    expect(code).to.equal('CONFIG_ACTIVATION');
  });
});
