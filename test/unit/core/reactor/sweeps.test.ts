import { expect } from 'chai';
import { ReactorWorld, type Client } from './reactor-world.js';

/** Lets time pass in steps; gives the ms after which the client was told of the end, undefined if it was not. */
function endOf(world: ReactorWorld, client: Client, ms: number, each: (time: number) => void = () => {}) {
  for (let time = 0; time < ms; time += 10) {
    if (client.told.length > 0) return time;
    each(time);
    world.flow();
    world.clock.advance(10);
    world.flow();
  }
  return client.told.length > 0 ? ms : undefined;
}

describe('partialPacketTimeout', () => {
  const options = { partialPacketTimeout: 800 };

  it('closes a connection whose packet is not whole in that time, at most a quarter later', async () => {
    const world = await ReactorWorld.open(options);
    const worker = world.worker();
    const client = world.client();
    client.send('whole\npart');
    const end = endOf(world, client, 3_000, (time) => {
      if (time % 100 === 0) client.send('x');
    });
    expect(end).to.be.within(800, 1_000);
    worker.settle();
    world.flow();
    expect(worker.log).to.deep.equal(['connect', 'whole', 'close partialPacket']);
    expect(world.stats.refused).to.deep.equal({ PARTIAL_PACKET_TIMEOUT: 1 });
    expect(world.stats.closedBy).to.deep.equal({ partialPacket: 1 });
  });

  it('spares one whose packets take no longer, and one that says nothing', async () => {
    const world = await ReactorWorld.open(options);
    const worker = world.worker();
    const [busy, silent] = [world.client(), world.client()];
    const end = endOf(world, busy, 5_000, (time) => {
      if (time % 700 === 0) busy.send('end\nbegin');
      worker.settle();
    });
    expect([end, silent.told]).to.deep.equal([undefined, []]);
  });

  it('spares one that we do not read from', async () => {
    const world = await ReactorWorld.open({ ...options, maxQueuedBytes: 1024 });
    world.worker();
    const client = world.client();
    client.send(`${'x'.repeat(1_000)}\n`.repeat(2));
    expect(endOf(world, client, 5_000)).to.equal(undefined);
  });
});

describe('maxIdleTime', () => {
  const options = { maxIdleTime: 800 };

  it('closes a connection on which nothing moves for so long, also one that never spoke', async () => {
    const world = await ReactorWorld.open(options);
    const worker = world.worker();
    const [silent, spoke] = [world.client(), world.client()];
    spoke.send('x\n');
    world.flow();
    worker.echo();
    expect(endOf(world, silent, 3_000)).to.be.within(800, 1_000);
    expect(endOf(world, spoke, 3_000)).to.be.within(0, 200);
    worker.settle();
    world.flow();
    expect(worker.log.slice(-2)).to.deep.equal(['close idle', 'close idle']);
    expect(world.stats.refused).to.deep.equal({ IDLE_TIMEOUT: 2 });
    world.clock.advance(100);
    expect(world.clock.timers, 'with nobody to look at').to.equal(0);
  });

  it('spares one that hears from us, and one that is protected', async () => {
    const world = await ReactorWorld.open(options);
    const worker = world.worker();
    const [listener, safe] = [world.client(), world.client()];
    worker.settle();
    const [id = 0, safeId = 0] = world.reactor.connectionsAfter(-1, 2).map(({ id: each }) => each);
    world.reactor.connection(safeId)!.isProtected = true;
    const end = endOf(world, listener, 4_000, (time) => {
      if (time % 500 === 0) world.reactor.connection(id)!.send(Buffer.from('tick'), 0, 4, worker.pid);
    });
    expect([end, safe.told]).to.deep.equal([undefined, []]);
  });

  it('closes one that does not read what it is sent', async () => {
    const world = await ReactorWorld.open(options);
    const worker = world.worker();
    const stuck = world.client(100);
    worker.settle();
    const [{ id } = { id: 0 }] = world.reactor.connectionsAfter(-1, 1);
    stuck.stream.pause();
    const end = endOf(world, stuck, 4_000, (time) => {
      if (time % 300 === 0) world.reactor.connection(id)?.send(Buffer.alloc(64), 0, 64, worker.pid);
    });
    expect(end).to.be.within(800, 1_600);
    expect(world.stats.closedBy).to.deep.equal({ idle: 1 });
  });
});

describe('heartbeatIdleTime', () => {
  it('closes a connection that never spoke, and not one that is protected', async () => {
    const world = await ReactorWorld.open({ heartbeatIdleTime: 1_000 }, { heartbeatCheckInterval: 1_000 });
    world.worker();
    const [silent, safe] = [world.client(), world.client()];
    const [, safeId = 0] = world.reactor.connectionsAfter(-1, 2).map(({ id }) => id);
    world.reactor.connection(safeId)!.isProtected = true;
    expect(endOf(world, silent, 5_000)).to.be.within(1_000, 2_010);
    expect(safe.told).to.deep.equal([]);
    expect(world.stats.closedBy).to.deep.equal({ heartbeat: 1 });
  });
});
