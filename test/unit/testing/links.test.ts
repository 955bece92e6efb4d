import { createHash } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import type { ByteStream } from '@shoal/core/internal/platform/platform';
import type { LinkBehaviour } from '@shoal/testing/internal/world/link-behaviour';
import { type LinkedStream, World } from '@shoal/testing/internal/world/world';
import type { WorldOptions } from '@shoal/testing/internal/world/world-options';
import { echo, PORT, Recorder, serving } from './programs.js';

/** The quickest trip, and what virtual times are multiples of. */
const TICK = 1 / 16;
const AT_ONCE: LinkBehaviour = { latency: 0, fragment: 65_536, coalesce: 0 };

/** Both ends of one connection. */
interface Connection {
  readonly near: LinkedStream;
  readonly client: Recorder;
  readonly server: Recorder;
}

/** A world whose only process accepts and does nothing. */
class Place {
  readonly #accepted: Recorder[] = [];
  readonly world: World;

  constructor(options: WorldOptions = {}) {
    this.world = serving((stream) => this.#accepted.push(new Recorder(stream)), options);
  }

  async connect(link?: LinkBehaviour): Promise<Connection> {
    const { world } = this;
    const earlier = this.#accepted.length;
    await until(world, () => world.leftovers().ports.includes(PORT));
    const near = connectTo(world, link);
    await until(world, () => near() !== undefined && this.#accepted.length > earlier);
    return { near: near()!, client: new Recorder(near()!), server: this.#accepted[earlier]! };
  }
}

async function place(
  link?: LinkBehaviour,
  options?: WorldOptions,
): Promise<Connection & { readonly world: World }> {
  const there = new Place(options);
  return { world: there.world, ...(await there.connect(link)) };
}

function connectTo(world: World, link?: LinkBehaviour): () => LinkedStream | undefined {
  let stream: LinkedStream | undefined;
  world.connect({ port: PORT, ...(link !== undefined && { link }) }, (outcome) => {
    if (!(outcome instanceof Error)) stream = outcome;
  });
  return () => stream;
}

async function until(world: World, fact: () => boolean): Promise<void> {
  await world.until(fact, () => fact.toString(), 600_000);
}

function pattern(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 255));
}

function digest(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('hex');
}

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was thrown';
}

