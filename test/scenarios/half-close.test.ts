import { expect } from 'chai';
import type { TestServer } from '@shoal/testing';
import { AsyncEchoApp, StoryApp, SyncEchoApp } from '../fixtures/apps/echo.js';
import { eventually, linesOf } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

const LINES = Array.from({ length: 200 }, (_, line) => `line ${line}\n`).join('');
const FEW_LINES = LINES.split('\n').slice(0, 20).join('\n') + '\n';
const base = { mode: 'base', workerNum: 2, taskWorkerNum: 1 } as const;
const single = { mode: 'base', workerNum: 1, taskWorkerNum: 0 } as const;

describe('A client that ends its side at once', () => {
  inWorlds('gets every answer, then the end, from sync handlers', SyncEchoApp, async (server) => {
    await sendAndEnd(server, LINES);
  });

  inSimulation('gets every answer, then the end, from async handlers', AsyncEchoApp, async (server) => {
    await sendAndEnd(server, FEW_LINES);
  });

  for (const [name, settings] of Object.entries({ base, single })) {
    inSimulation(`gets every answer, then the end, in ${name} mode`, SyncEchoApp, async (server) => {
      await sendAndEnd(server, LINES);
    }, { settings }); // prettier-ignore
    inSimulation(`gets every async answer, then the end, in ${name} mode`, AsyncEchoApp, async (server) => {
      await sendAndEnd(server, FEW_LINES);
    }, { settings }); // prettier-ignore
  }

  inSimulationFirst(
    'gets every answer, then the end, although its worker is killed in between',
    AsyncEchoApp,
    async (server) => {
      const clients = await Promise.all(Array.from({ length: 4 }, async () => server.connect()));
      for (const client of clients) {
        client.send(FEW_LINES);
        client.end();
      }
      await clients[0]!.receive(/line 1\n/);
      for (const workerId of [0, 1]) await server.crashWorker(workerId);
      for (const client of clients) {
        await client.ended();
        expect(client.received.toString()).to.equal(FEW_LINES);
      }
      const { refused, redeliveredPackets } = await server.stats();
      expect(refused).to.deep.equal({});
      expect(redeliveredPackets).to.be.greaterThan(0);
    },
  );

  inSimulationFirst(
    'gets every answer, then the end, although it came before its worker was ready',
    SyncEchoApp,
    async (server) => {
      for (const workerId of [0, 1]) await server.crashWorker(workerId);
      const clients = await Promise.all(Array.from({ length: 4 }, async () => server.connect()));
      for (const client of clients) {
        client.send('one\ntwo\n');
        client.end();
      }
      const silent = await server.connect();
      silent.end();
      for (const client of clients) {
        await client.ended();
        expect(client.received.toString()).to.equal('one\ntwo\n');
      }
      await silent.ended();
    },
  );

  inSimulation('has its close told once, with the reason client', StoryApp, async (server) => {
    const client = await server.connect();
    client.send('one\ntwo\n');
    client.end();
    await client.ended();
    expect(client.received.toString()).to.equal('welcome\none attempt 1\ntwo attempt 1\n');
    await eventually(server, 'the close', () => linesOf(server, /^closed /).length > 0);
    await server.advance(100);
    expect(linesOf(server, /^closed /).map(({ message }) => message)).to.deep.equal(['closed client']);
    const { connections, outstandingPackets } = await server.stats();
    expect({ connections, outstandingPackets }).to.deep.equal({ connections: 0, outstandingPackets: 0 });
  });
});

/** Several clients send everything and FIN; each gets its echo, the end of the stream, and is closed. */
async function sendAndEnd(server: TestServer, lines: string): Promise<void> {
  const clients = await Promise.all(Array.from({ length: 5 }, async () => server.connect()));
  for (const client of clients) {
    client.send(lines);
    client.end();
  }
  for (const client of clients) {
    await client.ended();
    expect(client.received.toString()).to.equal(lines);
    await client.closed();
  }
  await eventually(server, 'no connection', async () => (await server.stats()).connections === 0);
  const { acceptedPackets, handledPackets, refused } = await server.stats();
  const total = 5 * (lines.split('\n').length - 1);
  expect({ acceptedPackets, handledPackets, refused }).to.deep.equal({
    acceptedPackets: total,
    handledPackets: total,
    refused: {},
  });
}
