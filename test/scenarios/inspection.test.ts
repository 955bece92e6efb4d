import { expect } from 'chai';
import type { TestServer } from '@shoal/testing';
import { AsyncEchoApp, StoryApp } from '../fixtures/apps/echo.js';
import { GateApp } from '../fixtures/apps/gate.js';
import { eventually } from './facts.js';
import { inSimulationFirst, inWorlds } from './in-worlds.js';

/** These kinds of events, in order; one that repeats itself, because bytes came in pieces, counts once. */
function kindsOf(server: TestServer, ...wanted: string[]): string[] {
  const kinds = server.trace.map(({ kind }) => kind).filter((kind) => wanted.includes(kind));
  return kinds.filter((kind, index) => kind !== kinds[index - 1]);
}

describe('What a test sees of a server', () => {
  inSimulationFirst('is each connection, with its worker, until it is over', AsyncEchoApp, async (server) => {
    const clients = [await server.connect(), await server.connect()];
    await eventually(server, 'two connections', () => server.connections.length === 2);
    await server.settle();
    expect(
      server.connections.map(({ state, listener, outstanding }) => [listener, state, outstanding]),
    ).to.deep.equal([
      ['lines', 'open', 0],
      ['lines', 'open', 0],
    ]);
    expect(new Set(server.connections.map(({ workerId }) => workerId))).to.deep.equal(new Set([0, 1]));
    clients[0]!.end();
    await clients[0]!.closed();
    await eventually(server, 'one connection', () => server.connections.length === 1);
  });

  inWorlds('is each packet that is not settled, and the handler that runs', GateApp, async (server) => {
    const client = await server.connect({ listener: 'lines' });
    client.send('one\ntwo\n');
    expect(await client.receiveLine()).to.equal('begin one');
    await eventually(server, 'two packets', () => server.outstanding.length === 2);
    expect(
      server.outstanding.map(({ packet, bytes, workerId, attempt }) => [packet, bytes, workerId, attempt]),
    ).to.deep.equal([
      [1, 3, 0, 1],
      [2, 3, 0, 1],
    ]);
    await eventually(server, 'the handler', () => server.connections[0]!.running.length > 0);
    expect(server.connections[0]!.running).to.deep.equal(['Gate.pass']);
    const control = await server.connect({ listener: 'control' });
    control.send('all\n');
    await client.receive(/end two\n/);
    await server.settle();
    expect(client.received.toString()).to.equal('begin one\nend one\nbegin two\nend two\n');
    expect(server.outstanding).to.deep.equal([]);
    expect(server.connections[0]!.running).to.deep.equal([]);
  });

  inWorlds('is each timer that will run, by process', AsyncEchoApp, async (server) => {
    const client = await server.connect();
    client.send('a line\n');
    await eventually(server, 'a timer', () => server.timers.length === 1);
    expect(server.timers[0]).to.include({ handler: 'server.after', delay: 20, repeats: false });
    expect(server.timers[0]!.process).to.match(/^worker [01]$/);
    await client.receiveLine();
    await eventually(server, 'no timer', () => server.timers.length === 0);
  });

  inSimulationFirst('is the life of a packet, in order', StoryApp, async (server) => {
    const client = await server.connect();
    await client.receiveLine();
    client.send('one\n');
    await client.receiveLine();
    await server.settle();
    // Without what the client sees: on real processes that has another clock.
    const life = ['packet', 'sent', 'output'];
    expect(kindsOf(server, ...life)).to.deep.equal(['sent', 'output', ...life]);
    const started = server.trace.find((event) => event.kind === 'started' && event.event === 'receive');
    expect(started).to.include({ handler: 'Storyteller.line', data: 'one\n' });
    expect(started!.process).to.match(/^worker [01]$/);
    expect(server.trace.find(({ kind }) => kind === 'accepted')!.process).to.equal('reactor 0');
  });

  inSimulationFirst('is settled once the replacement has answered', AsyncEchoApp, async (server) => {
    const client = await server.connect();
    client.send('a\nb\nc\n');
    await eventually(server, 'packets', () => server.outstanding.length === 3);
    await server.crashWorker(server.outstanding[0]!.workerId!);
    await server.settle();
    expect(client.received.toString()).to.equal('a\nb\nc\n');
    expect(server.trace.filter(({ kind }) => kind === 'returned').length).to.be.at.least(1);
  });
});