describe('Link, bandwidth', () => {
  const cases = [
    { bytes: 1, bandwidth: 1 },
    { bytes: 1_000, bandwidth: 1_000 },
    { bytes: 7_777, bandwidth: 3_000 },
    { bytes: 500_000, bandwidth: 100_000 },
    { bytes: 3_000_000, bandwidth: 50_000_000 },
  ];
  for (const { bytes, bandwidth } of cases) {
    it(`lets ${bytes} bytes pass at ${bandwidth} bytes/s in exactly ${bytes / bandwidth} s, in each direction`, async () => {
      const { world, client, server } = await place({ ...AT_ONCE, bandwidth });
      const ms = Math.ceil((bytes * 1000) / bandwidth / TICK) * TICK;
      client.stream.write(pattern(bytes));
      server.stream.write(pattern(bytes));
      await world.advance(ms);
      expect([client.bytes.length < bytes, server.bytes.length < bytes]).to.deep.equal([true, true]);
      await world.advance(TICK);
      expect([digest(client.bytes), digest(server.bytes)]).to.deep.equal([
        digest(pattern(bytes)),
        digest(pattern(bytes)),
      ]);
      world.end();
    });
  }

  it('saves nothing up while nothing passes', async () => {
    const { world, client, server } = await place({ ...AT_ONCE, bandwidth: 1_000 });
    for (let size = 100; size <= 300; size += 100) {
      server.stream.write(Buffer.alloc(100));
      await world.advance(100);
      expect(client.bytes.length).to.be.below(size);
      await world.advance(TICK);
      expect(client.bytes.length).to.equal(size);
      await world.advance(10_000);
    }
    world.end();
  });

  it('lets bytes arrive while others still wait', async () => {
    const { world, client, server } = await place({ ...AT_ONCE, bandwidth: 1_000 });
    server.stream.write(Buffer.alloc(1_000));
    for (let ms = 100; ms < 1_000; ms += 100) {
      await world.advance(100);
      expect(client.bytes.length).to.be.within(ms - 11, ms);
    }
    world.end();
  });

  it('binds one client and neither the others nor pipes', async () => {
    const there = new Place();
    const slow = await there.connect({ bandwidth: 1 });
    const other = await there.connect();
    slow.server.stream.write(Buffer.alloc(100));
    other.server.stream.write(Buffer.alloc(100_000));
    await there.world.advance(20);
    expect([slow.client.bytes.length, other.client.bytes.length]).to.deep.equal([0, 100_000]);
    there.world.end();
  });

  it('holds the writer back once the system is full', async () => {
    const { world, client, server } = await place({ ...AT_ONCE, bandwidth: 1_000 }, { kernelBuffer: 500 });
    server.stream.write(Buffer.alloc(1_000));
    expect(server.stream.buffered).to.equal(500);
    await world.advance(400);
    expect(server.stream.buffered).to.be.within(100, 120);
    await until(world, () => server.drains === 1);
    await until(world, () => client.bytes.length === 1_000);
    world.end();
  });

  it('changes for what has not passed yet', async () => {
    const { world, near, client, server } = await place({ ...AT_ONCE, bandwidth: 1 });
    server.stream.write(Buffer.alloc(100_000));
    await world.advance(10_000);
    expect(client.bytes.length).to.be.within(9, 10);
    near.link.shape({ ...AT_ONCE });
    // The byte that is passing still takes its second.
    await world.advance(1_000 + TICK);
    expect(client.bytes.length).to.equal(100_000);
    world.end();
  });

  it('is exactly the new one from the next piece on', async () => {
    const { world, near, client, server } = await place({ ...AT_ONCE, bandwidth: 1_000 });
    server.stream.write(Buffer.alloc(200));
    await world.advance(105);
    near.link.shape({ ...AT_ONCE, bandwidth: 100 });
    // The piece that is passing completes the first 110 bytes.
    await world.advance(5 + 900);
    expect(client.bytes.length).to.equal(199);
    await world.advance(TICK);
    expect(client.bytes.length).to.equal(200);
    world.end();
  });

  it('lets the end wait behind the bytes', async () => {
    const { world, client, server } = await place({ ...AT_ONCE, bandwidth: 1_000 });
    server.stream.write(Buffer.alloc(1_000));
    server.stream.end();
    await world.advance(1_000);
    expect(client.ended).to.equal(false);
    await world.advance(TICK);
    expect([client.bytes.length, client.ended]).to.deep.equal([1_000, true]);
    world.end();
  });

  it('lets a reset wait behind the bytes, or come at once and take their place', async () => {
    const endings = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const { world, client, server } = await place({ ...AT_ONCE, bandwidth: 1_000 }, { seed });
      server.stream.write(Buffer.alloc(1_000));
      server.stream.destroy(true);
      const from = world.time;
      await until(world, () => client.closed !== undefined);
      endings.add(`${client.bytes.length} bytes, ${world.time - from} ms`);
      world.end();
    }
    // The ten bytes that are passing keep the wire busy.
    expect([...endings].sort()).to.deep.equal([`0 bytes, ${10 + TICK} ms`, `1000 bytes, ${1_000 + TICK} ms`]);
  });
});

