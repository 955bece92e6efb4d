import { expect } from 'chai';
import { delimiter, tcp } from '@shoal/core';
import type { TestServer } from '@shoal/testing';
import { HangsApp, IdleApp, SickApp } from '../fixtures/apps/sick.js';
import { ask, errorOf, eventually, linesLogged, linesOf, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';

const TIMEOUT_MS = 500;
const framing = delimiter('\n', { strip: true });
const modes = { process: {}, base: { mode: 'base', workerNum: 2 }, single: { mode: 'base' } } as const;

describe('A handler that exceeds handlerTimeout', () => {
  for (const [mode, settings] of Object.entries(modes)) {
    (mode === 'process' ? inWorlds : inSimulationFirst)(
      `is named and counted, its packet is refused, and its connection is reset and told closed (${mode} mode)`,
      SickApp,
      async (server) => {
        const [client, other] = [await server.connect(), await server.connect()];
        client.send('hello\nlate\nnext\n');
        expect(await client.receiveLine()).to.equal('hello');
        expect(await ask(other, 'meanwhile')).to.equal('meanwhile');
        await client.closed();
        expect(client.received.toString()).to.equal('hello\n');
        await logged(server, 'closed: handlerTimeout, aborted: true');
        const line = await logged(server, 'Sick.line failed in receive');
        expect(errorOf(line).message).to.equal('Sick.line has not settled within handlerTimeout, 500 ms');
        await linesLogged(server, 'late send: false', 1);
        await eventually(server, 'the end', async () => {
          const { outstandingPackets, connections } = await server.stats();
          return outstandingPackets === 0 && connections === 1;
        });
        const { refused, failedHandlers, acceptedPackets, handledPackets, connections } =
          await server.stats();
        expect(refused).to.deep.equal({ HANDLER_TIMEOUT: 1, CLOSED: 1 });
        expect({ failedHandlers, acceptedPackets, handledPackets, connections }).to.deep.equal({
          failedHandlers: 1,
          acceptedPackets: 4,
          handledPackets: 2,
          connections: 1,
        });
        expect(await ask(other, 'as before')).to.equal('as before');
      },
      { settings: { ...settings, handlerTimeout: TIMEOUT_MS }, seeds: 5 },
    );
  }

  inSimulation(
    'is given up after the timeout and at most a quarter more, and one that settles in time is not',
    SickApp,
    async (server) => {
      const [client, other] = [await server.connect(), await server.connect()];
      other.send('slow 499\n');
      client.send('hang\n');
      await client.closed();
      const { begun, ended } = timesOf(server);
      expect(ended - begun).to.be.within(TIMEOUT_MS, TIMEOUT_MS * 1.25);
      expect(await other.receiveLine()).to.equal('slow 499');
    },
    { settings: { handlerTimeout: TIMEOUT_MS } },
  );

  inSimulationFirst(
    'in @OnConnect costs its connection likewise',
    SickApp,
    async (server) => {
      const client = await server.connect({ listener: 'doors' });
      client.send('never\n');
      await client.closed();
      await logged(server, 'closed: handlerTimeout, aborted: true');
      await logged(server, 'Sick.door failed in connect');
      await eventually(server, 'the refusal', async () => (await server.stats()).outstandingPackets === 0);
      expect((await server.stats()).refused).to.deep.equal({ CLOSED: 1 });
    },
    { settings: { handlerTimeout: TIMEOUT_MS }, seeds: 5 },
  );

  inSimulationFirst(
    'is that of its own listener',
    SickApp,
    async (server) => {
      const [client, door] = [await server.connect(), await server.connect({ listener: 'doors' })];
      client.send('wait\n');
      await logged(server, 'waiting');
      await door.closed();
      await server.advance(200);
      expect(client.state).to.equal('open');
      client.reset();
      await logged(server, 'aborted: CONNECTION_CLOSED, closed: true');
    },
    {
      settings: {
        listeners: [
          tcp({ name: 'lines', host: '127.0.0.1', port: 0, framing }),
          tcp({ name: 'doors', host: '127.0.0.1', port: 0, framing, handlerTimeout: 100 }),
        ],
      },
      seeds: 3,
    },
  );

  inSimulation(
    'settles in a dispatch mode without order too',
    HangsApp,
    async (server) => {
      const client = await server.connect();
      client.send('one\ntwo\nthree\n');
      await client.closed();
      await eventually(server, 'all three', async () => (await server.stats()).outstandingPackets === 0);
      const { HANDLER_TIMEOUT = 0, CLOSED = 0 } = (await server.stats()).refused;
      expect(HANDLER_TIMEOUT + CLOSED).to.equal(3);
      expect(HANDLER_TIMEOUT).to.be.within(1, 2);
    },
    { settings: { handlerTimeout: TIMEOUT_MS } },
  );
});

describe('connection.signal', () => {
  for (const [mode, settings] of Object.entries(modes)) {
    (mode === 'process' ? inWorlds : inSimulationFirst)(
      `aborts at once when the peer is gone, while a handler runs and packets wait (${mode} mode)`,
      SickApp,
      async (server) => {
        const client = await server.connect();
        client.send('wait\nwait\nfollow\n');
        await logged(server, 'waiting');
        client.reset();
        await logged(server, /^closed: (client|error), aborted: true$/);
        await linesLogged(server, 'aborted: CONNECTION_CLOSED, closed: true', 2);
        await eventually(server, 'all settled', async () => (await server.stats()).outstandingPackets === 0);
        const { handledPackets, failedHandlers } = await server.stats();
        expect({ handledPackets, failedHandlers }).to.deep.equal({ handledPackets: 3, failedHandlers: 0 });
      },
      { settings, seeds: 5 },
    );
  }

  inSimulationFirst(
    'does not abort when the client has only finished sending',
    SickApp,
    async (server) => {
      const client = await server.connect();
      client.send('wait\n');
      await logged(server, 'waiting');
      client.end();
      await server.advance(200);
      expect(linesOf(server, /^aborted/)).to.deep.equal([]);
      expect(await server.stats()).to.include({ connections: 1, handledPackets: 0 });
    },
    { settings: { maxWaitTime: 200 }, seeds: 5 },
  );

  inSimulationFirst(
    'aborts when the connection is closed here',
    SickApp,
    async (server) => {
      const client = await server.connect();
      client.send('close\n');
      await client.ended();
      await logged(server, 'aborted: CONNECTION_CLOSED, closed: true');
      client.end();
    },
    { seeds: 5 },
  );
});

describe('A handler that does not settle for 10 s', () => {
  inSimulation(
    'is named once, with the number of its connections',
    SickApp,
    async (server) => {
      const clients = [await server.connect(), await server.connect(), await server.connect()];
      for (const client of clients) client.send('hang\n');
      await server.advance(9_900);
      expect(linesOf(server, /has not settled for/)).to.deep.equal([]);
      await server.advance(3_000);
      const [line, ...more] = linesOf(server, /has not settled for/);
      expect(line?.message).to.equal('Sick.line has not settled for 10 s, on 3 connections');
      await server.advance(60_000);
      expect(more).to.deep.equal([]);
      for (const client of clients) client.reset();
    },
    { settings: { maxWaitTime: 200 }, seeds: 3 },
  );

  inSimulation(
    'is named when it is a timer too',
    IdleApp,
    async (server) => {
      await server.advance(13_000);
      expect(linesOf(server, /has not settled for/).map(({ message }) => message)).to.deep.equal([
        'Idle.beat has not settled for 10 s',
      ]);
    },
    { seeds: 3 },
  );
});

/** When the handler that hangs began, and when it was given up. */
function timesOf(server: TestServer): { begun: number; ended: number } {
  const begun = server.trace.find((event) => event.kind === 'started' && event.data === 'hang');
  const ended = server.trace.find((event) => event.kind === 'failed' && event.timedOut === true);
  return { begun: begun?.time ?? NaN, ended: ended?.time ?? NaN };
}
