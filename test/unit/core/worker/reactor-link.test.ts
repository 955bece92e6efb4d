import { LocalDirectory } from '@shoal/core/internal/directory/connection-directory';
import { expect } from 'chai';
import fc from 'fast-check';
import type { SettingsInput } from '@shoal/core/internal/config/load';
import type { Definition } from '@shoal/core/internal/definition';
import { codeOf } from '@shoal/core/internal/errors';
import { Invoker } from '@shoal/core/internal/events/invoke';
import { encodeOrder } from '@shoal/core/internal/pipe/orders';
import { PipeGate } from '@shoal/core/internal/reactor/pipe-gate';
import type { Connection } from '@shoal/core/internal/worker/connection';
import { ReactorLink } from '@shoal/core/internal/worker/reactor-link';
import { Worker } from '@shoal/core/internal/worker/worker';
import { keptLog } from '../log-lines.js';
import { promiseJobs } from '../pipe/manual-clock.js';
import { choices, flow, MemoryStream, whole, type Choice } from '../pipe/memory-stream.js';
import { ReactorWorld, type ListenerOptions } from '../reactor/reactor-world.js';
import { Gate, nobodyById } from './worker-world.js';

type Receive = (connection: Connection, data: Buffer) => unknown;

interface Options {
  readonly listener?: ListenerOptions;
  readonly input?: Partial<SettingsInput>;
  readonly capacity?: number;
  readonly choose?: Choice;
}

/** A reactor and a real worker, with a pipe between them. */
class LinkWorld {
  readonly #gate: PipeGate;
  readonly #streams: MemoryStream[] = [];
  #incarnation = 0;
  worker!: Worker;
  link!: ReactorLink;
  /** The worker's end of the pipe. */
  stream!: MemoryStream;

  private constructor(
    readonly world: ReactorWorld,
    private readonly receive: Receive,
    private readonly options: Options,
  ) {
    this.#gate = new PipeGate(world.reactor, world.clock, keptLog().logger, 20_000_000);
  }

  static async open(receive: Receive, options: Options = {}): Promise<LinkWorld> {
    const world = new LinkWorld(await ReactorWorld.open(options.listener, options.input), receive, options);
    await world.start();
    return world;
  }