describe('Link, reads', () => {
  for (const fragment of [1, 2, 1_000, 65_536]) {
    it(`yields ${fragment} bytes a read, and fewer only when there are no more`, async () => {
      const { world, client, server } = await place({ fragment });
      client.stream.pause();
      server.stream.pause();
      const bytes = pattern(3 * fragment + 1);
      client.stream.write(bytes);
      server.stream.write(bytes);
      await world.advance(10);
      client.stream.resume();
      server.stream.resume();
      await until(world, () => [client, server].every((end) => end.bytes.length === bytes.length));
      for (const end of [client, server]) {
        expect(end.chunks.map(({ length }) => length)).to.deep.equal([fragment, fragment, fragment, 1]);
        expect(digest(end.bytes)).to.equal(digest(bytes));
      }
      world.end();
    });
  }

  it('sends what is written within `coalesce` ms off as one piece, and what comes later as another', async () => {
    const { world, client, server } = await place({ ...AT_ONCE, coalesce: 50 });
    server.stream.write(Buffer.from('a'));
    await world.advance(50 - TICK);
    server.stream.write(Buffer.from('b'));
    expect(client.bytes.length).to.equal(0);
    await world.advance(TICK);
    server.stream.write(Buffer.from('c'));
    await world.advance(TICK);
    expect(client.chunks.map(String)).to.deep.equal(['ab']);
    await world.advance(50 - TICK);
    expect(client.chunks.map(String)).to.deep.equal(['ab']);
    await world.advance(TICK);
    expect(client.chunks.map(String)).to.deep.equal(['ab', 'c']);
    world.end();
  });

  it('sends gathered bytes off at once when the end, a reset or another behaviour comes', async () => {
    for (const way of ['end', 'destroy', 'shape'] as const) {
      const { world, near, client, server } = await place({ ...AT_ONCE, coalesce: 1_000 });
      server.stream.write(Buffer.from('gathered'));
      await world.advance(10);
      expect(client.bytes.length).to.equal(0);
      if (way === 'shape') near.link.shape(AT_ONCE);
      else server.stream[way]();
      await world.advance(2 * TICK);
      expect(client.bytes.toString()).to.equal('gathered');
      expect(client.ended).to.equal(way !== 'shape');
      world.end();
    }
  });

  it('lets every write travel on its own with `coalesce` 0', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { world, client, server } = await place({ latency: 5, fragment: 65_536, coalesce: 0 }, { seed });
      // A reader that sleeps would find them side by side.
      const writes = Array.from({ length: 10 }, (_, i) => Buffer.from(`write ${i}`));
      for (const write of writes) {
        server.stream.write(write);
        await world.advance(10);
      }
      expect(client.chunks.map(String)).to.deep.equal(writes.map(String));
      world.end();
    }
  });
});

describe('Link, latency', () => {
  it('takes 1/16 ms at the least and exactly `latency` at the most, the trip of the connection included', async () => {
    const latency = 2;
    const trips: number[] = [];
    const there = new Place();
    await there.connect();
    for (let i = 0; i < 200; i++) {
      const from = there.world.time;
      const near = connectTo(there.world, { latency });
      await until(there.world, () => near() !== undefined);
      trips.push(there.world.time - from);
    }
    expect([Math.min(...trips), Math.max(...trips)]).to.deep.equal([TICK, latency]);
    there.world.end();
  });

  it('holds for bytes in both directions, and keeps them in order when it falls', async () => {
    const { world, near, client, server } = await place({ latency: 1_000, coalesce: 0 }, { seed: 3 });
    const from = world.time;
    const times: number[] = [];
    for (const end of [client, server]) end.stream.write(Buffer.from('slow '));
    near.link.shape(AT_ONCE);
    for (const end of [client, server]) {
      end.stream.write(Buffer.from('quick'));
      end.stream.end();
    }
    await until(world, () => {
      if (times.length === 0 && client.bytes.length > 0) times.push(world.time - from);
      return client.ended && server.ended;
    });
    expect([client.bytes.toString(), server.bytes.toString()]).to.deep.equal(['slow quick', 'slow quick']);
    expect(times[0]).to.be.above(1);
    world.end();
  });

  it('changes nothing at all by a behaviour that says nothing', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const traces = new Set<string>();
      for (const link of [undefined, {}]) {
        const world = serving(echo, { seed, kernelBuffer: 5_000 });
        await until(world, () => world.leftovers().ports.includes(PORT));
        const near = connectTo(world, link);
        await until(world, () => near() !== undefined);
        const client = new Recorder(near()!);
        const trace: unknown[] = [];
        for (let i = 1; i <= 20; i++) {
          client.stream.write(pattern(100 * i));
          await world.advance(i / 4);
          trace.push(client.chunks.map(({ length }) => length));
        }
        client.stream.end();
        await until(world, () => client.closed !== undefined);
        traces.add(JSON.stringify([trace, world.time, world.events]));
        world.end();
      }
      expect(traces.size).to.equal(1);
    }
  });
});

