import { expect } from 'chai';
import { ReactorWorld, type FakePort } from './reactor-world.js';

const settings = { dispatchMode: 'roundRobin', enableUnsafeEvent: true, workerNum: 2 } as const;

async function open(): Promise<{ world: ReactorWorld; workers: [FakePort, FakePort] }> {
  const world = await ReactorWorld.open({}, settings);
  return { world, workers: [world.worker(0), world.worker(1)] };
}

const logs = (workers: readonly FakePort[]): readonly (readonly string[])[] => workers.map(({ log }) => log);

describe('A reactor with unordered events', () => {
  it('gives connect before packets and does not wait for it, and close when all is settled', async () => {
    const { world, workers } = await open();
    const client = world.client();
    client.send('a\nb\n');
    world.flow();
    expect(logs(workers)).to.deep.equal([
      ['connect', 'b'],
      ['introduce 1', 'a'],
    ]);
    client.stream.end();
    workers[0].settle();
    world.flow();
    expect(client.told).to.deep.equal([]);
    workers[1].settle();
    world.flow();
    expect(client.told).to.deep.equal(['end', 'close']);
    expect(logs(workers)).to.deep.equal([
      ['connect', 'b'],
      ['introduce 1', 'a', 'close client'],
    ]);
    expect(world.reactor.connection(1)).to.not.equal(undefined);
    workers[1].settle();
    expect(world.reactor.connection(1)).to.equal(undefined);
    expect(workers[0].log.at(-1)).to.equal('forget 1');
  });

  it('gives connect to another worker when one returns it, or is lost with it', async () => {
    const { world, workers } = await open();
    world.client();
    world.flow();
    workers[0].settle(1, 'returned');
    expect(workers[1].log).to.deep.equal(['connect']);
    workers[1].die();
    expect(workers[0].log).to.deep.equal(['connect', 'connect, attempt 2']);
    workers[0].settle();
    expect(world.balance()).to.deep.equal({ accepted: 0, ended: 0 });
  });

  it('gives close to another worker when one returns it, or is lost with it', async () => {
    const { world, workers } = await open();
    const client = world.client();
    workers[0].settle();
    client.stream.end();
    world.flow();
    expect(workers[1].log).to.deep.equal(['introduce 1', 'close client']);
    workers[1].settle(1, 'returned');
    expect(workers[0].log).to.deep.equal(['connect', 'close client']);
    workers[0].die();
    expect(workers[1].log.at(-1)).to.equal('close client');
    workers[1].settle();
    expect(world.reactor.connection(1)).to.equal(undefined);
  });

  it('holds connect and close for the first worker that is ready', async () => {
    const world = await ReactorWorld.open({}, settings);
    const client = world.client();
    client.send('a\n');
    client.stream.end();
    world.flow();
    const worker = world.worker(1);
    world.flow();
    expect(worker.log).to.deep.equal(['connect', 'a']);
    worker.settle(1);
    worker.die();
    const other = world.worker(0);
    expect(other.log).to.deep.equal(['introduce 1', 'a (attempt 2, answered 0)']);
    other.settle();
    world.flow();
    expect(other.log.at(-1)).to.equal('close client');
  });

  it('closes a connection whose connect is poison, and tells those who know it', async () => {
    const { world, workers } = await open();
    const client = world.client();
    client.send('a\n');
    world.flow();
    workers[1].settle();
    const [connect] = workers[0].unsettled;
    workers[0].die({ alone: connect! });
    world.flow();
    expect(client.told).to.deep.equal(['reset']);
    expect(world.reactor.connection(1)).to.equal(undefined);
    expect(workers[1].log).to.deep.equal(['introduce 1', 'a', 'forget 1']);
    expect(world.stats.refused).to.deep.equal({ PACKET_POISON: 1 });
  });

  it('forgets a connection whose close is poison', async () => {
    const { world, workers } = await open();
    const client = world.client();
    workers[0].settle();
    client.stream.end();
    world.flow();
    const [close] = workers[1].unsettled;
    workers[1].die({ alone: close! });
    world.flow();
    expect(world.reactor.connection(1)).to.equal(undefined);
  });
});

describe('A reactor that dispatches packets', () => {
  it('passes over a worker without room, and waits for any when none has some', async () => {
    const narrow = {
      dispatchMode: 'roundRobin',
      workerNum: 2,
      pipeWindow: 65_536,
      maxQueuedBytes: 65_536,
    } as const;
    const world = await ReactorWorld.open({}, narrow);
    const workers = [world.worker(0), world.worker(1)] as const;
    const line = `${'x'.repeat(40_000)}\n`;
    const clients = [world.client(), world.client(), world.client()];
    for (const client of clients) client.send(line);
    world.flow();
    expect(workers.map((worker) => worker.countPackets())).to.deep.equal([1, 1]);
    const last = world.client();
    last.send('short\n');
    world.flow();
    // It waits behind the one that came before.
    expect(workers.map((worker) => worker.countPackets())).to.deep.equal([1, 1]);
    workers[1].settle();
    world.flow();
    expect(workers.map((worker) => worker.countPackets())).to.deep.equal([1, 2]);
    expect(world.stats).to.deep.include({ acceptedPackets: 4, handledPackets: 1, outstandingPackets: 3 });
    workers[0].die();
    world.flow();
    workers[1].settle();
    world.flow();
    workers[1].settle();
    expect(world.stats).to.deep.include({ handledPackets: 4, outstandingPackets: 0 });
  });
});
