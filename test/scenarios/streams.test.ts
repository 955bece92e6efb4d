import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import { BoundApp, LinesApp, PacketsApp, StreamsApp } from '../fixtures/apps/streams.js';
import { ask, eventually, linesLogged, linesOf, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds, withProcesses } from './in-worlds.js';

/** More than the system of the machine keeps for two sockets. */
const MANY_BYTES = 16 * 1024 * 1024;
/** More than a simulated one does, and than a stream. */
const SOME_BYTES = 1024 * 1024;
/** What a client takes at once, at least. */
const PIECE = 64 * 1024;
const process = {} as const;
const base = { mode: 'base', workerNum: 2 } as const;
const single = { mode: 'base', workerNum: 1 } as const;
const one = { workerNum: 1 } as const;

describe('A connection as a stream', () => {
  for (const [name, settings] of Object.entries({ process, base, single })) {
    inSimulation(`is read and written, in ${name} mode`, StreamsApp, readAndWrite, { settings });
    inSimulation(`begins with what was read before, in ${name} mode`, StreamsApp, upgrade, { settings });
    inSimulation(`hears that its client has finished, and answers, in ${name} mode`, StreamsApp, finish, { settings }); // prettier-ignore
    inSimulation(`ends what it writes and reads on, in ${name} mode`, StreamsApp, halfClose, { settings });
    inSimulation(`closes and resets, in ${name} mode`, StreamsApp, closeAndReset, { settings });
    inSimulation(`fails when its client resets, in ${name} mode`, StreamsApp, clientResets, { settings });
    inSimulation(`that fails is closed and told, in ${name} mode`, StreamsApp, handlerFails, { settings });
    inSimulation(
      `holds its writer back while its client reads nothing, in ${name} mode`,
      StreamsApp,
      async (server) => slowClient(server, SOME_BYTES),
      { settings, seeds: 5 },
    );
  }
  withProcesses('lets nobody read, write or end out of order', StreamsApp, async (server) => {
    await readAndWrite(server);
    await upgrade(server);
    await finish(server);
    await halfClose(server);
    await slowClient(server);
  });

  for (const [name, settings] of Object.entries({ process, base })) {
    (name === 'process' ? inSimulationFirst : inSimulation)(
      `that was closed is reset when its client has taken nothing for 10 s, in ${name} mode`,
      StreamsApp,
      async (server) => {
        const client = await server.connect({ listener: 'streams' });
        client.pause();
        client.send(`much ${'world' in server ? SOME_BYTES : MANY_BYTES}\nclose\n`);
        await server.advance(9_500);
        expect((await server.stats()).connections).to.equal(1);
        await server.advance(1_000);
        await eventually(server, 'no connection', async () => (await server.stats()).connections === 0);
        await logged(server, 'closed server');
        expect(linesOf(server, 'stream: close')).to.have.length(1);
        client.resume();
        // The system of a real client shows what it had, and may have forgotten the reset behind it.
        client.end();
        await client.closed();
        const { closedBy, pinnedLost } = await server.stats();
        expect({ closedBy, pinnedLost }).to.deep.equal({ closedBy: { server: 1 }, pinnedLost: 0 });
      },
      { settings, seeds: 3, timeout: 120_000 },
    );

    inSimulation(
      `that was closed is flushed while its client takes something every 10 s, in ${name} mode`,
      StreamsApp,
      async (server) => {
        const client = await server.connect({ listener: 'streams' });
        client.pause();
        client.send(`much ${SOME_BYTES}\nclose\n`);
        for (let read = 0; read < 2 * PIECE; read += PIECE) {
          await server.advance(9_500);
          client.resume();
          await client.receive(PIECE);
          client.pause();
        }
        await server.advance(9_500);
        client.resume();
        await client.ended();
        expect(client.received.length).to.equal(SOME_BYTES);
        client.end();
        await client.closed();
      },
      { settings, seeds: 3 },
    );
  }

  for (const [name, mode] of Object.entries({ process: one, base: single })) {
    const settings = { ...mode, maxQueuedBytes: 65_536 };
    inSimulation(
      `that nobody reads holds its client at maxQueuedBytes, in ${name} mode`,
      StreamsApp,
      async (server) => heldBack(server, SOME_BYTES),
      { settings, seeds: 5 },
    );
  }
  withProcesses('that nobody reads holds its client', StreamsApp, heldBack, {
    settings: { ...one, maxQueuedBytes: '64KiB' },
  });

  for (const [name, mode] of Object.entries({ process: one, base: single })) {
    const settings = { ...mode, pipeWindow: 131_072, maxQueuedBytes: 65_536 };
    inSimulation(
      `that nobody reads keeps no other client waiting, however many there are, in ${name} mode`,
      StreamsApp,
      async (server) => {
        const held = await Promise.all(
          Array.from({ length: 5 }, async () => server.connect({ listener: 'held' })),
        );
        for (const client of held) {
          client.send(Buffer.alloc(100_000));
          client.end();
        }
        await server.advance(100);
        const other = await server.connect({ listener: 'streams' });
        expect(await ask(other, 'hello')).to.equal('hello');
        await server.connect({ listener: 'release' });
        for (const client of held) expect(await client.receiveLine()).to.equal('100000 bytes');
      },
      { settings, seeds: 5 },
    );
  }

  inSimulation('is refused on a listener with a framing', LinesApp, async (server) => {
    const client = await server.connect();
    expect(await ask(client, 'x')).to.match(
      /listener lines: its framing is 'delimiter'.*set framing: raw\(\)/,
    );
  });

  inSimulation('is refused where packets of a connection go to several workers', PacketsApp, async (server) => {
    const client = await server.connect();
    expect(await ask(client, 'x')).to.match(/needs a dispatch mode that serves a connection in one worker/);
  }, { settings: { dispatchMode: 'roundRobin' } }); // prettier-ignore
});

