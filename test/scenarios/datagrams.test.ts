import { expect } from 'chai';
import { udp } from '@shoal/core';
import { simulate, type TestDatagramClient, type TestServer } from '@shoal/testing';
import { DualParrotApp, OneParrotApp, ParrotApp } from '../fixtures/apps/datagrams.js';
import { eventually } from './facts.js';
import { inSimulation, inWorlds } from './in-worlds.js';

const parrot = udp({ name: 'parrot', host: '127.0.0.1', port: 0 });

describe('Datagrams', () => {
  describe('in process mode', () => {
    inWorlds('are handled, and answered from the socket that they came to', ParrotApp, echo);

    inSimulation(
      'go to the workers in turn by roundRobin',
      ParrotApp,
      async (server) => {
        const client = await server.datagramClient();
        const answers = await say(client, ['worker', 'worker', 'worker', 'worker']);
        expect(answers.toSorted()).to.deep.equal(['0', '0', '1', '1']);
      },
      { settings: { dispatchMode: 'roundRobin' } },
    );

    inSimulation(
      'of one sender go to one worker by fixed, and those of many to all',
      ParrotApp,
      async (server) => {
        const workers = new Set<string>();
        for (let count = 0; count < 12; count++) {
          const client = await server.datagramClient();
          const [first, second] = await say(client, ['worker', 'worker']);
          expect(second).to.equal(first);
          workers.add(first!);
        }
        expect([...workers].toSorted()).to.deep.equal(['0', '1']);
      },
    );

    inWorlds(
      'that a killed worker had are delivered again, and none that was accepted is lost',
      OneParrotApp,
      async (server) => {
        const client = await server.datagramClient();
        for (let index = 0; index < 20; index++) client.send(`later ${index}`);
        await eventually(server, 'datagrams to be with the worker', () => accepted(server) === 20);
        await server.crashWorker(0);
        const answers = new Set(await heard(client, 20));
        expect(answers.size).to.equal(20);
        await server.settle();
        await balances(server, 20);
        expect((await server.stats()).redeliveredPackets).to.be.greaterThan(0);
      },
    );

    inSimulation('know their attempt, and what earlier ones replied', OneParrotApp, async (server) => {
      const client = await server.datagramClient();
      client.send('crash once');
      expect((await client.receive()).toString()).to.equal('crash once');
      client.send('half');
      expect((await client.receive()).toString()).to.equal('half');
      expect((await client.receive()).toString()).to.equal('answered 4');
    });

    inSimulation(
      'that kill each worker alone are refused as poison, and no other is',
      OneParrotApp,
      async (server) => {
        const client = await server.datagramClient();
        client.send('poison');
        for (let index = 0; index < 5; index++) client.send(`later ${index}`);
        expect(new Set(await heard(client, 5)).size).to.equal(5);
        await server.settle();
        const { ledger, refused } = await server.stats();
        expect(ledger.refused).to.deep.equal({ PACKET_POISON: 1 });
        expect(refused['PACKET_POISON']).to.equal(1);
        await balances(server, 6);
      },
    );

    inSimulation(
      'that a lost worker may have started are dropped and counted where the listener says so',
      OneParrotApp,
      async (server) => {
        const client = await server.datagramClient();
        client.send('crash');
        client.send('later');
        await eventually(
          server,
          'the loss',
          async () => (await server.stats()).ledger.refused['WORKER_LOST'] === 2,
        );
        await server.workersReady();
        expect(await say(client, ['still here'])).to.deep.equal(['still here']);
        await balances(server, 3);
      },
      { settings: { listeners: [{ ...parrot, onWorkerLost: 'drop' }] } },
    );

    inSimulation('come and go while the workers are replaced', ParrotApp, async (server) => {
      const client = await server.datagramClient();
      const sent: string[] = [];
      const reload = watched(server.reload());
      while (!reload.over || sent.length < 20) {
        sent.push(`later ${sent.length}`);
        client.send(sent.at(-1)!);
        await server.advance(5);
      }
      await reload.promise;
      const answers = await heard(client, sent.length);
      expect(new Set(answers)).to.deep.equal(new Set(sent));
      await server.settle();
      const { ledger } = await server.stats();
      expect(ledger.refused).to.deep.equal({});
      expect(ledger.redeliveredAndHandled).to.equal(0);
      await balances(server, sent.length);
    });

    inSimulation(
      'wait for a worker up to a bound, and the newest beyond it are dropped and counted',
      OneParrotApp,
      async (server) => {
        const client = await server.datagramClient();
        await server.crashWorker(0);
        // 1,024 bytes, of which each takes 64 beside its own 36.
        for (let index = 0; index < 12; index++) client.send(`${index} `.padEnd(36, '.'));
        await eventually(server, 'all to have come', () => accepted(server) === 12);
        const answers = await heard(client, 10);
        expect(answers.map((answer) => Number.parseInt(answer, 10)).toSorted((a, b) => a - b)).to.deep.equal([
          0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
        ]);
        await server.settle();
        expect((await server.stats()).ledger.refused).to.deep.equal({ NO_WORKER: 2 });
        await balances(server, 12);
      },
      { settings: { listeners: [{ ...parrot, maxQueuedBytes: 1024 }] } },
    );

    inSimulation(
      'that find the window of their worker full wait, and the newest beyond the bound are dropped and counted',
      OneParrotApp,
      async (server) => {
        const client = await server.datagramClient();
        // 64 KiB of window take two of them, and no third one.
        for (let index = 0; index < 4; index++) client.send(`later ${index}`.padEnd(30_000, '.'));
        await heard(client, 2);
        await server.settle();
        expect((await server.stats()).ledger.refused).to.deep.equal({ WINDOW_FULL: 2 });
        await balances(server, 4);
      },
      { settings: { pipeWindow: '64KiB', listeners: [{ ...parrot, maxQueuedBytes: 1024 }] } },
    );
  });

  for (const mode of ['process', 'base'] as const) {
    describe(`in ${mode} mode`, () => {
      const settings = { mode, taskWorkerNum: 0 };

      inSimulation('hold up to 65,507 bytes, in both directions', ParrotApp, largest, { seeds: 3, settings });

      // With an address that long neither the packet nor its reply goes through a pipe in one piece.
      inSimulation(
        'hold as many with the longest of addresses, and are settled behind their reply',
        DualParrotApp,
        async (server) => {
          const from = 'fd00:1111:2222:3333:4444:5555:6666:7777';
          const client = await server.datagramClient({ listener: 'both', from });
          client.send(Buffer.alloc(65_507, 'x'));
          client.send('beside it');
          const answers = await heard(client, 2);
          expect(answers.map(({ length }) => length).toSorted((a, b) => a - b)).to.deep.equal([9, 65_507]);
          await balances(server, 2);
        },
        { seeds: 3, settings },
      );

      inSimulation('may be empty, and of any bytes', ParrotApp, garbage, { settings });

      inSimulation(
        'whose handler exceeds handlerTimeout are refused and counted',
        ParrotApp,
        async (server) => {
          const client = await server.datagramClient();
          client.send('hang');
          expect(await say(client, ['beside it'])).to.deep.equal(['beside it']);
          await server.advance(500);
          const { ledger, failedHandlers } = await server.stats();
          expect(ledger.refused).to.deep.equal({ HANDLER_TIMEOUT: 1 });
          expect(failedHandlers).to.equal(1);
          await balances(server, 2);
        },
        { settings: { ...settings, handlerTimeout: 300 } },
      );

      inSimulation(
        'whose handler throws are settled',
        ParrotApp,
        async (server) => {
          const client = await server.datagramClient();
          client.send('throw');
          expect(await say(client, ['after it'])).to.deep.equal(['after it']);
          await server.settle();
          expect((await server.stats()).failedHandlers).to.equal(1);
          await balances(server, 2);
        },
        { settings },
      );

      inSimulation(
        'that are being handled when the server stops are answered',
        ParrotApp,
        async (server) => {
          const client = await server.datagramClient();
          for (let index = 0; index < 5; index++) client.send(`later ${index}`);
          await eventually(server, 'all to have come', () => accepted(server) === 5);
          await server.stop();
          expect(client.received.map(String).toSorted()).to.deep.equal(
            [0, 1, 2, 3, 4].map((each) => `later ${each}`),
          );
        },
        { settings },
      );

      inSimulation(
        'may get several answers',
        ParrotApp,
        async (server) => {
          const client = await server.datagramClient();
          client.send('twice');
          expect(await heard(client, 2)).to.deep.equal(['one', 'two']);
        },
        { settings },
      );

      inSimulation(
        'come over IPv4 and IPv6 to a socket on ::',
        DualParrotApp,
        async (server) => {
          const four = await server.datagramClient({ listener: 'both', from: '10.0.0.7' });
          const six = await server.datagramClient({ listener: 'both', from: 'fd00::7' });
          const loop = await server.datagramClient({ listener: 'six' });
          const about = async (client: TestDatagramClient): Promise<object> =>
            JSON.parse((await say(client, ['about']))[0]!) as object;
          const { port } = four;
          expect(await about(four)).to.deep.equal({ listener: 'both', address: '::ffff:10.0.0.7', port });
          expect(await about(six)).to.deep.equal({ listener: 'both', address: 'fd00::7', port: six.port });
          expect(await about(loop)).to.deep.equal({ listener: 'six', address: '::1', port: loop.port });
        },
        { settings },
      );
    });
  }

  inWorlds('are shared among the workers in base mode', ParrotApp, echo, {
    settings: { mode: 'base', taskWorkerNum: 0 },
  });

  inSimulation('come to a server of one process', OneParrotApp, echo, {
    settings: { mode: 'base', taskWorkerNum: 0 },
  });

  inSimulation(
    'go on in base mode when a worker is lost, and what it held is counted',
    ParrotApp,
    async (server) => {
      const client = await server.datagramClient();
      await server.crashWorker(0);
      expect(await say(client, ['one', 'two'])).to.have.members(['one', 'two']);
      await server.workersReady();
      expect(await say(client, ['three'])).to.deep.equal(['three']);
    },
    { settings: { mode: 'base', taskWorkerNum: 0 } },
  );

  inSimulation(
    'in base mode are answered while their worker is replaced',
    ParrotApp,
    async (server) => {
      const client = await server.datagramClient();
      const sent: string[] = [];
      const reload = watched(server.reload());
      while (!reload.over) {
        sent.push(`later ${sent.length}`);
        client.send(sent.at(-1)!);
        await server.advance(5);
      }
      await reload.promise;
      expect(new Set(await heard(client, sent.length))).to.deep.equal(new Set(sent));
    },
    { settings: { mode: 'base', taskWorkerNum: 0 } },
  );

  it('are lost, doubled and overtaken in a simulation, as their link says', async () => {
    const server = await simulate(OneParrotApp);
    const lossy = await server.datagramClient({ link: { loss: 1 } });
    const doubled = await server.datagramClient({ link: { duplication: 1 } });
    const stray = await server.datagramClient({ link: { reordering: 0.5 } });
    lossy.send('nobody hears it');
    doubled.send('x');
    const sent = Array.from({ length: 50 }, (_, index) => String(index));
    for (const text of sent) stray.send(text);
    const answers = await heard(stray, 50);
    expect(await heard(doubled, 4)).to.deep.equal(['x', 'x', 'x', 'x']);
    expect(answers).to.not.deep.equal(sent);
    expect(new Set(answers)).to.deep.equal(new Set(sent));
    expect(lossy.received).to.deep.equal([]);
    await balances(server, 52);
    await server.stop();
  });
});