describe('Link, stall', () => {
  it('holds bytes and the end in both directions for exactly so many ms', async () => {
    const { world, near, client, server } = await place(AT_ONCE);
    for (const end of [client, server]) {
      end.stream.write(Buffer.from('on its way'));
      end.stream.end();
    }
    near.link.stall(1_000);
    await world.advance(1_000 - TICK);
    for (const end of [client, server])
      expect([end.bytes.length, end.ended, end.closed]).to.deep.equal([0, false, undefined]);
    await world.advance(TICK);
    for (const end of [client, server])
      expect([end.bytes.toString(), end.ended]).to.deep.equal(['on its way', true]);
    world.end();
  });

  it('lets what was written meanwhile set off when it ends', async () => {
    const { world, near, client, server } = await place({ latency: 0, fragment: 65_536 }, { coalescing: 1 });
    server.stream.write(Buffer.from('early'));
    near.link.stall(1_000);
    await world.advance(500);
    server.stream.write(Buffer.from('late'));
    await world.advance(500);
    expect(client.bytes.toString()).to.equal('early');
    await world.advance(TICK);
    expect(client.bytes.toString()).to.equal('earlylate');
    world.end();
  });

  it('holds a reset, which then comes after the bytes', async () => {
    const orders = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const { world, near, client, server } = await place(AT_ONCE, { seed });
      client.stream.write(Buffer.from('last words'));
      near.link.stall(100);
      client.stream.destroy(true);
      await world.advance(100 - TICK);
      expect([server.bytes.length, server.closed]).to.deep.equal([0, undefined]);
      await world.advance(3 * TICK);
      expect(server.closed?.error).to.have.property('code', 'ECONNRESET');
      orders.add(server.bytes.toString());
      world.end();
    }
    // A reset may overtake what has not arrived: then nothing of it comes.
    expect([...orders].sort()).to.deep.equal(['', 'last words']);
  });

  it('ends by unstall, and has the end that was set last', async () => {
    const { world, near, client, server } = await place(AT_ONCE);
    server.stream.write(Buffer.from('1'));
    near.link.stall();
    await world.advance(100_000);
    expect(client.bytes.length).to.equal(0);
    near.link.unstall();
    await world.advance(0);
    expect(client.bytes.toString()).to.equal('1');
    server.stream.write(Buffer.from('2'));
    near.link.stall(10);
    near.link.stall(1_000);
    await world.advance(1_000 - TICK);
    expect(client.bytes.toString()).to.equal('1');
    await world.advance(TICK);
    expect(client.bytes.toString()).to.equal('12');
    world.end();
  });

  it('keeps the news that the reader has made room from the writer', async () => {
    const { world, near, client, server } = await place(AT_ONCE, { kernelBuffer: 100 });
    client.stream.pause();
    server.stream.write(Buffer.alloc(150));
    await world.advance(10);
    near.link.stall(1_000);
    client.stream.resume();
    await world.advance(500);
    near.link.shape(AT_ONCE);
    await world.advance(500 - TICK);
    expect([client.bytes.length, server.stream.buffered]).to.deep.equal([100, 50]);
    server.stream.write(Buffer.alloc(50));
    expect(server.stream.buffered).to.equal(100);
    await world.advance(3 * TICK);
    expect([client.bytes.length, server.stream.buffered, server.drains]).to.deep.equal([200, 0, 1]);
    world.end();
  });

  it('keeps the news back that was on its way', async () => {
    const { world, near, client, server } = await place(AT_ONCE, { kernelBuffer: 100 });
    server.stream.write(Buffer.alloc(150));
    await until(world, () => client.bytes.length === 100);
    near.link.stall(1_000);
    await world.advance(1_000 - TICK);
    expect(server.stream.buffered).to.equal(50);
    await world.advance(3 * TICK);
    expect([client.bytes.length, server.stream.buffered, server.drains]).to.deep.equal([150, 0, 1]);
    world.end();
  });

  it('tells a client in the end that the process has died meanwhile', async () => {
    const { world, near, client, server } = await place();
    server.stream.write(Buffer.from('last words'));
    near.link.stall();
    world.kill(1_000);
    await world.advance(1_000);
    client.stream.write(Buffer.from('anyone?'));
    await world.advance(1_000);
    expect([client.bytes.length, client.ended, client.closed]).to.deep.equal([0, false, undefined]);
    near.link.unstall();
    await until(world, () => client.closed !== undefined);
    expect([client.bytes.toString(), client.ended]).to.deep.equal(['last words', true]);
    expect(client.closed?.error).to.have.property('code', 'ECONNRESET');
    world.end();
  });
});