describe('A pinned connection', () => {
  inWorlds('closes when its worker is lost, and is counted', StreamsApp, async (server) => {
    const client = await server.connect({ listener: 'streams' });
    const workerId = await workerOf(client);
    await server.crashWorker(workerId);
    await client.closed();
    await logged(server, 'closed pinnedLost');
    const { pinnedLost, connections } = await server.stats();
    expect({ pinnedLost, connections }).to.deep.equal({ pinnedLost: 1, connections: 0 });
    // A client that comes now is served.
    await server.workersReady();
    expect(await ask(await server.connect({ listener: 'streams' }), 'hello')).to.equal('hello');
  });

  inSimulation('is as lost when its client had finished sending, and closes for that reason', StreamsApp, async (server) => {
    const client = await server.connect({ listener: 'held' });
    client.send('nobody reads this');
    client.end();
    await server.advance(50);
    await server.crashWorker(0);
    await client.closed();
    await logged(server, 'closed pinnedLost');
    const { pinnedLost, closedBy } = await server.stats();
    expect({ pinnedLost, closedBy }).to.deep.equal({ pinnedLost: 1, closedBy: { pinnedLost: 1 } });
  }, { settings: { workerNum: 1 } }); // prettier-ignore

  inSimulation('has what nobody had read refused when its worker is lost', StreamsApp, async (server) => {
    const client = await server.connect({ listener: 'held' });
    client.send(Buffer.alloc(100_000));
    await server.advance(50);
    await server.crashWorker(0);
    await client.closed();
    await eventually(server, 'nothing outstanding', async () => (await server.stats()).outstandingPackets === 0);
    const { ledger } = await server.stats();
    expect(Object.keys(ledger.refused)).to.deep.equal(['PINNED_LOST']);
  }, { settings: one }); // prettier-ignore

  for (const [name, settings] of Object.entries({ process, base })) {
    (name === 'process' ? inWorlds : inSimulation)(
      `is one in getClientInfo, and was none before it became a stream, in ${name} mode`,
      StreamsApp,
      async (server) => {
        const client = await server.connect({ listener: 'packets' });
        expect(await client.receiveLine()).to.equal('packets');
        client.send('P');
        expect(await client.receiveLine()).to.equal('pinned: false');
        client.send('Upinned\n');
        expect(await client.receive(/pinned: true\n/)).not.to.equal(undefined);
        client.end();
        await client.closed();
      },
      { settings, seeds: 3 },
    );
  }

  for (const [name, settings] of Object.entries({
    process: { bakeTime: 0 },
    base: { ...base, bakeTime: 0 },
  })) {
    inSimulation(`stays with its worker at a reload, says goodbye, and ends, in ${name} mode`, StreamsApp, goodbye, { settings }); // prettier-ignore
    inSimulation(`is served on by a worker that was replaced, in ${name} mode`, StreamsApp, servedOn, { settings }); // prettier-ignore
    inSimulation(`that does not end is ended near the end of maxWaitTime, in ${name} mode`, StreamsApp, stubborn, {
      settings: { ...settings, maxWaitTime: 4_000 },
    }); // prettier-ignore
  }
  for (const [name, settings] of Object.entries({ process, base }))
    for (const maxWaitTime of [4_000, 10_000])
      inSimulation(
        `that becomes one while its worker leaves is served on, ended and counted as any other, in ${name} mode within ${maxWaitTime} ms`,
        StreamsApp,
        async (server) => {
          const client = await server.connect({ listener: 'packets' });
          client.send('L');
          expect((await client.receive(/later\n/)).toString()).to.equal('packets\nlater\n');
          const reloaded = server.reload();
          expect(await client.receiveLine()).to.equal('a stream');
          await server.advance(200);
          expect(await ask(client, 'still here')).to.equal('still here');
          await client.ended();
          client.end();
          expect((await reloaded).outcome).to.equal('done');
          await logged(server, 'closed pinnedLost');
          expect(linesOf(server, /^ended a pinned connection that had not ended/)).to.have.length(1);
          const { pinnedLost, closedBy } = await server.stats();
          expect({ pinnedLost, closedBy }).to.deep.equal({ pinnedLost: 1, closedBy: { pinnedLost: 1 } });
        },
        { settings: { ...settings, bakeTime: 0, maxWaitTime }, seeds: 3 },
      );
  inWorlds('stays with its worker at a reload, says goodbye, and ends', StreamsApp, goodbye, {
    settings: { bakeTime: 0 },
    seeds: 3,
  });

  for (const [name, settings] of Object.entries({ process, base, single })) {
    inSimulation(`says goodbye when the server stops, in ${name} mode`, StreamsApp, async (server) => {
      const clients = [await server.connect({ listener: 'streams' }), await server.connect({ listener: 'streams' })];
      for (const client of clients) expect(await ask(client, 'hello')).to.equal('hello');
      await server.stop();
      for (const client of clients) expect(client.received.toString()).to.equal('hello\nleaving\n');
      expect(linesOf(server, 'drain')).to.have.length(2);
    }, { settings }); // prettier-ignore
    inSimulation(`is answered while the server stops, and ended in time, in ${name} mode`, StreamsApp, async (server) => {
      const client = await server.connect({ listener: 'stubborn' });
      client.send('later\n');
      await server.advance(20);
      await server.stop();
      expect(client.received.toString()).to.equal('later \n');
      expect(linesOf(server, /^ended a pinned connection that had not ended 3000 ms after/)).to.have.length(1);
    }, { settings: { ...settings, maxWaitTime: 4_000 } }); // prettier-ignore
  }
});

