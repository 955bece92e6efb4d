import { expect } from 'chai';
import { ReactorWorld } from './reactor-world.js';

describe('Reactor after the loss of a worker', () => {
  it('gives the next worker an adopt and what was not settled, in order, with attempt and answered', async () => {
    const world = await ReactorWorld.open();
    const first = world.worker();
    const client = world.client();
    client.send('a\nb\nc\n');
    world.flow();
    first.settle(2);
    const connection = world.reactor.connection(1)!;
    connection.send(Buffer.from('part'), 0, 4, 7);
    connection.noteAnswered(4);
    connection.state = Buffer.from('kept');
    first.die();
    client.send('d\n');
    world.flow();
    expect(client.told).to.deep.equal([]);
    const second = world.worker();
    world.flow();
    expect(second.log).to.deep.equal([
      'adopt workerLost with kept',
      'b (attempt 2, answered 4)',
      'c (attempt 2, answered 0)',
      'd',
    ]);
    second.echo();
    world.flow();
    expect(client.received).to.equal('part[b][c][d]');
    expect(world.stats).to.deep.include({ acceptedPackets: 4, handledPackets: 4, redeliveredPackets: 2 });
  });

  it('adds up what several attempts have answered', async () => {
    const world = await ReactorWorld.open();
    const client = world.client();
    let worker = world.worker();
    client.send('a\n');
    world.flow();
    worker.settle(1);
    for (const bytes of [3, 4]) {
      world.reactor.connection(1)!.noteAnswered(bytes);
      worker.die({ blameless: true });
      worker = world.worker();
    }
    expect(worker.log).to.deep.equal(['adopt workerLost', 'a (attempt 3, answered 7)']);
  });

  it('does not take for an answer what onConnect sent before the packet began', async () => {
    const world = await ReactorWorld.open();
    const first = world.worker();
    const client = world.client();
    client.send('a\n');
    world.flow();
    world.reactor.connection(1)!.noteAnswered(100);
    first.settle(1);
    first.die();
    expect(world.worker().log).to.deep.equal(['adopt workerLost', 'a (attempt 2, answered 0)']);
  });

  it('begins with connect again when that had not settled', async () => {
    const world = await ReactorWorld.open();
    const first = world.worker();
    world.client().send('a\n');
    world.flow();
    first.die();
    expect(world.worker().log).to.deep.equal(['connect, attempt 2', 'a (attempt 2, answered 0)']);
  });

  it('gives the close to the next worker when it had not settled', async () => {
    const world = await ReactorWorld.open();
    const first = world.worker();
    const client = world.client();
    world.flow();
    first.settle();
    client.stream.end();
    world.flow();
    expect(first.log).to.deep.equal(['connect', 'close client']);
    first.die();
    const second = world.worker();
    expect(second.log).to.deep.equal(['adopt workerLost', 'close client']);
    second.settle();
    expect(world.reactor.connection(1)).to.equal(undefined);
  });

  it('tells the next worker that nobody is there, when packets come before the close', async () => {
    const world = await ReactorWorld.open({ maxQueuedBytes: 1024 });
    const first = world.worker();
    const client = world.client();
    client.send('a\nb\n');
    world.flow();
    first.settle(1);
    client.stream.destroy(true);
    world.flow();
    expect(first.log).to.deep.equal(['connect', 'a', 'b', 'close error']);
    first.die();
    expect(world.worker().log).to.deep.equal([
      'adopt workerLost',
      'cancel 1',
      'a (attempt 2, answered 0)',
      'b (attempt 2, answered 0)',
      'close error',
    ]);
  });

  it('counts no attempt when nothing had been started, and says why the worker changed', async () => {
    const world = await ReactorWorld.open();
    const first = world.worker();
    world.client().send('a\n');
    world.flow();
    first.settle(1);
    first.die({ started: false, blameless: true, reason: 'retired' });
    expect(world.worker().log).to.deep.equal(['adopt retired', 'a']);
  });

  it('counts no attempt for what waited behind a handler that was pending', async () => {
    const world = await ReactorWorld.open();
    const first = world.worker();
    world.client().send('a\nb\n');
    world.flow();
    first.settle(1);
    first.find('a').pending = true;
    first.die();
    expect(world.worker().log).to.deep.equal(['adopt workerLost', 'a (attempt 2, answered 0)', 'b']);
  });

  describe('at the second death in a row', () => {
    async function suspected() {
      const world = await ReactorWorld.open();
      const clients = [world.client(), world.client()];
      clients[0]!.send('bad\nafter\n');
      clients[1]!.send('good\n');
      let worker = world.worker();
      world.flow();
      worker.settle(1);
      for (let deaths = 0; deaths < 2; deaths++) {
        worker.die();
        worker = world.worker();
      }
      return { world, clients, worker };
    }

    it('gives what was unsettled alone, and nothing before that', async () => {
      const world = await ReactorWorld.open();
      world.client().send('a\n');
      world.flow();
      world.worker().die();
      const second = world.worker();
      expect(second.log.at(-1)).to.equal('a (attempt 2, answered 0)');
      second.die();
      expect(world.worker().log.at(-1)).to.equal('a (attempt 3, answered 0) alone');
    });

    it('refuses the packet that ran alone as poison, closes its connection, and charges nobody else', async () => {
      const { world, clients, worker } = await suspected();
      worker.die({ alone: worker.find('bad') });
      world.flow();
      expect(clients[0]!.told).to.deep.equal(['reset']);
      expect(clients[1]!.told).to.deep.equal([]);
      expect(world.stats.refused).to.deep.equal({ PACKET_POISON: 1, CLOSED: 1 });
      expect(world.lines.map(({ fields }) => fields?.['code'])).to.deep.equal(['PACKET_POISON']);
      const next = world.worker();
      next.echo();
      world.flow();
      expect(clients[1]!.received).to.equal('[good]');
      expect(next.log).to.include('close poison');
      expect(world.balance()).to.deep.equal({ accepted: 3, ended: 3 });
    });

    it('suspects a packet no more than before when another ran alone, here or at another owner', async () => {
      for (const other of [false, true]) {
        const world = await ReactorWorld.open();
        const client = world.client();
        const first = world.worker();
        client.send('a\n');
        world.flow();
        first.settle(1);
        first.die();
        const second = world.worker();
        second.settle(1);
        const stranger = world.client();
        stranger.send('b\n');
        world.flow();
        second.die({ alone: other ? 'other' : second.find('b') });
        expect(world.worker().log).to.include('a (attempt 3, answered 0)');
      }
    });

    it('charges nobody for a death that the framework caused', async () => {
      const world = await ReactorWorld.open();
      world.client().send('a\n');
      world.flow();
      for (let deaths = 0; deaths < 5; deaths++)
        world.worker().die({ blameless: true, reason: 'managerLost' });
      expect(world.worker().log.at(-1)).to.equal('a (attempt 6, answered 0)');
    });

    it('still knows no suspect when the one before has settled', async () => {
      const world = await ReactorWorld.open();
      const client = world.client();
      client.send('a\n');
      world.flow();
      world.worker().die();
      const second = world.worker();
      second.settle();
      client.send('b\n');
      world.flow();
      second.die();
      expect(world.worker().log.at(-1)).to.equal('b (attempt 2, answered 0)');
    });
  });
});
