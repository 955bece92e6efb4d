import { expect } from 'chai';
import type { Connection } from '@shoal/core/internal/worker/connection';
import { ConnectionStream } from '@shoal/core/internal/worker/connection-stream';
import type { Sender } from '@shoal/core/internal/worker/socket-owner';
import { WorkerWorld, type Handlers } from './worker-world.js';

/** Bytes that the world lets a stream have on their way. */
const WINDOW = 100;

/** A connection that is a stream, and the world around it. */
async function open(handlers: Handlers = {}) {
  const streams: ConnectionStream[] = [];
  const world = new WorkerWorld({ connection: (opened) => void streams.push(opened), ...handlers });
  const conversation = world.introduce(1);
  world.begin(conversation);
  await world.turn();
  const [stream] = streams;
  return { world, conversation, stream: stream!, log: world.owner.log };
}

/** The client has taken everything that was sent. */
function taken(writer: Sender): void {
  writer.unacknowledged = 0;
  writer.eased();
}

/** What happens to a stream, in order. */
function eventsOf(stream: ConnectionStream): string[] {
  const events: string[] = [];
  for (const event of ['data', 'end', 'finish', 'timeout', 'close', 'error'])
    stream.on(event, (value?: unknown) => {
      const shown = Buffer.isBuffer(value)
        ? ` ${value.toString()}`
        : value instanceof Error
          ? ` ${value.message}`
          : '';
      events.push(`${event}${shown}`);
    });
  return events;
}

