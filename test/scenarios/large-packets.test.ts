import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import { LargeApp } from '../fixtures/apps/large.js';
import { ask, eventually } from './facts.js';
import { inSimulation, inWorlds, withProcesses } from './in-worlds.js';
import { residentBytes } from './resident.js';

const MiB = 1024 * 1024;

describe('A packet of 64 MiB', () => {
  inWorlds(
    'comes back whole while small ones of another connection pass, and leaves no memory behind',
    LargeApp,
    async (server) => {
      const [large, small] = [
        await server.connect({ listener: 'large' }),
        await server.connect({ listener: 'small' }),
      ];
      const memory = memoryOf(server);
      const packet = packetOf(64 * MiB);
      const answers = await mirror(server, large, small, packet);
      expect(answers).to.be.above(0);
      if (memory === undefined) return;
      const before = memory();
      await mirror(server, large, small, packet);
      expect(memory() - before).to.be.below(2 * 64 * MiB);
    },
    { seeds: 1, timeout: 60_000 },
  );

  inSimulation(
    'is no more of a burden in base mode, tried with 16 MiB',
    LargeApp,
    async (server) => {
      const [large, small] = [
        await server.connect({ listener: 'large' }),
        await server.connect({ listener: 'small' }),
      ];
      await mirror(server, large, small, packetOf(16 * MiB));
    },
    { settings: { mode: 'base' }, seeds: 1, timeout: 60_000 },
  );

  const overTls = async (server: TestServer): Promise<void> => {
    const [large, small] = [
      await server.connect({ listener: 'large over TLS', tls: {} }),
      await server.connect({ listener: 'small over TLS', tls: {} }),
    ];
    expect(await mirror(server, large, small, packetOf(64 * MiB))).to.be.above(0);
    // Neither has harmed the other.
    expect(await ask(small, 'still here')).to.equal('still here');
    await mirror(server, large, small, packetOf(5));
  };
  withProcesses('comes back over TLS, and small ones pass', LargeApp, overTls);
  withProcesses('comes back over TLS in base mode, and small ones pass', LargeApp, overTls, {
    settings: { mode: 'base' },
  });
  withProcesses(
    'comes back in base mode, and small ones pass',
    LargeApp,
    async (server) => {
      const [large, small] = [
        await server.connect({ listener: 'large' }),
        await server.connect({ listener: 'small' }),
      ];
      expect(await mirror(server, large, small, packetOf(64 * MiB))).to.be.above(0);
    },
    { settings: { mode: 'base' } },
  );

  inSimulation(
    'closes its connection when it is one byte longer, before it is there',
    LargeApp,
    async (server) => {
      const large = await server.connect({ listener: 'large' });
      large.send(packetOf(64 * MiB + 1).subarray(0, 100));
      await large.ended();
      expect((await server.stats()).refused).to.deep.equal({ PACKET_TOO_LONG: 1 });
    },
    { seeds: 1 },
  );
});

/** Its first four bytes say how many follow. */
function packetOf(bytes: number): Buffer {
  const packet = Buffer.alloc(bytes, 'large ');
  packet.writeUInt32BE(bytes - 4);
  return packet;
}

/** Sends it and waits for it, and says how many small lines were answered meanwhile. */
async function mirror(
  server: TestServer,
  large: TestClient,
  small: TestClient,
  packet: Buffer,
): Promise<number> {
  const from = large.received.length;
  large.send(packet);
  let answers = 0;
  const isBack = (): boolean => large.received.length === from + packet.length;
  while (!isBack() && answers < 20) {
    expect(await ask(small, `line ${answers}`)).to.equal(`line ${answers}`);
    if (!isBack()) answers++;
  }
  await eventually(server, 'the packet', isBack);
  expect(large.received.subarray(from).equals(packet)).to.equal(true);
  return answers;
}

/** Bytes that the processes of the server have, where they are real. */
function memoryOf(server: TestServer): (() => number) | undefined {
  if ('world' in server) return undefined;
  const processes = [server.running.masterPid, ...server.running.workers.map(({ pid }) => pid)];
  return () => processes.reduce((sum, pid) => sum + residentBytes(pid), 0);
}
