import { delimiter, lengthPrefix, tcp } from '@shoal/core';
import type { TestClient, TestServer } from '@shoal/testing';
import { expect } from 'chai';
import { LimitsApp } from '../fixtures/apps/limits.js';
import { tlsFile } from '../fixtures/tls/files.js';
import { ask, eventually } from './facts.js';
import { inSimulation, inWorlds, withProcesses } from './in-worlds.js';

const LIMIT_MS = 400;
const LONGEST = 64;
/** ms between two bytes of somebody who sends as little as he can. */
const GAP_MS = 20;

const eof = delimiter('\r\n', { strip: true });
const local = { host: '127.0.0.1', port: 0, partialPacketTimeout: LIMIT_MS, packageMaxLength: LONGEST };
const tls = { cert: tlsFile('localhost.crt'), key: tlsFile('localhost.key'), handshakeTimeout: LIMIT_MS };
const proxyProtocol = { trusted: ['127.0.0.1'], timeout: LIMIT_MS };
const listeners = [
  tcp({ ...local, name: 'eof', framing: eof }),
  tcp({ ...local, name: 'length', framing: lengthPrefix({ type: 'uint16be', strip: true }) }),
  tcp({ ...local, name: 'secured', framing: eof, tls }),
  tcp({ ...local, name: 'proxied', framing: eof, proxyProtocol }),
];
const settings = { listeners, maxConnection: 100 };
const single = { ...settings, mode: 'base', workerNum: 1 } as const;

/** Sends one byte after the other, until the server has had enough of it or all are sent. */
async function trickle(server: TestServer, client: TestClient, bytes: Buffer, gap = GAP_MS): Promise<void> {
  for (const byte of bytes) {
    if (client.state !== 'open') return;
    client.send(Buffer.of(byte));
    await server.advance(gap);
  }
}

async function refused(server: TestServer, counts: Record<string, number>): Promise<void> {
  await eventually(server, JSON.stringify(counts), async () => {
    const stats = await server.stats();
    return JSON.stringify(stats.refused) === JSON.stringify(counts) && stats.connections === 1;
  });
}

/** Reset, or ended where there is TLS. */
async function gone(client: TestClient): Promise<void> {
  await client.ended();
  client.end();
  await client.closed();
}

/** Its first two bytes say how many follow. */
function announced(bytes: number): Buffer {
  const packet = Buffer.alloc(2 + bytes, 'x');
  packet.writeUInt16BE(bytes);
  return packet;
}