describe('Link, half open', () => {
  it('lets nothing pass any more, what is on its way included, and tells nobody', async () => {
    const { world, near, client, server } = await place();
    client.stream.write(Buffer.from('lost'));
    server.stream.write(Buffer.from('lost'));
    near.link.stall(100);
    await world.advance(50);
    near.link.goHalfOpen();
    near.link.stall(100);
    client.stream.end();
    near.link.unstall();
    near.link.shape({});
    await world.advance(3_600_000);
    for (const end of [client, server])
      expect([end.bytes.length, end.ended, end.closed]).to.deep.equal([0, false, undefined]);
    client.stream.destroy(true);
    await until(world, () => client.closed !== undefined);
    await world.advance(1_000);
    expect([server.ended, server.closed]).to.deep.equal([false, undefined]);
    world.end();
  });

  it('lets the writes of the server fill the buffer of its system, then its own', async () => {
    const { world, near, client, server } = await place(undefined, { kernelBuffer: 1_000 });
    near.link.stall();
    server.stream.write(Buffer.alloc(400));
    near.link.goHalfOpen();
    server.stream.write(Buffer.alloc(600));
    await world.advance(1_000);
    expect(server.stream.buffered).to.equal(0);
    client.stream.destroy();
    await world.advance(1_000);
    for (let written = 1; written <= 10; written++) {
      server.stream.write(Buffer.alloc(1));
      expect(server.stream.buffered).to.equal(written);
      await world.advance(1_000);
    }
    expect([server.drains, server.closed]).to.deep.equal([0, undefined]);
    server.stream.destroy();
    await until(world, () => server.closed !== undefined);
    expect(server.closed?.error).to.equal(undefined);
    world.end();
  });

  it('leaves the other clients as they are', async () => {
    const there = new Place();
    const [gone, other] = [await there.connect(), await there.connect()];
    gone.near.link.goHalfOpen();
    other.client.stream.write(Buffer.from('still here'));
    await until(there.world, () => other.server.bytes.toString() === 'still here');
    there.world.end();
  });
});

describe('Link, healing', () => {
  it('ends a stall and gives back the first behaviour, and nothing to a link that is half open', async () => {
    const there = new Place();
    const [sick, gone] = [await there.connect({ ...AT_ONCE, fragment: 2 }), await there.connect()];
    sick.near.link.shape({ latency: 10_000 });
    sick.near.link.stall();
    gone.near.link.goHalfOpen();
    for (const { near, server } of [sick, gone]) {
      near.link.heal();
      server.stream.write(Buffer.from('123'));
    }
    await there.world.advance(TICK);
    expect(sick.client.chunks.map(String)).to.deep.equal(['12', '3']);
    await there.world.advance(1_000);
    expect(gone.client.bytes.length).to.equal(0);
    there.world.end();
  });
});

