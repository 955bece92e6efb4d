import { expect } from 'chai';
import { ClientConnection } from '@shoal/core/internal/reactor/client-connection';
import { simulate, type SimulatedServer } from '@shoal/testing';
import { SlowBuild } from '../fixtures/apps/builds.js';
import { eventually } from './facts.js';

const { takeBack } = ClientConnection.prototype;

describe('The ledger', () => {
  afterEach(() => (ClientConnection.prototype.takeBack = takeBack));

  it('balances when a worker is lost with three packets', async () => {
    const server = await lose();
    const { accepted, sum } = await ledgerOf(server);
    expect([accepted, sum]).to.deep.equal([3, 3]);
    await server.stop();
  });

  it('is out of balance by exactly the packet that a planted bug loses', async () => {
    ClientConnection.prototype.takeBack = function (deliveries, loss, started) {
      takeBack.call(this, deliveries.slice(0, -1), loss, started);
    };
    const server = await lose();
    const { accepted, sum } = await ledgerOf(server);
    expect([accepted, sum]).to.deep.equal([3, 2]);
    server.world.end();
  });
});

/** One packet runs and two wait when their worker is killed; what is left of them is handled by the next. */
async function lose(): Promise<SimulatedServer> {
  const server = await simulate(SlowBuild);
  const client = await server.connect();
  client.send('100 runs\n1 waits\n1 too\n');
  await eventually(server, 'the handler', () => server.connections.some(({ running }) => running.length > 0));
  await eventually(server, 'the packets', () => server.outstanding.length === 3);
  await server.crashWorker(0);
  await server.workersReady();
  await server.advance(1_000);
  return server;
}

async function ledgerOf(server: SimulatedServer): Promise<{ accepted: number; sum: number }> {
  const { accepted, handled, redeliveredAndHandled, refused, outstanding } = (await server.stats()).ledger;
  const refusals = Object.values(refused).reduce((total, count) => total + count, 0);
  return { accepted, sum: handled + redeliveredAndHandled + refusals + outstanding };
}