describe('A connection that is served as a stream', () => {
  it('is pinned before its connect is settled', async () => {
    const { log } = await open();
    expect(log).to.deep.equal(['1: pin', '1: settle 1']);
  });

  it('settles a packet when its reader has taken it, and not before', async () => {
    const { world, conversation, stream, log } = await open();
    world.packet(conversation, 'one');
    world.packet(conversation, 'two');
    await world.turn();
    expect(log.slice(2)).to.deep.equal(['pending 2', 'pending 3']);
    const events = eventsOf(stream);
    stream.resume();
    await world.turn();
    expect(events).to.deep.equal(['data one', 'data two']);
    expect(log.slice(4)).to.deep.equal(['1: settle 2', '1: settle 3']);
  });

  it('leaves a packet unsettled that its reader has in front of it and has not taken', async () => {
    const { world, conversation, stream, log } = await open();
    stream.on('readable', () => {});
    for (const body of ['one', 'two', 'three']) world.packet(conversation, body);
    await world.turn();
    expect(log.slice(2)).to.deep.equal(['pending 2', 'pending 3', 'pending 4']);
    expect(String(stream.read())).to.equal('onetwo');
    await world.turn();
    expect(log.slice(5)).to.deep.equal(['1: settle 2', '1: settle 3']);
    expect(stream.readableLength).to.equal('three'.length);
  });

  it('ends when its client has, and ends what is written by itself', async () => {
    const { world, conversation, stream, log } = await open();
    const events = eventsOf(stream);
    stream.resume();
    conversation.inputEnded();
    await world.turn();
    expect(events).to.deep.equal(['end', 'finish', 'close']);
    expect(log.slice(2)).to.deep.equal(['1: end output', '1: end']);
  });

  it('writes on after the end of its client with allowHalfOpen', async () => {
    const { world, conversation, stream, log } = await open();
    stream.allowHalfOpen = true;
    stream.resume();
    conversation.inputEnded();
    await world.turn();
    expect(log.slice(2)).to.deep.equal([]);
    stream.write('late');
    expect(log.slice(2)).to.deep.equal(["1: write 'late'"]);
  });

  it('reads on after its own end', async () => {
    const { world, conversation, stream, log } = await open();
    const events = eventsOf(stream);
    stream.end();
    await world.turn();
    world.packet(conversation, 'more');
    await world.turn();
    expect(events).to.deep.equal(['finish', 'data more']);
    expect(log.slice(2)).to.deep.equal(['1: end output', '1: settle 2']);
  });

  it('has a window of bytes on their way, and no byte more', async () => {
    const { stream, log } = await open();
    stream.write(Buffer.alloc(WINDOW, 'a'));
    expect(log.slice(2)).to.deep.equal([`1: write '${'a'.repeat(WINDOW)}'`]);
    const { stream: larger, log: pieces } = await open();
    larger.write(Buffer.alloc(WINDOW + 1, 'a'));
    expect(pieces.slice(2)).to.deep.equal([`1: write '${'a'.repeat(WINDOW)}'`]);
  });

  it('is written when its client has taken the last byte', async () => {
    const { world, conversation, stream, log } = await open();
    let written = false;
    stream.write(Buffer.alloc(WINDOW + 1, 'a'), () => (written = true));
    const pin = world.owner.writers[0]!;
    taken(pin);
    expect(log.slice(3)).to.deep.equal(["1: write 'a'"]);
    await world.turn();
    expect(written).to.equal(false);
    taken(pin);
    await world.turn();
    expect(written).to.equal(true);
    expect(conversation.closed).to.equal(false);
  });

  it('puts what the connection sends behind what the stream was given', async () => {
    let sent: Connection;
    const { world, stream, log } = await open({
      connection: (opened, connection) => {
        opened.write('first ');
        connection.send('second');
        sent = connection;
      },
    });
    expect(stream).to.equal(undefined);
    taken(world.owner.writers[0]!);
    await world.turn();
    expect(log).to.deep.equal(['1: pin', "1: write 'first '", '1: settle 1', "1: write 'second'"]);
    expect(sent!.toDuplex()).to.equal(sent!.toDuplex());
  });

  it('refuses what nobody has read when it is destroyed, after the end', async () => {
    const { world, conversation, stream, log } = await open();
    world.packet(conversation, 'one');
    stream.destroy();
    world.packet(conversation, 'two');
    await world.turn();
    expect(log.slice(2)).to.deep.equal(['1: end', '1: settle 2 discarded', '1: settle 3 discarded']);
    expect(conversation.closed).to.equal(true);
  });

  it('that has ended what it writes reads on, whoever wants to send', async () => {
    const { world, conversation, stream } = await open();
    const events = eventsOf(stream);
    stream.end('bye');
    await world.turn();
    taken(world.owner.writers[0]!);
    await world.turn();
    expect(conversation.connection.send('late')).to.equal(false);
    const sent = await conversation.connection.sendWait('late').catch((error: unknown) => error);
    expect(sent).to.include({ code: 'CONNECTION_CLOSED' });
    world.packet(conversation, 'more');
    await world.turn();
    expect(events).to.deep.equal(['finish', 'data more']);
  });

  it('fails when its connection has gone to another worker before the owner of the socket heard of it', async () => {
    const world = new WorkerWorld({ receive: () => {} });
    const conversation = world.introduce(1);
    world.begin(conversation);
    const stream = conversation.toDuplex();
    const events = eventsOf(stream);
    conversation.moveAway();
    await world.turn();
    expect(events[0]).to.match(/^error ECONNRESET: .*another worker/);
    expect(events.slice(1)).to.deep.equal(['close']);
  });

  it('is read to its end before the close, when its client has finished', async () => {
    const closed: string[] = [];
    const { world, conversation, stream, log } = await open({
      close: (_, reason) => void closed.push(reason),
    });
    world.packet(conversation, 'one');
    world.end(conversation);
    await world.turn();
    expect(closed).to.deep.equal([]);
    const events = eventsOf(stream);
    stream.resume();
    await world.turn();
    expect(events.filter((event) => event !== 'finish')).to.deep.equal(['data one', 'end', 'close']);
    expect(closed).to.deep.equal(['client']);
    expect(log.slice(3)).to.deep.equal(['1: settle 2', '1: settle 3']);
  });

  it('fails once when its client resets, and its close follows', async () => {
    const closed: string[] = [];
    const { world, conversation, stream, log } = await open({
      close: (_, reason) => void closed.push(reason),
    });
    const events = eventsOf(stream);
    stream.pause();
    world.packet(conversation, 'unread');
    world.end(conversation, 'error');
    await world.turn();
    expect(events).to.deep.equal(['error ECONNRESET: the connection was reset: error', 'close']);
    expect(closed).to.deep.equal(['error']);
    expect(log.slice(2)).to.deep.equal(['1: settle 2 discarded', '1: settle 3']);
    expect(stream.write('x')).to.equal(false);
  });

  it('fails when the owner of the socket has given the connection to another worker before it heard of it', async () => {
    const { world, conversation, stream, log } = await open();
    const events = eventsOf(stream);
    world.conversations.moveAway(conversation);
    await world.turn();
    expect(events).to.deep.equal([
      'error ECONNRESET: the connection was reset: another worker serves it by now',
      'close',
    ]);
    expect(log.slice(2)).to.deep.equal([]);
  });

  it('harms nobody when it fails and nobody listens', async () => {
    const { world, conversation, stream } = await open();
    world.end(conversation, 'error');
    await world.turn();
    expect(stream.destroyed).to.equal(true);
  });

  it('tells that nothing has passed for its timeout, and not one ms earlier', async () => {
    const { world, conversation, stream } = await open();
    const events = eventsOf(stream);
    stream.setTimeout(1_000);
    world.clock.advance(600);
    world.packet(conversation, 'x');
    await world.turn();
    world.clock.advance(999);
    expect(events).to.deep.equal(['data x']);
    world.clock.advance(1);
    expect(events).to.deep.equal(['data x', 'timeout']);
    world.clock.advance(10_000);
    expect(events).to.have.length(2);
    stream.setTimeout(0);
    expect(stream.timeout).to.equal(undefined);
    stream.destroy();
    expect(world.clock.timers).to.equal(0);
  });

  it('tells of no timeout while its client takes a large write, piece by piece', async () => {
    const { world, stream } = await open();
    const events = eventsOf(stream);
    stream.setTimeout(1_000);
    stream.write(Buffer.alloc(4 * WINDOW));
    const [pin] = world.owner.writers;
    for (let pieces = 0; pieces < 3; pieces++) {
      world.clock.advance(900);
      taken(pin!);
    }
    world.clock.advance(999);
    expect(events).to.deep.equal([]);
    world.clock.advance(1);
    expect(events).to.deep.equal(['timeout']);
  });

  it('says what a socket of TLS says where its listener has TLS', async () => {
    const { world, conversation } = await open();
    for (const tls of [undefined, { protocol: 'TLSv1.3', authorized: false }]) {
      const introduction = { ...conversation.introduction, ...(tls && { tls }) };
      const unused = (): void => {};
      const acts = { want: unused, write: unused, endOutput: unused, leave: unused };
      const stream = new ConnectionStream({ introduction, clock: world.clock, highWaterMark: 1, ...acts });
      expect([stream.encrypted, stream.authorized]).to.deep.equal(
        tls ? [true, false] : [undefined, undefined],
      );
    }
  });

  it('has the face of a socket', async () => {
    const { stream } = await open();
    expect(stream.setNoDelay().setKeepAlive().ref().unref()).to.equal(stream);
    const { remoteAddress, remotePort, remoteFamily, localPort, readyState } = stream;
    expect({ remoteAddress, remotePort, remoteFamily, localPort, readyState }).to.deep.equal({
      remoteAddress: '10.0.0.7',
      remotePort: 40_000,
      remoteFamily: 'IPv4',
      localPort: 9501,
      readyState: 'open',
    });
    expect(stream.address()).to.deep.equal({ address: '127.0.0.1', port: 9501, family: 'IPv4' });
    stream.destroy();
    expect(stream.readyState).to.equal('closed');
  });

  it('hears once that its worker has to go, also when it is opened after that', async () => {
    const drained: number[] = [];
    const handlers: Handlers = { drain: ({ id }) => void drained.push(id) };
    const { world } = await open(handlers);
    world.conversations.pinnedOnes.drain();
    world.conversations.pinnedOnes.drain();
    const late = world.introduce(2);
    world.begin(late);
    await world.turn();
    expect(drained).to.deep.equal([1, 2]);
  });

  it('is waited for by its worker, and ended late', async () => {
    const { world, stream, log } = await open();
    let gone = false;
    void world.conversations.pinnedOnes.outlast(1_000).then(() => (gone = true));
    world.clock.advance(749);
    await world.turn();
    expect([stream.destroyed, gone]).to.deep.equal([false, false]);
    world.clock.advance(1);
    await world.turn();
    expect([stream.destroyed, gone]).to.deep.equal([true, true]);
    expect(log.slice(2)).to.deep.equal(['1: end late']);
  });

  it('that is pinned while its worker leaves is ended when the others are, and at once after that', async () => {
    const world = new WorkerWorld({ receive: () => {} });
    const { pinnedOnes } = world.conversations;
    await pinnedOnes.outlast(1_000);
    const streams = [1, 2].map((id) => world.serve(id));
    const before = streams[0]!.toDuplex();
    world.clock.advance(749);
    await world.turn();
    expect(before.destroyed).to.equal(false);
    world.clock.advance(1);
    await world.turn();
    expect(before.destroyed).to.equal(true);
    const after = streams[1]!.toDuplex();
    await world.turn();
    expect(after.destroyed).to.equal(true);
    expect(world.owner.log.filter((line) => line.endsWith('end late'))).to.deep.equal([
      '1: end late',
      '2: end late',
    ]);
  });
});