describe('A connection that is bound to a uid and becomes a stream', () => {
  inSimulation(
    'stays where it is, counts there, and is closed with that worker',
    BoundApp,
    async (server) => {
      const clients = await Promise.all(Array.from({ length: 8 }, async () => server.connect()));
      const bytes = Buffer.alloc(20_000, 'x');
      const served = [];
      for (const [index, client] of clients.entries()) {
        client.send(`uid ${index}`);
        served.push(await client.receiveLine());
        for (let times = 0; times < 5; times++) {
          client.send(bytes);
          await client.receive(bytes.length);
        }
      }
      await server.crashWorker(0);
      for (const [index, client] of clients.entries()) if (served[index] === '0') await client.closed();
      expect((await server.stats()).pinnedLost).to.equal(served.filter((worker) => worker === '0').length);
      for (const [index, client] of clients.entries()) {
        if (served[index] === '0') continue;
        client.send(bytes);
        await client.receive(bytes.length);
      }
    },
    { settings: { pipeWindow: '64KiB' }, seeds: 3 },
  );
});

async function readAndWrite(server: TestServer): Promise<void> {
  const client = await server.connect({ listener: 'streams' });
  client.send('one\ntwo\n');
  expect((await client.receive(8)).toString()).to.equal('one\ntwo\n');
  expect(await ask(client, 'send')).to.match(/^sent by \d$/);
  expect(await ask(client, 'three')).to.equal('three');
  client.end();
  await client.closed();
}