describe('Link, order', () => {
  const behaviour: fc.Arbitrary<LinkBehaviour> = fc.record(
    {
      latency: fc.integer({ min: 0, max: 50 }),
      bandwidth: fc.integer({ min: 50, max: 1_000_000 }),
      fragment: fc.integer({ min: 1, max: 100 }),
      coalesce: fc.integer({ min: 0, max: 50 }),
    },
    { requiredKeys: [] },
  );
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('write' as const),
      end: fc.nat(1),
      size: fc.integer({ min: 1, max: 400 }),
    }),
    fc.record({ kind: fc.constant('shape' as const), behaviour }),
    fc.record({ kind: fc.constantFrom('stall', 'hang', 'advance'), ms: fc.integer({ min: 0, max: 200 }) }),
    fc.record({ kind: fc.constantFrom('pause', 'resume'), end: fc.nat(1) }),
    fc.record({ kind: fc.constant('unstall' as const) }),
  );

  it('is that of writing in both directions, whatever happens to the link and the process', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.option(behaviour, { nil: undefined }),
      fc.array(step, { maxLength: 40, size: 'max' }),
      async (seed, link, steps) => {
        const { world, near, client, server } = await place(link, { seed, kernelBuffer: 300 });
        const [ends, written] = [[client, server] as const, [[] as Buffer[], [] as Buffer[]] as const];
        for (const each of steps) await take(each);
        near.link.shape({});
        near.link.unstall();
        world.hang(1_000, 0);
        for (const end of ends) {
          end.stream.resume();
          end.stream.end();
        }
        await until(world, () => ends.every(({ closed }) => closed !== undefined));
        expect(client.bytes.toString('hex')).to.equal(Buffer.concat(written[1]).toString('hex'));
        expect(server.bytes.toString('hex')).to.equal(Buffer.concat(written[0]).toString('hex'));
        expect(ends.map(({ ended, closed }) => [ended, closed?.error])).to.deep.equal([
          [true, undefined],
          [true, undefined],
        ]);
        world.end();

        async function take(each: (typeof steps)[number]): Promise<void> {
          if (each.kind === 'write' && 'size' in each) {
            const bytes = pattern(each.size + written[0].length).subarray(written[0].length);
            written[each.end]!.push(bytes);
            ends[each.end]!.stream.write(bytes);
          } else if ('behaviour' in each) near.link.shape(each.behaviour);
          else if (each.kind === 'unstall') near.link.unstall();
          else if (each.kind === 'pause' && 'end' in each) ends[each.end]!.stream.pause();
          else if (each.kind === 'resume' && 'end' in each) ends[each.end]!.stream.resume();
          else if ('ms' in each && each.kind === 'stall') near.link.stall(each.ms);
          else if ('ms' in each && each.kind === 'hang') world.hang(1_000, each.ms);
          else if ('ms' in each) await world.advance(each.ms);
        }
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it('is the same in every run of one seed', async () => {
    const run = async (seed: number): Promise<string> => {
      const { world, near, client, server } = await place({ latency: 20, bandwidth: 5_000 }, { seed });
      for (let i = 0; i < 10; i++) {
        server.stream.write(pattern(500));
        if (i === 3) near.link.stall(30);
        if (i === 6) near.link.shape({ fragment: 3 });
        await world.advance(15);
      }
      await world.advance(1_000);
      const story = JSON.stringify([world.events, client.chunks.map(({ length }) => length)]);
      world.end();
      return story;
    };
    for (let seed = 1; seed <= 10; seed++) expect(await run(seed)).to.equal(await run(seed));
  });
});

describe('Link, refusals', () => {
  const refused: readonly [behaviour: object, message: RegExp][] = [
    [{ latency: -1 }, /^latency of a link takes virtual ms from 0 to 3600000, not -1; leave it out/],
    [{ latency: 3_600_001 }, /not 3600001; leave it out for the latency of the world/],
    [{ bandwidth: 0.5 }, /^bandwidth .* bytes per virtual second from 1 to Infinity, not 0.5; .*stall\(\)/],
    [{ bandwidth: NaN }, /^bandwidth .* not NaN/],
    [
      { fragment: 0 },
      /^fragment of a link takes a whole number of bytes from 1 to 65536, not 0; leave it out/,
    ],
    [{ fragment: 65_537 }, /not 65537/],
    [{ fragment: 1.5 }, /not 1\.5/],
    [{ coalesce: '5' }, /^coalesce .* from 0 to 3600000, not 5/],
    [{ bandwith: 5 }, /^a link has no option bandwith; it has latency, bandwidth, fragment, coalesce/],
  ];

  it('name the option, the range, the value and what to do instead', async () => {
    const { world, near } = await place();
    for (const [behaviour, message] of refused) {
      expect(messageOf(() => near.link.shape(behaviour))).to.match(message);
      expect(messageOf(() => connectTo(world, behaviour))).to.match(message);
    }
    expect(messageOf(() => near.link.stall(-1))).to.match(/^stall takes ms from 0 to Infinity, not -1/);
    world.end();
  });

  it('do not come for the limits themselves', async () => {
    const { world, near } = await place();
    for (const behaviour of [
      { latency: 0, bandwidth: 1, fragment: 1, coalesce: 0 },
      { latency: 3_600_000, bandwidth: Infinity, fragment: 65_536, coalesce: 3_600_000 },
    ])
      near.link.shape(behaviour);
    world.end();
  });
});

