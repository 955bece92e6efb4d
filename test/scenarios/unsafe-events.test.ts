import { expect } from 'chai';
import type { TestServer } from '@shoal/testing';
import { DoormanApp } from '../fixtures/apps/clerks.js';
import { eventually, linesLogged, linesOf } from './facts.js';
import { inSimulation, inSimulationFirst } from './in-worlds.js';

describe('Connect and close without order', () => {
  inSimulationFirst('come once each, to some worker', DoormanApp, async (server) => {
    const clients = await Promise.all(Array.from({ length: 6 }, async () => server.connect()));
    for (const client of clients) client.send('one\ntwo\n');
    for (const client of clients) expect(await sorted(client)).to.deep.equal(['hello', 'one', 'two']);
    for (const client of clients) client.end();
    const left = await linesLogged(server, /^left \d+ by client$/, 6);
    expect(new Set(left.map(({ message }) => message)).size).to.equal(6);
    const greeted = await linesLogged(server, /^greeted /, 6);
    expect(new Set(greeted.map(({ workerId }) => workerId)).size).to.equal(2);
    expect((await server.stats()).ledger.handled).to.equal(12);
  });

  inSimulation('come again when their worker is lost', DoormanApp, async (server) => {
    const client = await server.connect();
    await eventually(server, 'a worker to greet', () => runs(server, 'connect') !== undefined);
    await server.crashWorker(runs(server, 'connect')!);
    expect(await client.receiveLine()).to.equal('hello');
    await server.workersReady();
    client.send('one\n');
    expect(await client.receiveLine()).to.equal('one');
    client.end();
    await eventually(server, 'a worker to take leave', () => runs(server, 'close') !== undefined);
    await server.crashWorker(runs(server, 'close')!);
    await eventually(server, 'its end', () => linesOf(server, /^left \d+ by client$/).length === 1);
    await server.settle();
    expect(server.connections).to.have.length(0);
  });

  inSimulation(
    'come again to a worker that knows the connection from its packets',
    DoormanApp,
    async (server) => {
      const client = await server.connect();
      client.send('one\ntwo\nthree\n');
      await eventually(server, 'a worker to greet', () => runs(server, 'connect') !== undefined);
      await server.crashWorker(runs(server, 'connect')!);
      const lines = await sorted(client, 4);
      expect(lines).to.deep.equal(['hello', 'one', 'three', 'two']);
      client.end();
      await eventually(server, 'its end', () => linesOf(server, /^left \d+ by client$/).length === 1);
    },
  );

  inSimulation(
    'wait for a worker, and come in order to one that has just begun',
    DoormanApp,
    async (server) => {
      await Promise.all([server.crashWorker(0), server.crashWorker(1)]);
      const client = await server.connect();
      client.send('one\n');
      client.end();
      await client.ended();
      expect(client.received.toString().split('\n').sort()).to.deep.equal(['', 'hello', 'one']);
      await eventually(server, 'its end', () => linesOf(server, /^left \d+ by client$/).length === 1);
    },
  );
});

async function sorted(client: { receiveLine(): Promise<string> }, count = 3): Promise<string[]> {
  const lines: string[] = [];
  while (lines.length < count) lines.push(await client.receiveLine());
  return lines.sort();
}

/** The worker that runs a handler of that event. */
function runs(server: TestServer, event: string): number | undefined {
  const running = new Map<string, number>();
  for (const fact of server.trace) {
    if (fact.kind === 'started' && fact.event === event)
      running.set(`${fact.pid}`, Number(fact.process.split(' ')[1]));
    if (fact.kind === 'settled' && fact.event === event) running.delete(`${fact.pid}`);
  }
  return [...running.values()][0];
}