async function upgrade(server: TestServer): Promise<void> {
  const client = await server.connect({ listener: 'packets' });
  expect(await client.receiveLine()).to.equal('packets');
  client.send('1');
  expect((await client.receive(8)).toString()).to.equal('packet 1');
  client.send('Ut');
  expect(await client.receiveLine()).to.equal('stream');
  expect(await client.receiveLine()).to.equal('the same: true');
  client.send('wo\n');
  expect(await client.receiveLine()).to.equal('two');
  client.end();
  await client.closed();
}

async function finish(server: TestServer): Promise<void> {
  const half = await server.connect({ listener: 'stubborn' });
  half.send('three\n');
  half.end();
  await half.ended();
  expect(half.received.toString()).to.equal('three\nbye, later\n');
  await half.closed();
  await eventually(server, 'no connection', async () => (await server.stats()).connections === 0);
  const closes = linesOf(server, 'stream: close').length;
  const client = await server.connect({ listener: 'streams' });
  client.send('one\ntwo\n');
  client.end();
  await client.ended();
  expect(client.received.toString()).to.equal('one\ntwo\nbye\n');
  await client.closed();
  await eventually(
    server,
    'one close of the stream',
    () => linesOf(server, 'stream: close').length === closes + 1,
  );
}

async function halfClose(server: TestServer): Promise<void> {
  const client = await server.connect({ listener: 'streams' });
  client.send('end\n');
  await client.ended();
  expect(client.received.toString()).to.equal('the end\n');
  const heard = linesOf(server, 'heard this').length;
  client.send('this\n');
  await linesLogged(server, 'heard this', heard + 1);
  client.end();
  await client.closed();
  await eventually(server, 'no connection', async () => (await server.stats()).connections === 0);
}

async function closeAndReset(server: TestServer): Promise<void> {
  for (const word of ['destroy', 'fail', 'close']) {
    const client = await server.connect({ listener: 'streams' });
    client.send(`before\n${word}\nafter\n`);
    await client.ended();
    expect(client.received.toString()).to.equal('before\n');
    client.end();
    await client.closed();
  }
  const client = await server.connect({ listener: 'streams' });
  client.send('reset\n');
  await client.closed();
  await linesLogged(server, 'closed server', 4);
  await linesLogged(server, 'stream: close', 4);
  expect(linesOf(server, /^stream: error/)).to.have.length(1);
}

async function clientResets(server: TestServer): Promise<void> {
  const client = await server.connect({ listener: 'streams' });
  expect(await ask(client, 'hello')).to.equal('hello');
  client.reset();
  await logged(server, 'closed error');
  await logged(server, 'stream: error ECONNRESET');
  await linesLogged(server, 'stream: close', 1);
}