describe('World, slow pipes', () => {
  /** Three processes: the first takes a pipe from each of the others, and notes what comes and when. */
  async function hub(): Promise<{
    world: World;
    streams: Map<string, ByteStream>;
    heard: [number, string][];
  }> {
    const streams = new Map<string, ByteStream>();
    const heard: [number, string][] = [];
    const world = new World();
    world.start(async ({ self, files, pipes, processes }) => {
      if (self.assignment === undefined) {
        const path = `${await files.makeRuntimeDirectory(undefined, 'hub')}/hub.sock`;
        await pipes.listen(path, (stream) => echo(stream));
        for (const name of ['a', 'b']) processes.spawn({ name, path }, name);
        return;
      }
      const { name, path } = self.assignment as { name: string; path: string };
      const stream = await pipes.connect(path);
      stream.start({
        data: (chunk) => heard.push([world.time, `${name} ${chunk.toString()}`]),
        end: () => {},
        drain: () => {},
        close: () => {},
      });
      streams.set(name, stream);
    });
    await until(world, () => streams.size === 2);
    await world.advance(10);
    return { world, streams, heard };
  }

  it('hold the bytes of one process for so long in each direction, and those of no other', async () => {
    const { world, streams, heard } = await hub();
    const [pid] = world.pids.filter((each) => each !== 1_000);
    expect(world.slowPipes(pid!, 100)).to.equal(true);
    for (const name of ['a', 'b']) streams.get(name)!.write(Buffer.from('x'));
    const from = world.time;
    await world.advance(2);
    expect(heard.map(([, what]) => what)).to.deep.equal(['b x']);
    await world.advance(197);
    expect(heard.length).to.equal(1);
    await until(world, () => heard.length === 2);
    expect(heard[1]![0] - from).to.be.within(200 + 2 * TICK, 200 + 0.5);
    world.end();
  });

  it('are quick again after 0, in order with what is still held', async () => {
    const { world, streams, heard } = await hub();
    const [pid] = world.pids.filter((each) => each !== 1_000);
    world.slowPipes(pid!, 100);
    streams.get('a')!.write(Buffer.from('1'));
    await world.advance(1);
    world.slowPipes(pid!, 0);
    streams.get('a')!.write(Buffer.from('2'));
    await world.advance(98);
    expect(heard.length).to.equal(0);
    await world.advance(2);
    expect(heard.map(([, what]) => what.slice(2)).join('')).to.equal('12');
    streams.get('a')!.write(Buffer.from('3'));
    await world.advance(1);
    expect(heard.at(-1)?.[1]).to.equal('a 3');
    world.end();
  });

  it('count the slower of two processes, and pipes that are made later', async () => {
    const world = new World();
    const heard: number[] = [];
    world.start(async ({ self, files, pipes, processes, clock }) => {
      if (self.assignment === undefined) {
        const path = `${await files.makeRuntimeDirectory(undefined, 'hub')}/hub.sock`;
        await pipes.listen(path, (stream) => new Recorder(stream).stream.write(Buffer.from('hello')));
        processes.spawn({ path }, 'late');
        return;
      }
      clock.setTimer(100, () => {
        void pipes.connect((self.assignment as { path: string }).path).then((stream) => {
          const from = world.time;
          stream.start({
            data: () => heard.push(world.time - from),
            end: () => {},
            drain: () => {},
            close: () => {},
          });
        });
      });
    });
    await world.advance(50);
    expect([world.slowPipes(1_000, 30), world.slowPipes(1_001, 20)]).to.deep.equal([true, true]);
    await until(world, () => heard.length === 1);
    expect(heard[0]).to.be.within(30 + TICK, 31);
    world.end();
  });

  it('are quick again when the world is healed', async () => {
    const { world, streams, heard } = await hub();
    for (const pid of world.pids) world.slowPipes(pid, 100);
    world.hang(1_000);
    world.heal();
    streams.get('a')!.write(Buffer.from('1'));
    await world.advance(1);
    expect(heard.map(([, what]) => what)).to.deep.equal(['a 1']);
    world.end();
  });

  it('refuse what ends never, and know who is dead', () => {
    const world = new World();
    world.start(() => {});
    expect(messageOf(() => world.slowPipes(1_000, Infinity))).to.match(
      /^slowPipes takes ms from 0 to 3600000, not Infinity; use 0 for none/,
    );
    expect(world.slowPipes(999, 1)).to.equal(false);
    world.end();
  });
});
