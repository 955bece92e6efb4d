import { expect } from 'chai';
import { ClerkApp } from '../fixtures/apps/clerks.js';
import { ask } from './facts.js';
import { inSimulation, inSimulationFirst } from './in-worlds.js';

describe('Dispatch by address', () => {
  inSimulationFirst(
    "by 'ipHash' gives all connections of a client one worker, in both reactors and after a reload",
    ClerkApp,
    async (server) => {
      const addresses = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5', '127.0.0.6'];
      const workers = new Map<string, string>();
      const visit = async (): Promise<void> => {
        for (const from of addresses) {
          const worker = await ask(await server.connect({ from }), 'x');
          expect(workers.get(from) ?? worker, from).to.equal(worker);
          workers.set(from, worker);
        }
      };
      await visit();
      await visit();
      expect(new Set(workers.values()).size).to.be.above(1);
      await server.reload();
      await visit();
    },
    { settings: { dispatchMode: 'ipHash', reactorNum: 2 } },
  );

  inSimulation(
    "by 'ipHash' spreads the clients of a network",
    ClerkApp,
    async (server) => {
      const counts = [0, 0, 0];
      for (let host = 1; host <= 60; host++) {
        const client = await server.connect({ from: `192.168.7.${host}` });
        counts[Number((await ask(client, 'x')).slice(2))]!++;
      }
      for (const count of counts) expect(count).to.be.within(10, 30);
    },
    { settings: { dispatchMode: 'ipHash' }, seeds: 1 },
  );
});