async function handlerFails(server: TestServer): Promise<void> {
  const client = await server.connect({ listener: 'fails' });
  client.send('x');
  await client.ended();
  client.end();
  await logged(server, /^Streams\.fails failed in connection/);
  expect((await server.stats()).failedHandlers).to.equal(1);
}

async function slowClient(server: TestServer, bytes = MANY_BYTES): Promise<void> {
  const client = await server.connect({ listener: 'streams' });
  const other = await server.connect({ listener: 'streams' });
  client.pause();
  client.send(`much ${bytes}\n`);
  expect(await ask(other, 'hello')).to.equal('hello');
  await eventually(
    server,
    'bytes for the slow client',
    async () => (await server.stats()).acceptedPackets >= 2,
  );
  await server.advance(200);
  expect((await server.stats()).refused).to.deep.equal({});
  client.resume();
  await client.receive(bytes + 1);
  expect(await ask(client, 'after')).to.equal('after');
  client.end();
  other.end();
  await client.closed();
}

async function heldBack(server: TestServer, bytes = MANY_BYTES): Promise<void> {
  const client = await server.connect({ listener: 'held' });
  client.send(Buffer.alloc(bytes));
  client.end();
  let before = -1;
  await eventually(server, 'the client to be held', async () => {
    const { acceptedPackets } = await server.stats();
    const same = acceptedPackets > 0 && acceptedPackets === before;
    before = acceptedPackets;
    if (!same) await server.advance(100);
    return same;
  });
  const release = await server.connect({ listener: 'release' });
  await release.ended();
  release.end();
  expect(await client.receiveLine()).to.equal(`${bytes} bytes`);
  await client.closed();
  const { ledger, outstandingPackets } = await server.stats();
  expect({ refused: ledger.refused, outstandingPackets }).to.deep.equal({
    refused: {},
    outstandingPackets: 0,
  });
}

/** Both are served by the old worker, one to its end; who comes later is served by the new one. */
async function goodbye(server: TestServer): Promise<void> {
  const client = await server.connect({ listener: 'streams' });
  expect(await ask(client, 'hello')).to.equal('hello');
  const { outcome } = await server.reload();
  expect(outcome).to.equal('done');
  await client.ended();
  expect(client.received.toString()).to.equal('hello\nleaving\n');
  client.end();
  await client.closed();
  expect(linesOf(server, 'drain')).to.have.length(1);
  expect((await server.stats()).pinnedLost).to.equal(0);
  const after = await server.connect({ listener: 'streams' });
  expect(await ask(after, 'hello')).to.equal('hello');
  after.end();
}

async function servedOn(server: TestServer): Promise<void> {
  const client = await server.connect({ listener: 'stubborn' });
  expect(await ask(client, 'hello')).to.equal('hello');
  const reloaded = server.reload();
  for (let line = 0; line < 20; line++) {
    await server.advance(50);
    expect(await ask(client, `line ${line}`)).to.equal(`line ${line}`);
  }
  client.end();
  await client.closed();
  expect((await reloaded).outcome).to.equal('done');
  expect((await server.stats()).pinnedLost).to.equal(0);
  expect(linesOf(server, /^adopted/)).to.deep.equal([]);
}

async function stubborn(server: TestServer): Promise<void> {
  const client = await server.connect({ listener: 'stubborn' });
  expect(await ask(client, 'hello')).to.equal('hello');
  const reloaded = server.reload();
  await client.ended();
  client.end();
  await client.closed();
  expect((await reloaded).outcome).to.equal('done');
  expect(linesOf(server, /^ended a pinned connection that had not ended/)).to.have.length(1);
  expect((await server.stats()).pinnedLost).to.equal(1);
}

async function workerOf(client: TestClient): Promise<number> {
  return Number((await ask(client, 'who')).split(' ')[1]);
}
