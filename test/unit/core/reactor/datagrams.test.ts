import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { udp } from '@shoal/core/internal/config/listeners';
import type { DatagramListenerSettings, SettingsInput } from '@shoal/core/internal/config/load';
import { emptyLedger } from '@shoal/core/internal/pipe/ledger';
import type { DatagramEvents } from '@shoal/core/internal/platform/platform';
import { DatagramListener, type DatagramHost } from '@shoal/core/internal/reactor/datagram-listener';
import { ManualClock } from '../pipe/manual-clock.js';
import { ReactorWorld, textOf } from './reactor-world.js';

const from = { address: '10.0.0.7', port: 4_000 };

/** A reactor with a socket for datagrams, and what comes to that. */
async function open(
  input: Partial<SettingsInput> = {},
  listener: Partial<Parameters<typeof udp>[0]> = {},
): Promise<{ world: ReactorWorld; socket: DatagramEvents; say: (text: string) => void }> {
  const world = await ReactorWorld.open(
    {},
    { listeners: [udp({ port: 0, name: 'dns', ...listener })], ...input },
  );
  const socket = world.network.datagrams[0]!;
  return { world, socket, say: (text) => socket.receive(Buffer.from(text), from) };
}

describe('Datagrams in a reactor', () => {
  it('wait for a worker up to maxQueuedBytes, and one byte more is dropped', async () => {
    const { world, say } = await open({}, { maxQueuedBytes: 1_024 });
    say('a'.repeat(960));
    expect(world.reactor.stats().outstandingPackets).to.equal(1);
    const port = world.worker();
    expect(port.unsettled.map(textOf)).to.deep.equal(['a'.repeat(960)]);
    port.die();
    say('b');
    expect(world.reactor.stats().ledger.refused).to.deep.equal({ NO_WORKER: 1 });
  });

  it('that exceed it by one byte with nothing else are dropped', async () => {
    const { world, say } = await open({}, { maxQueuedBytes: 1_024 });
    say('a'.repeat(961));
    const { ledger, outstandingPackets } = world.reactor.stats();
    expect([ledger.accepted, ledger.refused, outstandingPackets]).to.deep.equal([1, { NO_WORKER: 1 }, 0]);
  });

  it('go on when the window of their worker has room again', async () => {
    const { world, say } = await open({ pipeWindow: '64KiB' }, { maxQueuedBytes: 1_024 });
    const port = world.worker();
    say('a'.repeat(65_000));
    say('b'.repeat(800));
    say('c'.repeat(800));
    expect(port.unsettled).to.have.length(1);
    expect(world.reactor.stats().ledger.refused).to.deep.equal({ WINDOW_FULL: 1 });
    port.settle();
    expect(port.unsettled.map((delivery) => textOf(delivery)[0])).to.deep.equal(['b']);
    port.settle();
    const { ledger, outstandingPackets } = world.reactor.stats();
    expect([ledger.accepted, ledger.handled, outstandingPackets]).to.deep.equal([3, 2, 0]);
  });

  it('are all taken for started when their worker dies, and run alone after two deaths', async () => {
    const { world, say } = await open();
    const first = world.worker();
    say('a');
    say('b');
    first.die();
    const second = world.worker();
    expect(second.log).to.deep.equal(['a (attempt 2, answered 0)', 'b (attempt 2, answered 0)']);
    second.die();
    const third = world.worker();
    expect(third.log).to.deep.equal(['a (attempt 3, answered 0) alone', 'b (attempt 3, answered 0) alone']);
    third.die({ alone: third.find('a') });
    const last = world.worker();
    last.settle();
    const { ledger } = world.reactor.stats();
    expect([ledger.refused, ledger.redeliveredAndHandled]).to.deep.equal([{ PACKET_POISON: 1 }, 1]);
  });

  it('that are given back unstarted are a first attempt elsewhere', async () => {
    const { world, say } = await open();
    const port = world.worker();
    say('a');
    port.settle(1, 'returned');
    expect(port.log).to.deep.equal(['a', 'a']);
    port.settle();
    expect(world.reactor.stats().ledger.handled).to.equal(1);
  });

  it('are sent while the socket holds less than socketBufferSize, and one byte more is dropped and counted', async () => {
    const { world } = await open({ socketBufferSize: 1_024 });
    world.network.buffered = 1_020;
    world.reactor.datagrams.send(0, '10.0.0.7', 4_000, Buffer.from('fits'), 1);
    world.reactor.datagrams.send(0, '10.0.0.7', 4_000, Buffer.from('fits not'), 1);
    world.reactor.datagrams.send(1, '10.0.0.7', 4_000, Buffer.from('no such socket'), 1);
    expect(world.network.sentDatagrams).to.deep.equal(['10.0.0.7:4000 fits']);
    expect(world.reactor.stats().refused).to.deep.equal({ OUTPUT_OVERFLOW: 1, DATAGRAM_NOT_SENT: 1 });
  });

  it('are finished when the reactor drains, and what comes then is not taken', async () => {
    const { world, say } = await open();
    const port = world.worker();
    say('a');
    let drained = false;
    const draining = world.reactor.drain(1_000).then(() => (drained = true));
    say('late');
    await Promise.resolve();
    expect([drained, port.unsettled.map(textOf)]).to.deep.equal([false, ['a']]);
    port.settle();
    await draining;
    expect(world.reactor.stats().ledger.accepted).to.equal(1);
    // Stopped, then closed.
    expect(world.network.closed).to.equal(2);
  });

  it('leave nothing behind when a module refuses what had waited for room', async () => {
    const slot = { port: {} as object | undefined, admits: () => false, block() {} };
    let route: unknown = slot;
    const listener = new DatagramListener(
      0,
      { name: 'dns', maxQueuedBytes: 1_024 } as DatagramListenerSettings,
      {
        clock: new ManualClock(),
        counters: { acceptedPackets: 0, handledPackets: 0 },
        ledger: emptyLedger(),
        routeDatagram: () => route,
        nextDatagram: () => 1,
        refuse() {},
        datagramOver() {},
      } as unknown as DatagramHost,
    );
    const waiting = ((data) => {
      listener.receive(data, from);
      return new WeakRef(data);
    })(Buffer.alloc(100));
    slot.port = undefined;
    route = 'DISPATCH_DISCARDED';
    listener.pump();
    // What was looked at lives to the end of the turn.
    await new Promise(setImmediate);
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    expect(waiting.deref()).to.equal(undefined);
  });
});
