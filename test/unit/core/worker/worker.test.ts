import { LocalDirectory } from '@shoal/core/internal/directory/connection-directory';
import { expect } from 'chai';
import type { Definition } from '@shoal/core/internal/definition';
import type { SettingsInput } from '@shoal/core/internal/config/load';
import { Invoker } from '@shoal/core/internal/events/invoke';
import type { Clock } from '@shoal/core/internal/platform/platform';
import type { Connection } from '@shoal/core/internal/worker/connection';
import { ForeignSends } from '@shoal/core/internal/mesh/foreign-sends';
import { OwnSockets } from '@shoal/core/internal/worker/own-sockets';
import type { Sockets } from '@shoal/core/internal/worker/sockets';
import { Worker } from '@shoal/core/internal/worker/worker';
import { keptLog } from '../log-lines.js';
import { ManualClock, promiseJobs } from '../pipe/manual-clock.js';
import { ReactorWorld, type ListenerOptions } from '../reactor/reactor-world.js';
import { settingsOf } from '../settings.js';
import { FakeOwner, Gate, nobodyById } from './worker-world.js';

type Receive = (connection: Connection, data: Buffer) => unknown;

function workerOf(clock: Clock, receive: Receive, input: Partial<SettingsInput> = {}): Worker {
  const definition: Definition = {
    name: 'App',
    settings: {},
    handlers: [{ event: 'receive', label: 'Chat.line', target: { kind: 'function', run: receive } }],
    timers: [],
  };
  const invoker = new Invoker(keptLog().logger, undefined);
  return new Worker({
    clock,
    settings: settingsOf(input),
    definition,
    invoker,
    container: undefined,
    onLost() {},
    byId: nobodyById,
  });
}

describe('Worker', () => {
  function stopping(receive: Receive) {
    const clock = new ManualClock();
    const worker = workerOf(clock, receive);
    const owner = new FakeOwner();
    const left: boolean[] = [];
    const sockets: Sockets = {
      owners: [owner],
      ownerOf: () => undefined,
      directory: new LocalDirectory(
        false,
        () => undefined,
        () => [],
      ),
      end: () => false,
      ready: async () => {},
      leave: (unstarted) => {
        left.push(unstarted);
        owner.log.push('leaves');
      },
      stats: () => undefined,
    };
    void worker.serve(sockets);
    const endpoint = { address: '127.0.0.1', port: 1 };
    worker.open('introduce', 1, 0, { listener: 0, remote: endpoint, local: endpoint }, undefined, owner);
    worker.find(1)!.packet(1, Buffer.from('a'), 0, 1, 1, 0, false);
    return { clock, worker, owner, left };
  }

  it('leaves at once when it has finished everything that it had started', async () => {
    const { worker, left, clock } = stopping(() => {});
    await worker.stop(1_000);
    expect(left).to.deep.equal([true]);
    expect(clock.timers).to.equal(0);
  });

  it('leaves only when its answers are with the system', async () => {
    const { worker, owner, left, clock } = stopping((connection) => connection.send('answer'));
    owner.flushed = false;
    const stop = worker.stop(1_000);
    await promiseJobs();
    worker.relieved();
    await promiseJobs();
    expect(left).to.deep.equal([]);
    owner.flushed = true;
    worker.relieved();
    await stop;
    expect(left).to.deep.equal([true]);
    expect(clock.timers).to.equal(0);
  });

  it('leaves at the deadline, and does not say that nothing was started when an answer is stuck', async () => {
    const { worker, owner, left, clock } = stopping((connection) => connection.send('answer'));
    owner.flushed = false;
    const stop = worker.stop(1_000);
    await promiseJobs();
    clock.advance(999);
    await promiseJobs();
    expect(left).to.deep.equal([]);
    clock.advance(1);
    await stop;
    expect(left).to.deep.equal([false]);
  });

  it('leaves at the deadline, and does not say that nothing was started, while a handler runs', async () => {
    const { worker, left, clock } = stopping(() => new Promise(() => {}));
    const stop = worker.stop(1_000);
    await promiseJobs();
    clock.advance(1_000);
    await stop;
    expect(left).to.deep.equal([false]);
  });

  it('sends what was sent after its last handler before it leaves, and says of the rest that it has moved', async () => {
    const { worker, owner } = stopping(() => {});
    const { connection } = worker.find(1)!;
    const stop = worker.stop(1_000);
    expect(connection.send('last words')).to.equal(true);
    await stop;
    expect(owner.log.slice(-2)).to.deep.equal(["1: send 'last words'", 'leaves']);
    expect([connection.closed, connection.signal.aborted]).to.deep.equal([false, true]);
    expect(connection.signal.reason).to.have.property('code', 'CONNECTION_MOVED');
    expect(worker.find(1)).to.equal(undefined);
  });

  it('sends nothing when the owners of the sockets are gone, and says so', () => {
    const { worker } = stopping(() => {});
    const { connection } = worker.find(1)!;
    expect([connection.closed, connection.send('here')]).to.deep.equal([false, true]);
    worker.lost(undefined);
    expect([connection.closed, connection.send('gone')]).to.deep.equal([true, false]);
    expect(connection.signal.reason).to.have.property('code', 'CONNECTION_CLOSED');
  });
});

