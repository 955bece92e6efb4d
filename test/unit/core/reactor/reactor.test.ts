import { expect } from 'chai';
import { ReactorWorld } from './reactor-world.js';

describe('Reactor', () => {
  it('gives connect, the packets in order and close last, each once', async () => {
    const world = await ReactorWorld.open();
    const worker = world.worker();
    const client = world.client();
    client.send('a\nb\nc');
    world.flow();
    expect(worker.log).to.deep.equal(['connect', 'a', 'b']);
    worker.echo();
    client.send('\n');
    client.stream.end();
    world.flow();
    worker.echo();
    world.flow();
    expect(client.received).to.equal('[a][b][c]');
    expect(client.told).to.deep.equal(['end', 'close']);
    expect(worker.log).to.deep.equal(['connect', 'a', 'b', 'c', 'close client']);
    worker.settle();
    world.flow();
    expect(worker.log).to.have.length(5);
    expect(world.stats).to.deep.include({
      connections: 0,
      acceptedConnections: 1,
      closedConnections: 1,
      acceptedPackets: 3,
      handledPackets: 3,
      outstandingPackets: 0,
      refused: {},
    });
  });

  it('keeps a connection and its packets until a worker is ready, the end of the client included', async () => {
    const world = await ReactorWorld.open();
    const client = world.client();
    client.send('early\n');
    client.stream.end();
    world.flow();
    expect(world.stats.outstandingPackets).to.equal(1);
    const worker = world.worker();
    world.flow();
    expect(worker.log).to.deep.equal(['connect', 'early']);
    worker.echo();
    world.flow();
    expect(client.received).to.equal('[early]');
    expect(worker.log.at(-1)).to.equal('close client');
  });

  it('answers what came before the FIN before it ends its own side', async () => {
    const world = await ReactorWorld.open();
    const worker = world.worker();
    const client = world.client();
    client.send('one\ntwo\n');
    client.stream.end();
    world.flow();
    worker.settle(2);
    world.flow();
    expect(client.told).to.deep.equal([]);
    expect(worker.log).to.deep.equal(['connect', 'one', 'two']);
    worker.echo();
    world.flow();
    expect(client.received).to.equal('[two]');
    expect(client.told).to.deep.equal(['end', 'close']);
  });

  it('drops half a packet that a FIN cuts off, and tells connect and close of a silent client', async () => {
    const world = await ReactorWorld.open();
    const worker = world.worker();
    const client = world.client();
    client.send('half');
    client.stream.end();
    world.flow();
    worker.settle();
    world.flow();
    expect(worker.log).to.deep.equal(['connect', 'close client']);
    expect(world.stats.acceptedPackets).to.equal(0);
  });

  it('lets packets be handled that came before a reset, and says that an error closed the connection', async () => {
    const world = await ReactorWorld.open();
    const worker = world.worker();
    const client = world.client();
    client.send('one\ntwo\nthr');
    world.flow();
    worker.settle(2);
    client.stream.destroy(true);
    world.flow();
    expect(worker.log).to.deep.equal(['connect', 'one', 'two', 'close error']);
    worker.echo();
    expect(world.stats).to.deep.include({ handledPackets: 2, outstandingPackets: 0, connections: 0 });
  });

  describe('close by the worker', () => {
    it('flushes, sends FIN, and tells close once the socket is closed', async () => {
      const world = await ReactorWorld.open();
      const worker = world.worker();
      const client = world.client(10);
      client.send('bye\n');
      world.flow();
      client.stream.pause();
      const { connection } = worker.find('bye');
      connection.send(Buffer.alloc(1_000, 'x'), 0, 1_000, 7);
      world.reactor.connection(connection.id)!.finish('server');
      worker.settle();
      world.flow();
      expect(worker.log).to.deep.equal(['connect', 'bye']);
      client.stream.resume();
      client.stream.end();
      world.flow();
      expect(client.received).to.equal('x'.repeat(1_000));
      expect(worker.log).to.deep.equal(['connect', 'bye', 'close server']);
    });

    it('refuses the packets that no worker has as CLOSED, and takes no more', async () => {
      const world = await ReactorWorld.open({ maxQueuedBytes: 1024 });
      const worker = world.worker();
      const client = world.client();
      const packet = 'x'.repeat(1_000);
      client.send(`${packet}\n${packet}\n`);
      world.flow();
      expect(worker.log).to.have.length(2);
      const { connection } = worker.find(packet);
      world.reactor.connection(connection.id)!.finish('server');
      client.send(`${packet}\n`);
      world.flow();
      worker.settle(1);
      worker.settle(1, 'discarded');
      expect(world.stats.refused).to.deep.equal({ CLOSED: 2 });
      expect(world.balance()).to.deep.equal({ accepted: 2, ended: 2 });
      expect(worker.log).to.have.length(2);
    });

    it('with reset drops what is not sent', async () => {
      const world = await ReactorWorld.open();
      const worker = world.worker();
      const client = world.client(10);
      client.send('bye\n');
      world.flow();
      client.stream.pause();
      const { connection } = worker.find('bye');
      connection.send(Buffer.alloc(1_000, 'x'), 0, 1_000, 7);
      world.reactor.connection(connection.id)!.abort('server');
      client.stream.resume();
      world.flow();
      expect(client.received.length).to.be.below(1_000);
      expect(client.told).to.deep.equal(['reset']);
      worker.settle();
      expect(worker.log).to.deep.equal(['connect', 'bye', 'close server']);
    });

    it('waits for a client that takes bytes, resets one that takes none for 10 s', async () => {
      const world = await ReactorWorld.open();
      const worker = world.worker();
      const client = world.client(100);
      client.send('bye\n');
      world.flow();
      client.stream.pause();
      const { connection } = worker.find('bye');
      connection.send(Buffer.alloc(10_000, 'x'), 0, 10_000, 7);
      world.reactor.connection(connection.id)!.finish('server');
      worker.settle();
      for (let round = 0; round < 5; round++) {
        world.clock.advance(9_999);
        client.stream.resume();
        client.served.step();
        client.stream.pause();
      }
      expect(client.served.reset).to.equal(false);
      world.clock.advance(20_000);
      expect(client.served.reset).to.equal(true);
      world.flow();
      expect(worker.log.at(-1)).to.equal('close server');
    });

    it('lets the system deliver what it has taken when the client does not end its side', async () => {
      const world = await ReactorWorld.open();
      const worker = world.worker();
      const client = world.client();
      client.send('bye\n');
      world.flow();
      client.stream.pause();
      const { connection } = worker.find('bye');
      connection.send(Buffer.alloc(10_000, 'x'), 0, 10_000, 7);
      world.reactor.connection(connection.id)!.finish('server');
      worker.settle();
      world.clock.advance(10_000);
      world.flow();
      expect(worker.log.at(-1)).to.equal('close server');
      client.stream.resume();
      world.flow();
      expect(client.received).to.have.length(10_000);
      expect(client.told).to.deep.equal(['end']);
    });
  });

  describe('a fault of the peer', () => {
    it('closes after the packets before it are answered, and refuses what came behind', async () => {
      const world = await ReactorWorld.open({ packageMaxLength: 10 });
      const worker = world.worker();
      const client = world.client();
      client.send(`one\ntwo\n${'x'.repeat(11)}\nthree\n`);
      world.flow();
      expect(worker.log).to.deep.equal(['connect', 'one', 'two']);
      expect(client.told).to.deep.equal([]);
      worker.echo();
      client.stream.end();
      world.flow();
      expect(client.received).to.equal('[one][two]');
      expect(client.told).to.deep.equal(['end', 'close']);
      expect(worker.log.at(-1)).to.equal('close protocol');
      expect(world.stats.refused).to.deep.equal({ PACKET_TOO_LONG: 1 });
    });

    it('takes a packet of exactly packageMaxLength and refuses one byte more', async () => {
      const world = await ReactorWorld.open({ packageMaxLength: 10 });
      const worker = world.worker();
      const [fits, tooLong] = [world.client(), world.client()];
      fits.send(`${'x'.repeat(9)}\n`);
      tooLong.send(`${'y'.repeat(10)}\n`);
      world.flow();
      expect(worker.log).to.deep.equal(['connect', 'connect', 'x'.repeat(9)]);
      expect(world.stats.refused).to.deep.equal({ PACKET_TOO_LONG: 1 });
    });

    it('is counted each time and logged once per kind and interval', async () => {
      const world = await ReactorWorld.open({ packageMaxLength: 4, heartbeatIdleTime: 5_000 });
      const worker = world.worker();
      const faults = (count: number): void => {
        for (let each = 0; each < count; each++) world.client().send('too long\n');
        world.flow();
        worker.settle();
        world.flow();
      };
      faults(5);
      const warnings = (): unknown[] =>
        world.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields);
      expect(warnings()).to.have.length(1);
      expect(warnings()[0]).to.include({ code: 'PACKET_TOO_LONG', count: 1 });
      world.clock.advance(9_999);
      faults(1);
      expect(warnings()).to.have.length(1);
      world.clock.advance(1);
      faults(1);
      expect(warnings()).to.have.length(2);
      expect(warnings()[1]).to.include({ code: 'PACKET_TOO_LONG', count: 7 });
      expect(world.stats.refused).to.deep.equal({ PACKET_TOO_LONG: 7 });
      expect(world.lines[0]!.message).to.include('listener chat');
    });
  });

  it('holds exactly reactorMemoryLimit of incomplete packets of all clients, and closes who sends a byte more', async () => {
    const MiB = 1024 * 1024;
    const world = await ReactorWorld.open({ packageMaxLength: MiB }, { reactorMemoryLimit: MiB });
    world.worker();
    const [first, second] = [world.client(2 * MiB), world.client(2 * MiB)];
    first.send(Buffer.alloc(600_000, 'x'));
    second.send(Buffer.alloc(MiB - 600_000, 'x'));
    world.flow();
    expect([first.told, second.told]).to.deep.equal([[], []]);
    second.send('x');
    world.flow();
    expect([first.told, second.told]).to.deep.equal([[], ['reset']]);
    expect(world.stats.refused).to.deep.equal({ INPUT_OVERFLOW: 1 });
  });

  describe('heartbeat', () => {
    const heartbeat = { heartbeatIdleTime: 5_000 };
    const every = { heartbeatCheckInterval: 1_000 };

    it('closes a client from which nothing came for longer than heartbeatIdleTime', async () => {
      const world = await ReactorWorld.open(heartbeat, every);
      const worker = world.worker();
      const [silent, alive] = [world.client(), world.client()];
      world.clock.advance(3_000);
      alive.send('x');
      world.flow();
      world.clock.advance(2_000);
      world.flow();
      expect(world.stats.refused).to.deep.equal({});
      world.clock.advance(1_000);
      world.flow();
      expect(silent.told).to.deep.equal(['reset']);
      expect(alive.told).to.deep.equal([]);
      worker.settle();
      world.flow();
      expect(worker.log).to.deep.equal(['connect', 'connect', 'close heartbeat']);
      expect(world.stats.refused).to.deep.equal({ HEARTBEAT_TIMEOUT: 1 });
      expect(world.lines.map(({ fields }) => fields?.['code'])).to.deep.equal(['HEARTBEAT_TIMEOUT']);
      world.clock.advance(3_000);
      world.flow();
      expect(alive.told).to.deep.equal(['reset']);
    });

    it('spares a client that we do not read from', async () => {
      const world = await ReactorWorld.open({ ...heartbeat, maxQueuedBytes: 1024 }, every);
      const worker = world.worker();
      const client = world.client();
      const packet = `${'x'.repeat(1_000)}\n`;
      client.send(packet + packet);
      world.flow();
      world.clock.advance(60_000);
      world.flow();
      expect(client.told).to.deep.equal([]);
      worker.settle();
      expect(worker.log).to.have.length(3);
    });

    it('spares a client that has ended its input and waits for its answer, or takes it slowly', async () => {
      const world = await ReactorWorld.open(heartbeat, every);
      const worker = world.worker();
      const client = world.client(100);
      client.send('slow\n');
      client.stream.end();
      world.flow();
      world.clock.advance(60_000);
      const delivery = worker.find('slow');
      client.stream.pause();
      delivery.connection.send(Buffer.alloc(900, 'x'), 0, 900, 7);
      worker.settle();
      world.clock.advance(8_000);
      client.stream.resume();
      world.flow();
      expect(client.received).to.have.length(900);
      expect(client.told).to.deep.equal(['end', 'close']);
      expect(world.stats.refused).to.deep.equal({});
    });

    it('checks nothing where no listener wants it', async () => {
      const world = await ReactorWorld.open();
      expect(world.clock.timers).to.equal(0);
    });
  });

  describe('output', () => {
    const sizes = { socketBufferSize: 1024, packageMaxLength: 4096 };

    async function paused() {
      const world = await ReactorWorld.open(sizes);
      const worker = world.worker();
      const client = world.client(0);
      world.flow();
      worker.settle();
      client.stream.pause();
      const connection = world.reactor.connection(1)!;
      const send = (bytes: number): void => connection.send(Buffer.alloc(bytes, 'x'), 0, bytes, 7);
      const end = (): string => {
        client.served.capacity = 1_000_000;
        client.stream.resume();
        world.flow();
        return client.received;
      };
      return { world, client, send, end };
    }

    it('holds exactly socketBufferSize for a slow client', async () => {
      const { world, send, end } = await paused();
      send(24);
      send(1_000);
      expect(world.stats.refused).to.deep.equal({});
      expect(end()).to.have.length(1_024);
    });

    it('closes the client at one byte more, counts it and logs it', async () => {
      const { world, client, send } = await paused();
      send(24);
      send(1_001);
      send(1);
      world.flow();
      expect(client.told).to.deep.equal(['reset']);
      expect(world.stats.refused).to.deep.equal({ OUTPUT_OVERFLOW: 1 });
      expect(world.lines.map(({ fields }) => fields?.['code'])).to.deep.equal(['OUTPUT_OVERFLOW']);
      expect(world.reactor.outputTotal.used).to.equal(0);
    });

    it('admits one send of packageMaxLength while it is empty', async () => {
      const { world, send, end } = await paused();
      send(4_096);
      expect(world.stats.refused).to.deep.equal({});
      expect(end()).to.have.length(4_096);
      expect(world.reactor.outputTotal.used).to.equal(0);
    });

    it('refuses one byte more than packageMaxLength while it is empty', async () => {
      const { world, send } = await paused();
      send(4_097);
      expect(world.stats.refused).to.deep.equal({ OUTPUT_OVERFLOW: 1 });
    });

    it('passes any number of bytes to a client that takes them', async () => {
      const world = await ReactorWorld.open(sizes);
      const worker = world.worker();
      const client = world.client();
      world.flow();
      worker.settle();
      for (let count = 0; count < 100; count++) {
        world.reactor.connection(1)!.send(Buffer.alloc(1_000, 'x'), 0, 1_000, 7);
      }
      world.flow();
      expect(client.received).to.have.length(100_000);
    });
  });

  describe('drain', () => {
    it('accepts no more, reads no more, and resolves when all that was accepted is settled and closed', async () => {
      const world = await ReactorWorld.open();
      const worker = world.worker();
      const [busy, idle] = [world.client(), world.client()];
      busy.send('one\n');
      world.flow();
      let drained = false;
      const drain = world.reactor.drain(5_000).then(() => (drained = true));
      expect(world.network.closed).to.equal(1);
      busy.send('two\n');
      const late = world.client();
      world.flow();
      expect(late.told).to.deep.equal(['reset']);
      worker.echo();
      world.flow();
      for (const client of [busy, idle]) client.stream.end();
      world.flow();
      expect(drained).to.equal(false);
      worker.settle();
      await drain;
      expect(busy.received).to.equal('[one]');
      for (const client of [busy, idle]) expect(client.told).to.deep.equal(['end', 'close']);
      expect(worker.log.filter((entry) => entry === 'close shutdown')).to.have.length(2);
      expect(world.stats).to.deep.include({ connections: 0, outstandingPackets: 0, acceptedConnections: 2 });
      expect(world.clock.timers).to.equal(0);
    });

    it('resolves at once without connections', async () => {
      const world = await ReactorWorld.open();
      await world.reactor.drain(5_000);
      expect(world.clock.timers).to.equal(0);
    });

    it('resets what is left at the deadline', async () => {
      const world = await ReactorWorld.open();
      const worker = world.worker();
      const client = world.client();
      client.send('never\n');
      world.flow();
      const drain = world.reactor.drain(5_000);
      world.clock.advance(4_999);
      world.flow();
      expect(client.told).to.deep.equal([]);
      world.clock.advance(1);
      await drain;
      world.flow();
      expect(client.told).to.deep.equal(['reset']);
      expect(worker.log).to.deep.equal(['connect', 'never', 'close shutdown']);
    });
  });

  describe('roundRobin', () => {
    const roundRobin = { dispatchMode: 'roundRobin' as const, workerNum: 2 };

    it('gives each packet to the next worker, and introduces the connection once to each', async () => {
      const world = await ReactorWorld.open({}, roundRobin);
      const workers = [world.worker(0), world.worker(1)];
      const client = world.client();
      client.send('a\nb\nc\nd\n');
      world.flow();
      expect(workers.map(({ log }) => log)).to.deep.equal([
        ['introduce 1', 'a', 'c'],
        ['introduce 1', 'b', 'd'],
      ]);
      client.stream.end();
      world.flow();
      expect(client.told).to.deep.equal([]);
      for (const worker of workers) worker.echo();
      world.flow();
      expect(client.told).to.deep.equal(['end', 'close']);
      expect(workers.map(({ log }) => log.at(-1))).to.deep.equal(['forget 1', 'forget 1']);
      expect(world.stats).to.deep.include({ handledPackets: 4, connections: 0 });
    });

    it('waits for the first worker that is ready', async () => {
      const world = await ReactorWorld.open({}, roundRobin);
      const client = world.client();
      client.send('a\n');
      world.flow();
      expect(world.stats.outstandingPackets).to.equal(1);
      expect(world.worker(1).log).to.deep.equal(['introduce 1', 'a']);
    });

    it('gives the packets of a lost worker to those that are ready', async () => {
      const world = await ReactorWorld.open({}, roundRobin);
      const workers = [world.worker(0), world.worker(1)];
      const client = world.client();
      client.send('a\nb\n');
      world.flow();
      workers[0]!.die();
      expect(workers[1]!.log).to.deep.equal(['introduce 1', 'b', 'a (attempt 2, answered 0)']);
      expect(world.stats.redeliveredPackets).to.equal(1);
    });

    it('tells none but the living workers to forget a connection, and introduces it anew to each new one', async () => {
      const world = await ReactorWorld.open({}, roundRobin);
      const first = world.worker(0);
      const client = world.client();
      client.send('a\n');
      world.flow();
      first.settle();
      first.die();
      const second = world.worker(0);
      client.send('b\n');
      world.flow();
      expect(second.log).to.deep.equal(['introduce 1', 'b']);
      second.settle();
      client.stream.end();
      world.flow();
      expect(second.log.at(-1)).to.equal('forget 1');
      expect(first.log).to.deep.equal(['introduce 1', 'a']);
    });
  });
});