  /** A worker starts and takes the place. */
  async start(): Promise<void> {
    const { clock, reactor } = this.world;
    const definition: Definition = {
      name: 'App',
      settings: {},
      handlers: [{ event: 'receive', label: 'Chat.line', target: { kind: 'function', run: this.receive } }],
      timers: [],
    };
    const { settings } = reactor;
    const invoker = new Invoker(keptLog().logger, undefined);
    const worker = new Worker({
      clock,
      settings,
      definition,
      invoker,
      container: undefined,
      onLost() {},
      byId: nobodyById,
    });
    const [near, far] = MemoryStream.pair(this.options.capacity);
    this.#streams.push(near, far);
    this.#gate.accept(near);
    const link = new ReactorLink(far, clock, settings, worker);
    const greeted = link.greet({ role: 'worker', workerId: 0, incarnation: ++this.#incarnation, pid: 7 });
    flow(clock, this.#streams, this.options.choose);
    await greeted;
    void worker.serve({
      owners: [link],
      directory: new LocalDirectory(
        false,
        () => link,
        () => [link],
      ),
      ownerOf: () => link,
      end: (id, reset) => (link.end(id, reset), true),
      ready: () => link.ready(),
      leave: (unstarted) => link.leave(unstarted),
      stats: () => undefined,
    });
    Object.assign(this, { worker, link, stream: far });
  }

  /** The worker's process is gone, with up to `lost` bytes that the system had taken. */
  die(lost = 0): void {
    this.stream.die(lost);
  }

  /** One thing moves on the pipe. */
  step(most?: number): void {
    for (const stream of this.#streams) stream.step(most);
  }

  async flow(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      await promiseJobs();
      flow(this.world.clock, this.#streams, this.options.choose ?? whole);
      this.world.flow(this.options.choose);
    }
  }
}

const framing = { kind: 'lengthPrefix', strip: false } as const;

function framed(bytes: number, fill: number): Buffer {
  const packet = Buffer.alloc(4 + bytes, fill);
  packet.writeUInt32BE(bytes);
  return packet;
}

describe('ReactorLink', () => {
  it('answers every packet once and in order, however the bytes flow and however often the worker dies', async () => {
    const packets = fc.array(
      fc.record({
        client: fc.nat(2),
        bytes: fc.oneof(
          { weight: 6, arbitrary: fc.nat(500) },
          { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 150_000 }) },
        ),
      }),
      { minLength: 1, maxLength: 25 },
    );
    // Two, for a third one may find a suspect running alone, which is then poison.
    const deaths = fc.array(fc.record({ steps: fc.nat(30), lost: fc.nat(5_000) }), { maxLength: 2 });
    const seeds = fc.integer({ min: 1, max: 2 ** 31 });
    await fc.assert(
      fc.asyncProperty(
        packets,
        deaths,
        seeds,
        fc.constantFrom(3_000, 100_000),
        async (sent, ends, seed, capacity) => {
          const choose = choices(seed);
          // An async handler for every third packet; each answers in the turn in which it settles.
          const receive: Receive = (connection, data) => {
            if (data[4]! % 3 !== 0) return connection.send(data);
            return Promise.resolve().then(() => connection.send(data));
          };
          const all = await LinkWorld.open(receive, { listener: { framing }, capacity, choose });
          const clients = [0, 1, 2].map(() => all.world.client());
          const bodies = sent.map(({ bytes }, index) => framed(bytes + 1, index));
          sent.forEach(({ client }, index) => clients[client]!.send(bodies[index]!));
          for (const { steps, lost } of ends) {
            for (let count = 0; count < steps; count++) {
              all.world.clock.turn();
              all.step(1 + choose() * 50_000);
              for (const client of clients) {
                client.stream.step(1 + choose() * 50_000);
                client.served.step();
              }
              if (count % 4 === 0) await promiseJobs();
            }
            all.die(lost);
            await all.flow();
            await all.start();
          }
          for (let rounds = 0; rounds < 20; rounds++) await all.flow();
          clients.forEach((client, at) => {
            const expected = bodies.filter((_, index) => sent[index]!.client === at);
            expect(client.received === Buffer.concat(expected).toString('latin1')).to.equal(true);
          });
          const { stats } = all.world;
          expect(stats).to.deep.include({
            acceptedPackets: sent.length,
            handledPackets: sent.length,
            outstandingPackets: 0,
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  it('lets no settlement overtake a large send of its connection, so that none is lost with the worker', async () => {
    const world = await LinkWorld.open(
      async (connection) => {
        connection.send(Buffer.alloc(300_000, 'x'));
        await promiseJobs();
      },
      { capacity: 10_000 },
    );
    const client = world.world.client();
    client.send('a\n');
    for (let count = 0; count < 20; count++) {
      world.world.clock.turn();
      world.world.flow();
      world.step(5_000);
      await promiseJobs();
    }
    expect(client.received).to.equal('');
    world.die();
    await world.flow();
    expect(world.world.stats).to.deep.include({ handledPackets: 0, outstandingPackets: 1 });
    await world.start();
    await world.flow();
    expect(client.received).to.have.length(300_000);
    expect(world.world.stats.handledPackets).to.equal(1);
  });

  it('carries the answers of one read to one connection in one frame', async () => {
    const world = await LinkWorld.open((connection, data) => connection.send(`[${data.toString()}]`));
    const client = world.world.client();
    await world.flow();
    client.send('a\nb\nc\n');
    await world.flow();
    expect(client.received).to.equal('[a][b][c]');
    expect(client.served.writes).to.deep.equal([1]);
    expect(world.world.stats.handledPackets).to.equal(3);
  });

  it('starts no handler while the reactor is behind by more than pipeWindow, and goes on then', async () => {
    let started = 0;
    const world = await LinkWorld.open(
      (connection) => {
        started++;
        connection.send(Buffer.alloc(60_000));
      },
      { input: { pipeWindow: 200_000 } },
    );
    const client = world.world.client();
    await world.flow();
    world.stream.capacity = 0;
    client.send('x\n'.repeat(50));
    await world.flow();
    expect(started).to.be.within(3, 6);
    world.stream.capacity = 1_000_000;
    await world.flow();
    expect(started).to.equal(50);
    expect(client.received).to.have.length(50 * 60_000);
  });

  it('takes nothing for a connection by its id, and asks nothing, once it has left', async () => {
    const world = await LinkWorld.open(() => {}, {});
    world.world.client();
    await world.flow();
    const join = encodeOrder({ what: 'join', id: 1, group: 'g' }, undefined, 0);
    expect([world.link.sendTo(1, 'x', 1), world.link.order(join)]).to.deep.equal([true, true]);
    world.link.leave(true);
    expect([world.link.sendTo(1, 'x', 1), world.link.order(join)]).to.deep.equal([false, false]);
    const asked = await world.link.request({ what: 'isOnline', uid: 1 }).catch(codeOf);
    expect(asked).to.equal('ASK_LOST');
  });

  it('refuses a send by id of more than any connection takes, and takes one of exactly that', async () => {
    const world = await LinkWorld.open(() => {}, {
      listener: { packageMaxLength: 5_000, socketBufferSize: 3_000 },
    });
    const client = world.world.client();
    await world.flow();
    expect(world.link.sendTo(1, Buffer.alloc(5_001), 5_001)).to.equal(false);
    expect(world.link.sendTo(1, Buffer.alloc(5_000), 5_000)).to.equal(true);
    await world.flow();
    expect(client.received).to.have.length(5_000);
  });

  it('refuses what one connection has waiting beyond socketBufferSize, and an empty one admits packageMaxLength', async () => {
    const world = await LinkWorld.open(() => {}, {
      listener: { packageMaxLength: 5_000, socketBufferSize: 3_000 },
    });
    world.world.client();
    await world.flow();
    const conversation = world.worker.find(1)!;
    expect(world.link.admits(conversation, 5_000)).to.equal(true);
    expect(world.link.admits(conversation, 5_001)).to.equal(false);
    world.link.send(conversation, ['x'], 1);
    expect(world.link.admits(conversation, 2_999)).to.equal(true);
    expect(world.link.admits(conversation, 3_000)).to.equal(false);
    await world.flow();
    expect(conversation.unacknowledged).to.equal(0);
  });

  it('gives back what it has not started when it leaves, and hands over what it has answered', async () => {
    const gate = new Gate();
    const attempts: string[] = [];
    const world = await LinkWorld.open(
      async (connection, data) => {
        attempts.push(data.toString());
        await gate.passed;
        connection.send(data.toString().repeat(200_000));
      },
      { capacity: 5_000 },
    );
    const client = world.world.client();
    client.send('a\nb\n');
    await world.flow();
    const stop = world.worker.stop(1_000);
    gate.open();
    await world.flow();
    await stop;
    await world.flow();
    expect(client.received).to.equal('a'.repeat(200_000));
    await world.start();
    await world.flow();
    expect(client.received).to.have.length(400_000);
    expect(attempts).to.deep.equal(['a', 'b']);
    expect(world.world.stats).to.deep.include({ handledPackets: 2, redeliveredPackets: 0 });
  });

  it('rejects the greeting with the reason when the reactor refuses, and when the pipe closes', async () => {
    const world = await LinkWorld.open(() => {});
    const greet = async (say: (near: MemoryStream) => void): Promise<string> => {
      const [near, far] = MemoryStream.pair();
      const link = new ReactorLink(far, world.world.clock, world.world.reactor.settings, world.worker);
      say(near);
      const greeted = link.greet({ role: 'worker', workerId: 5, incarnation: 1, pid: 7 }).then(
        () => 'welcome',
        (error: { code: string; message: string }) => `${error.code} ${error.message}`,
      );
      flow(world.world.clock, [near, far]);
      return greeted;
    };
    const gate = new PipeGate(world.world.reactor, world.world.clock, keptLog().logger, 1_000_000);
    expect(await greet((near) => gate.accept(near))).to.match(/^PIPE_REFUSED .*no place for worker 5/);
    expect(await greet((near) => near.destroy())).to.match(/^PIPE_BROKEN /);
  });
});