describe('OwnSockets', () => {
  /** A worker of base mode with its own reactor. */
  async function base(receive: Receive, listener: ListenerOptions = {}) {
    const world = await ReactorWorld.open(listener, { mode: 'base' });
    const worker = workerOf(world.clock, receive, { mode: 'base' });
    const own = new OwnSockets(
      1,
      7,
      0,
      world.reactor,
      world.reactor.slots[0]!,
      world.clock,
      worker,
      new ForeignSends(() => undefined, 1_000, 1_000),
      new LocalDirectory(
        true,
        () => undefined,
        () => [],
      ),
    );
    void worker.serve(own);
    const flow = async (): Promise<void> => {
      for (let round = 0; round < 3; round++) {
        await promiseJobs();
        world.flow();
      }
    };
    return { world, worker, own, flow };
  }

  it('counts a packet that is settled at the end of the turn as outstanding until then', async () => {
    const gate = new Gate();
    const { world, flow } = await base(async () => gate.passed);
    world.client().send('a\n');
    await flow();
    gate.open();
    await promiseJobs();
    expect(world.stats).to.deep.include({ acceptedPackets: 1, handledPackets: 0, outstandingPackets: 1 });
    await flow();
    expect(world.stats).to.deep.include({ acceptedPackets: 1, handledPackets: 1, outstandingPackets: 0 });
  });

  it('answers, and closes last', async () => {
    const { world, flow } = await base((connection, data) => connection.send(`[${data.toString()}]`));
    const client = world.client();
    client.send('a\nb\n');
    client.stream.end();
    await flow();
    expect(client.received).to.equal('[a][b]');
    expect(client.told).to.deep.equal(['end', 'close']);
    expect(world.stats).to.deep.include({
      connections: 0,
      handledPackets: 2,
      outstandingPackets: 0,
      refused: {},
    });
    expect(world.reactor.connection(1)).to.equal(undefined);
  });

  it('writes the answers of one read at once', async () => {
    const { world, flow } = await base((connection, data) => connection.send(data));
    const client = world.client();
    client.send('a\nb\nc\n');
    await flow();
    expect(client.served.writes).to.deep.equal([1]);
  });

  it('writes them at once, too, while a client of a stream takes nothing', async () => {
    const { world, own, flow } = await base((connection, data) => connection.send(data));
    const slow = world.client(1_000);
    slow.stream.pause();
    await flow();
    const { remote, local } = world.reactor.clientInfo(1)!;
    const introduction = { listener: 0, remote, local };
    const writer = { id: 1, introduction, unacknowledged: 0, pressed: true, eased: () => {} };
    own.pin(1);
    own.write(writer, [Buffer.alloc(300_000)], 300_000);
    expect(writer.unacknowledged).to.equal(300_000);
    const client = world.client();
    client.send('a\nb\nc\n');
    await flow();
    expect(client.served.writes).to.deep.equal([1]);
    slow.stream.destroy(true);
    await flow();
    expect(writer.unacknowledged).to.equal(0);
  });

  it('keeps the order of a connection when a large answer goes out early', async () => {
    const gate = new Gate();
    const large = 'x'.repeat(300_000);
    const { world, flow } = await base(async (connection, data) => {
      await (data.toString() === 'large' ? Promise.resolve() : gate.passed);
      connection.send(data.toString() === 'large' ? large : data);
    });
    const [first, second] = [world.client(), world.client()];
    first.send('one\nlarge\n');
    second.send('two\n');
    await flow();
    gate.open();
    await flow();
    expect(second.received).to.equal('two');
    expect(first.received.slice(0, 10)).to.equal('onexxxxxxx');
    expect(first.received).to.have.length(large.length + 3);
  });

  it('accounts for a packet that closes its connection as it comes in from the wait', async () => {
    const gate = new Gate();
    const { world, flow } = await base(
      (connection, data) => {
        if (data.length > 500) return gate.passed;
        connection.close();
        return undefined;
      },
      { maxQueuedBytes: 1024 },
    );
    const client = world.client();
    const long = 'x'.repeat(990);
    client.send(`${long}\nshort\nnever\n`);
    await flow();
    gate.open();
    client.stream.end();
    await flow();
    expect(world.balance()).to.deep.equal({
      accepted: world.stats.acceptedPackets,
      ended: world.stats.acceptedPackets,
    });
    expect(world.stats.handledPackets).to.equal(2);
    expect(client.told).to.deep.equal(['end', 'close']);
  });

  it('sends what was sent before a close, and drops it with reset', async () => {
    const { world, flow } = await base((connection, data) => {
      connection.send('bye');
      connection.close({ reset: data.toString() === 'reset' });
    });
    const [polite, rude] = [world.client(), world.client()];
    polite.send('close\n');
    rude.send('reset\n');
    await flow();
    expect([polite.received, polite.told]).to.deep.equal(['bye', ['end']]);
    expect([rude.received, rude.told]).to.deep.equal(['', ['reset']]);
  });
});