describe('A client that sends a byte now and then', () => {
  const neverWhole = async (server: TestServer): Promise<void> => {
    const other = await server.connect({ listener: 'eof' });
    const slow = {
      eof: Buffer.alloc(60, 'x'),
      // The same, as close to its end as it can be.
      'eof ': Buffer.concat([Buffer.alloc(18, 'x'), Buffer.from('\r\r\r\r\r\r\r\r\r\r')]),
      length: announced(60),
      'length ': Buffer.of(0),
      secured: Buffer.alloc(60, 'x'),
      proxied: Buffer.alloc(60, 'x'),
    };
    const clients = await Promise.all(
      Object.keys(slow).map(async (name) =>
        server.connect({
          listener: name.trim(),
          ...(name === 'secured' && { tls: {} }),
          ...(name === 'proxied' && { proxy: { from: '203.0.113.7' } }),
        }),
      ),
    );
    const all = Promise.all(
      Object.values(slow).map(async (bytes, index) => trickle(server, clients[index]!, bytes)),
    );
    for (let line = 0; line < 5; line++) {
      other.send(`line ${line}\r\n`);
      expect(await other.receiveLine()).to.equal(`line ${line}`);
    }
    await all;
    for (const client of clients) await gone(client);
    await refused(server, { PARTIAL_PACKET_TIMEOUT: clients.length });
  };
  inWorlds('and never a whole packet is closed, whatever the framing and under TLS', LimitsApp, neverWhole, {
    settings,
    seeds: 5,
  });
  inSimulation('is closed in base mode as well', LimitsApp, neverWhole, { settings: single, seeds: 3 });

  inWorlds(
    'and never a whole header of the PROXY protocol is turned away, in either version',
    LimitsApp,
    async (server) => {
      const other = await server.connect({ listener: 'eof' });
      const headers = [
        Buffer.from('PROXY TCP4 192.168.100.100 192.168.100.101 50000 443\r\n'),
        Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a21110040', 'hex'), Buffer.alloc(64)]),
      ];
      const clients = await Promise.all(headers.map(async () => server.connect({ listener: 'proxied' })));
      await Promise.all(headers.map(async (header, index) => trickle(server, clients[index]!, header)));
      for (const client of clients) await gone(client);
      await refused(server, { PROXY_HEADER_TIMEOUT: 2 });
      expect(await askWithEof(other, 'still here')).to.equal('still here');
    },
    { settings, seeds: 5 },
  );

  withProcesses(
    'and never a whole hello of TLS is turned away',
    LimitsApp,
    async (server) => {
      const other = await server.connect({ listener: 'secured', tls: {} });
      const client = await server.connect({ listener: 'secured' });
      const hello = Buffer.concat([Buffer.from('1603010200010001fc0303', 'hex'), Buffer.alloc(60)]);
      await trickle(server, client, hello);
      await gone(client);
      await refused(server, { TLS_HANDSHAKE_TIMEOUT: 1 });
      expect(await askWithEof(other, 'still here')).to.equal('still here');
    },
    { settings },
  );

  inSimulation(
    'is served when its packet is whole in time, and closed when it is not',
    LimitsApp,
    async (server) => {
      const keeper = await server.connect({ listener: 'eof' });
      for (const [listener, packet, answer] of [
        ['eof', Buffer.from('abcdefgh\r\n'), 'abcdefgh'],
        ['length', Buffer.concat([Buffer.of(0, 8), Buffer.from('abcdefgh')]), 'abcdefgh'],
      ] as const) {
        const punctual = await server.connect({ listener });
        // The first byte begins the time: nine gaps until the last.
        for (let times = 0; times < 3; times++) {
          await trickle(server, punctual, packet, 40);
          expect(await punctual.receiveLine()).to.equal(answer);
        }
        punctual.end();
        const late = await server.connect({ listener });
        // At most a quarter later.
        await trickle(server, late, packet, (LIMIT_MS * 1.25) / 9 + 2);
        await late.closed();
        expect(late.received.toString()).to.equal('');
      }
      await refused(server, { PARTIAL_PACKET_TIMEOUT: 2 });
      expect(await askWithEof(keeper, 'still here')).to.equal('still here');
    },
    { settings, seeds: 5 },
  );

  inSimulation(
    'may send a packet of packageMaxLength, and not one byte more',
    LimitsApp,
    async (server) => {
      const keeper = await server.connect({ listener: 'eof' });
      for (const [listener, longest, longer] of [
        ['eof', `${'x'.repeat(LONGEST - 2)}\r\n`, `${'x'.repeat(LONGEST - 1)}\r\n`],
        ['length', announced(LONGEST - 2), announced(LONGEST - 1)],
      ] as const) {
        const client = await server.connect({ listener });
        await trickle(server, client, Buffer.from(longest), 5);
        expect(await client.receiveLine()).to.equal('x'.repeat(LONGEST - 2));
        await trickle(server, client, Buffer.from(longer), 5);
        await gone(client);
      }
      await refused(server, { PACKET_TOO_LONG: 2 });
      expect(await askWithEof(keeper, 'still here')).to.equal('still here');
    },
    { settings, seeds: 5 },
  );
});

async function askWithEof(client: TestClient, line: string): Promise<string> {
  return ask(client, `${line}\r`);
}
