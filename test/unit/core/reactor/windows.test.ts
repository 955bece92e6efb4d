import { expect } from 'chai';
import fc from 'fast-check';
import type { Delivery } from '@shoal/core/internal/reactor/delivery';
import { choices } from '../pipe/memory-stream.js';
import { ReactorWorld, type FakePort } from './reactor-world.js';

const MAX_PACKET = 200_000;
const MAX_QUEUED = 50_000;
const PIPE_WINDOW = 150_000;
const LARGE_BYTES = 64 * 1024;

const isLarge = ({ start, end }: Delivery): boolean => end - start > LARGE_BYTES;
const sum = (deliveries: readonly Delivery[]): number =>
  deliveries.reduce((total, { charge }) => total + charge, 0);

function expectBounds({ unsettled }: FakePort): void {
  const packets = unsettled.filter(({ kind }) => kind === 'packet');
  const within = (some: readonly Delivery[], limit: number): void => {
    if (some.length > 1) expect(sum(some)).to.be.at.most(limit);
  };
  within(
    packets.filter((packet) => !isLarge(packet)),
    PIPE_WINDOW,
  );
  within(packets.filter(isLarge), 4 * MAX_PACKET);
  for (const connection of new Set(packets.map((packet) => packet.connection))) {
    within(
      packets.filter((packet) => packet.connection === connection),
      MAX_QUEUED,
    );
  }
}

async function open(): Promise<ReactorWorld> {
  const framing = { kind: 'lengthPrefix', strip: true } as const;
  const listener = { framing, packageMaxLength: MAX_PACKET, maxQueuedBytes: MAX_QUEUED };
  return ReactorWorld.open(listener, { pipeWindow: PIPE_WINDOW });
}

function framed(bytes: number, fill: number): Buffer {
  const packet = Buffer.alloc(4 + bytes, fill);
  packet.writeUInt32BE(bytes);
  return packet;
}

