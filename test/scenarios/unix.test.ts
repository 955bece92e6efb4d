import { statSync } from 'node:fs';
import { expect } from 'chai';
import { simulate, type TestServer } from '@shoal/testing';
import { UnixApp } from '../fixtures/apps/unix.js';
import { ask, linesOf, logged } from './facts.js';
import { inSimulation, inWorlds, withProcesses } from './in-worlds.js';

const modes = {
  base: { mode: 'base', workerNum: 2 },
  single: { mode: 'base', workerNum: 1 },
} as const;

function pathOf(server: TestServer, name: string): string {
  return server.running.listeners.find((listener) => listener.name === name)!.address;
}

/** Several clients on both sockets, which leave in all ways. */
async function serve(server: TestServer): Promise<void> {
  for (const name of ['/run/local.sock', 'strict']) {
    const path = pathOf(server, name);
    const clients = [await server.connect({ listener: name }), await server.connect({ listener: name })];
    for (const client of clients) expect(await ask(client, 'hello')).to.equal(`hello ${path}`);
    await logged(
      server,
      `connected ${JSON.stringify({ listener: name, remoteAddress: '', remotePort: 0, localPort: 0 })}`,
    );
    const bulk = 'x'.repeat(300_000);
    expect(await ask(clients[0]!, bulk)).to.equal(`${bulk} ${path}`);
    clients[0]!.end();
    await clients[0]!.ended();
    clients[1]!.reset();
    await clients[1]!.closed();
  }
  await logged(server, 'closed client');
  expect(await ask(await server.connect({ listener: 'tcp' }), 'and')).to.equal('and 127.0.0.1');
  expect((await server.stats()).refused).to.deep.equal({});
}

describe('Listeners on unix sockets', () => {
  inWorlds('serve clients that have no address, beside others, on two reactors', UnixApp, serve, {
    seeds: 10,
  });
  withProcesses(
    'serve them in base mode, where workers get the sockets from their manager, and have the modes that were written',
    UnixApp,
    async (server) => {
      const modeOf = (name: string): number => statSync(pathOf(server, name)).mode & 0o777;
      expect(modeOf('/run/local.sock')).to.equal(0o660);
      expect(modeOf('strict')).to.equal(0o600);
      await serve(server);
    },
    { settings: modes.base },
  );
  for (const [name, settings] of Object.entries(modes))
    inSimulation(`serve them in ${name} mode as well`, UnixApp, serve, { settings, seeds: 5 });
  it('serve them where threads cannot share a port (simulated)', async () => {
    const server = await simulate(UnixApp, { reusePort: false });
    await serve(server);
    await server.stop();
  });

  inSimulation(
    'outlive their workers',
    UnixApp,
    async (server) => {
      const client = await server.connect({ listener: 'strict' });
      expect(await ask(client, 'one')).to.match(/^one/);
      await server.crashWorker(0);
      await server.crashWorker(1);
      expect(await ask(client, 'two')).to.match(/^two/);
      await server.workersReady();
    },
    { seeds: 5 },
  );

  inSimulation(
    'survive a reload in base mode',
    UnixApp,
    async (server) => {
      await server.reload();
      expect(await ask(await server.connect({ listener: 'strict' }), 'after')).to.match(/^after/);
    },
    { settings: modes.base, seeds: 3 },
  );

  for (const [name, settings] of Object.entries({ process: {}, ...modes })) {
    it(`take the place of a socket that a killed server has left, in ${name} mode (simulated)`, async () => {
      const server = await simulate(UnixApp, { settings });
      await server.restart('kill');
      expect(await ask(await server.connect({ listener: 'strict' }), 'again')).to.match(/^again/);
      await server.stop();
      expect(server.world.leftovers().pipes).to.deep.equal([]);
    });
  }

  inSimulation(
    'close who says nothing, as those of TCP do',
    UnixApp,
    async (server) => {
      const client = await server.connect({ listener: 'strict' });
      await client.closed();
      await logged(server, 'closed idle');
      expect(linesOf(server, 'closed idle')).to.have.length(1);
    },
    { settings: { maxIdleTime: '2s' }, seeds: 3 },
  );
});
