import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import { listeners, SecuredApp } from '../fixtures/apps/secured.js';
import { ask, eventually, linesOf } from './facts.js';
import { inSimulation, inWorlds } from './in-worlds.js';

const few = { seeds: 5 };

interface Self {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
  readonly tls?: Readonly<Record<string, unknown>>;
}

async function whoAmI(client: TestClient): Promise<Self> {
  return JSON.parse(await ask(client, 'who')) as Self;
}

async function refused(server: TestServer, counts: Record<string, number>): Promise<void> {
  await eventually(server, JSON.stringify(counts), async () => {
    const stats = await server.stats();
    return JSON.stringify(stats.refused) === JSON.stringify(counts);
  });
}

describe('A listener behind load balancers', () => {
  inWorlds(
    'tells handlers where the client is, in both versions, in the clear and under TLS',
    SecuredApp,
    async (server) => {
      for (const listener of ['proxied', 'both'])
        for (const version of [1, 2] as const)
          for (const from of ['203.0.113.7', '2001:db8::7']) {
            const tls = listener === 'both' ? { tls: { servername: 'localhost' } } : {};
            const client = await server.connect({ listener, proxy: { from, port: 4711, version }, ...tls });
            const { remoteAddress, remotePort, tls: agreed } = await whoAmI(client);
            expect({ remoteAddress, remotePort }).to.deep.equal({ remoteAddress: from, remotePort: 4711 });
            expect(agreed !== undefined).to.equal(listener === 'both');
          }
      expect((await server.stats()).refused).to.deep.equal({});
    },
    few,
  );

  inSimulation(
    'loses no byte that comes with the header, and takes one for nobody as that of the load balancer',
    SecuredApp,
    async (server) => {
      const client = await server.connect({ listener: 'proxied' });
      client.send('PROXY UNKNOWN\r\nwho\none\ntw');
      client.send('o\n');
      client.end();
      const { remoteAddress } = JSON.parse(await client.receiveLine()) as Self;
      expect(remoteAddress).to.equal('127.0.0.1');
      expect(await client.receiveLine()).to.equal('echo one');
      expect(await client.receiveLine()).to.equal('echo two');
      await client.ended();
    },
    few,
  );

  inSimulation(
    'turns away those who send no header, and those who may not',
    SecuredApp,
    async (server) => {
      const healthy = await server.connect({ listener: 'proxied', proxy: { from: '203.0.113.7' } });
      const rude = await server.connect({ listener: 'proxied' });
      rude.send('hello\n');
      await rude.closed();
      const hasty = await server.connect({ listener: 'both' });
      hasty.send('PROXY TCP4 1.2.');
      hasty.end();
      await hasty.closed();
      const strange = await server.connect({ listener: 'distrusting' });
      await strange.closed();
      await refused(server, { PROXY_HEADER_INVALID: 2, PROXY_SOURCE_UNTRUSTED: 1 });
      await eventually(
        server,
        'lines',
        () => linesOf(server, /127.0.0.1 is none of proxyProtocol.trusted/).length > 0,
      );
      expect(linesOf(server, /no header of the PROXY protocol/)).to.have.length(1);
      expect(await ask(healthy, 'still here')).to.equal('echo still here');
      expect((await server.stats()).acceptedConnections).to.equal(1);
    },
    few,
  );

  inSimulation(
    'trusts ranges, and nobody beside them',
    SecuredApp,
    async (server) => {
      const proxy = { from: '203.0.113.7' };
      for (const from of ['10.1.0.0', '10.1.255.255', '127.0.0.1']) {
        const client = await server.connect({ listener: 'proxied', from, proxy });
        expect((await whoAmI(client)).remoteAddress, from).to.equal('203.0.113.7');
      }
      for (const from of ['10.0.255.255', '10.2.0.0', '127.0.0.2']) {
        const client = await server.connect({ listener: 'proxied', from });
        await client.closed();
      }
      await refused(server, { PROXY_SOURCE_UNTRUSTED: 3 });
    },
    few,
  );

  inSimulation(
    'waits exactly its timeout for a header',
    SecuredApp,
    async (server) => {
      const slow = await server.connect({ listener: 'proxied', link: { latency: 1 } });
      slow.send('PROXY TCP4 ');
      await server.advance(298);
      expect(slow.state).to.equal('open');
      await server.advance(4);
      await slow.closed();
      await refused(server, { PROXY_HEADER_TIMEOUT: 1 });
    },
    few,
  );

  inSimulation(
    'ends a handshake that is under way when the server stops',
    SecuredApp,
    async (server) => {
      const silent = await server.connect({ listener: 'both', proxy: { from: '203.0.113.7' } });
      await server.advance(10);
      await server.stop();
      expect(silent.state).to.equal('closed');
    },
    few,
  );

  inSimulation('limits connections by the address of the client, and not by that of the load balancer', SecuredApp, async (server) => {
    const connect = (from: string) => server.connect({ proxy: { from } });
    expect(await ask(await connect('203.0.113.7'), 'one')).to.equal('echo one');
    await (await connect('203.0.113.7')).closed();
    expect(await ask(await connect('203.0.113.8'), 'two')).to.equal('echo two');
    await refused(server, { ADDRESS_LIMIT: 1 });
  }, { settings: { listeners: [listeners.proxied], maxConnectionPerAddress: 1 }, ...few }); // prettier-ignore
});