describe('windows', () => {
  it('bound what is unsettled, for each connection and each pipe, and let everything through in the end', async () => {
    const bytes = fc.oneof(
      { weight: 5, arbitrary: fc.nat(8_000) },
      { weight: 1, arbitrary: fc.integer({ min: 40_000, max: MAX_PACKET - 4 }) },
    );
    const packets = fc.array(fc.record({ client: fc.nat(5), bytes }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(packets, fc.integer({ min: 1, max: 2 ** 31 }), async (sent, seed) => {
        const world = await open();
        const choose = choices(seed);
        const worker = world.worker();
        worker.onPacket = () => expectBounds(worker);
        const clients = Array.from({ length: 6 }, () => world.client());
        const got = clients.map((): number[] => []);
        sent.forEach(({ client, bytes: size }, index) => clients[client]!.send(framed(size, index & 0xff)));
        for (let rounds = 0; rounds < 10_000; rounds++) {
          world.flow(choose);
          if (worker.unsettled.length === 0) break;
          const at = Math.floor(choose() * worker.unsettled.length);
          const delivery = worker.unsettled[at]!;
          if (delivery.kind === 'packet')
            got[delivery.connection.id - 1]!.push(delivery.end - delivery.start);
          worker.settleOne(delivery);
        }
        for (const [client, sizes] of got.entries()) {
          const expected = sent.filter((packet) => packet.client === client).map((packet) => packet.bytes);
          expect(sizes.sort((a, b) => a - b)).to.deep.equal(expected.sort((a, b) => a - b));
        }
        expect(clients.some(({ served }) => served.paused)).to.equal(false);
        expect(world.reactor.slots[0]!.used).to.deep.equal([0, 0]);
      }),
      { numRuns: 40 },
    );
  });

  it('pause the socket of the connection that is full, and no other', async () => {
    const world = await open();
    const worker = world.worker();
    const [full, other] = [world.client(), world.client()];
    for (let count = 0; count < 10; count++) full.send(framed(10_000, 1));
    other.send(framed(10_000, 2));
    world.flow();
    expect([full.served.paused, other.served.paused]).to.deep.equal([true, false]);
    expect(worker.unsettled.filter(({ kind }) => kind === 'packet')).to.have.length(5);
    worker.settle();
    world.flow();
    worker.settle();
    world.flow();
    expect(full.served.paused).to.equal(false);
  });

  it('pause the sockets of a worker whose pipe is full, and not those of another', async () => {
    const framing = { kind: 'lengthPrefix', strip: true } as const;
    const world = await ReactorWorld.open(
      { framing, maxQueuedBytes: MAX_QUEUED },
      { pipeWindow: PIPE_WINDOW, workerNum: 2 },
    );
    const workers = [world.worker(0), world.worker(1)];
    const clients = Array.from({ length: 12 }, () => world.client());
    // Odd ids go to worker 1.
    for (const client of clients.filter((_, index) => index % 2 === 0)) {
      for (let count = 0; count < 4; count++) client.send(framed(10_000, 1));
    }
    world.flow();
    expect(sum(workers[1]!.unsettled)).to.be.within(PIPE_WINDOW - 10_068, PIPE_WINDOW + 6 * 64);
    for (const client of clients.filter((_, index) => index % 2 === 1)) client.send(framed(10_000, 1));
    world.flow();
    expect(clients.filter((_, index) => index % 2 === 1).some(({ served }) => served.paused)).to.equal(false);
    expect(clients.filter(({ served }) => served.paused)).to.have.length.above(0);
    for (let rounds = 0; rounds < 5; rounds++) {
      for (const worker of workers) worker.settle();
      world.flow();
    }
    expect(clients.some(({ served }) => served.paused)).to.equal(false);
    expect(world.stats.handledPackets).to.equal(30);
  });

  it('do not count what waits for the reader of a stream in that of the pipe, however it ends', async () => {
    const world = await open();
    const worker = world.worker();
    const [slot] = world.reactor.slots;
    const clients = Array.from({ length: 8 }, () => world.client());
    world.flow();
    worker.settle();
    for (const client of clients) client.send(framed(40_000, 1));
    world.flow();
    const held = worker.unsettled.filter(({ kind }) => kind === 'packet');
    expect(held).to.have.length(3);
    slot!.hold(held[0]!);
    expect(slot!.used[0]).to.equal(sum(held));
    for (const { connection } of [...held]) world.reactor.connection(connection.id)!.pin(worker, slot!);
    for (const delivery of held) slot!.hold(delivery);
    for (const delivery of held) slot!.hold(delivery);
    const more = worker.unsettled.filter((delivery) => !held.includes(delivery));
    // Those that wait are woken when the window is half empty.
    expect(more).to.have.length(2);
    expect(slot!.used[0]).to.equal(sum(more));
    worker.settleOne(held[0]!);
    expect(slot!.used[0]).to.equal(sum(worker.unsettled.filter((delivery) => !held.includes(delivery))));
    worker.die();
    expect(slot!.used).to.deep.equal([0, 0]);
  });

  it('do not stop small packets for a large one, nor large ones for small', async () => {
    const world = await open();
    const worker = world.worker();
    for (let count = 0; count < 8; count++) world.client().send(framed(MAX_PACKET - 4, count));
    const small = world.client();
    small.send(framed(10, 9));
    world.flow();
    const packets = worker.unsettled.filter(({ kind }) => kind === 'packet');
    expect(packets.filter(isLarge)).to.have.length(3);
    expect(packets.filter((packet) => !isLarge(packet))).to.have.length(1);
  });

  it('serve connections that wait for room in turn, so that none is kept out by the others', async () => {
    const world = await open();
    const worker = world.worker();
    const clients = Array.from({ length: 8 }, () => world.client());
    for (const client of clients) for (let count = 0; count < 60; count++) client.send(framed(10_000, 1));
    const served = new Map<number, number>();
    worker.onPacket = ({ connection }) => served.set(connection.id, (served.get(connection.id) ?? 0) + 1);
    for (let rounds = 0; rounds < 8; rounds++) {
      world.flow();
      worker.settle();
    }
    expect(served.size).to.equal(8);
    const counts = [...served.values()];
    expect(Math.max(...counts) - Math.min(...counts)).to.be.at.most(10);
  });

  it('let a connection in while others settle and send without a pause', async () => {
    const world = await open();
    const worker = world.worker();
    const many = Buffer.concat(Array.from({ length: 60 }, () => framed(1_000, 1)));
    for (let count = 0; count < 4; count++) {
      const greedy = world.client();
      for (let chunks = 0; chunks < 30; chunks++) greedy.send(many);
    }
    world.flow();
    const modest = world.client();
    modest.send(framed(1_000, 2));
    world.flow();
    const isModest = ({ kind, connection }: Delivery): boolean => kind === 'packet' && connection.id === 5;
    expect(worker.unsettled.some(isModest)).to.equal(false);
    // What was on its way when it came, and no more.
    for (let left = worker.unsettled.length; left > 0; left--) {
      worker.settle(1);
      world.flow();
    }
    expect(worker.unsettled.some(isModest)).to.equal(true);
  });
});