async function echo(server: TestServer): Promise<void> {
  const clients = [await server.datagramClient(), await server.datagramClient()];
  for (const [index, client] of clients.entries()) {
    const texts = ['a', 'b', 'later c'].map((text) => `${text}${index}`);
    expect((await say(client, texts)).toSorted()).to.deep.equal(texts.toSorted());
  }
  await server.settle();
  await balances(server, 6);
}

async function largest(server: TestServer): Promise<void> {
  const client = await server.datagramClient();
  client.send(Buffer.alloc(65_507, 'x'));
  expect((await client.receive()).length).to.equal(65_507);
  // The parrot is refused a longer one, which the network of a simulation would carry.
  client.send(Buffer.alloc(65_508, 'x'));
  await server.settle();
  expect(client.received).to.have.length(1);
  await balances(server, 2);
}

async function garbage(server: TestServer): Promise<void> {
  const client = await server.datagramClient();
  const all = [Buffer.alloc(0), Buffer.from([0]), Buffer.from([0xff, 0xfe, 0]), Buffer.from('\n\n\r\0')];
  for (const bytes of all) client.send(bytes);
  for (let index = 0; index < all.length; index++) await client.receive();
  expect(client.received.map((data) => data.toString('hex')).toSorted()).to.deep.equal(
    all.map((data) => data.toString('hex')).toSorted(),
  );
  await balances(server, 4);
}

/** Sends them all, and gives as many answers as there are, in the order in which they come. */
async function say(client: TestDatagramClient, texts: readonly string[]): Promise<string[]> {
  for (const text of texts) client.send(text);
  return heard(client, texts.length);
}

async function heard(client: TestDatagramClient, count: number): Promise<string[]> {
  const answers: string[] = [];
  while (answers.length < count) answers.push((await client.receive()).toString());
  return answers;
}

/** A promise, and whether it has settled. */
function watched(promise: Promise<unknown>): { over: boolean; promise: Promise<unknown> } {
  const watch = { over: false, promise };
  watch.promise = promise.finally(() => (watch.over = true));
  return watch;
}

function accepted(server: TestServer): number {
  return server.trace.filter(({ kind }) => kind === 'datagramAccepted').length;
}

async function balances(server: TestServer, count: number): Promise<void> {
  await server.settle();
  const { ledger } = await server.stats();
  const refused = Object.values(ledger.refused).reduce((sum, each) => sum + each, 0);
  expect(ledger.accepted).to.equal(count);
  expect(ledger.handled + ledger.redeliveredAndHandled + refused + ledger.outstanding).to.equal(count);
}
