import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { ByteStream, ListenOptions, Platform } from '@shoal/core/internal/platform/platform';
import { World } from '@shoal/testing/internal/world/world';
import { connect, echo, events, PORT, Recorder, serving } from './programs.js';

const listening: ListenOptions = {
  host: '0.0.0.0',
  port: PORT,
  backlog: 100,
  noDelay: true,
  reusePort: false,
};

async function until(world: World, fact: () => boolean): Promise<void> {
  await world.until(fact, () => fact.toString());
}

function pattern(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 255));
}

function digest(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('hex');
}

describe('World, streams', () => {
  it('carries every byte in order in both directions, in pieces of at most 64 KiB', async () => {
    const bytes = pattern(700_000);
    for (let seed = 1; seed <= 5; seed++) {
      const world = serving(echo, { seed });
      const client = await connect(world);
      client.stream.write(bytes);
      client.stream.end();
      await until(world, () => client.closed !== undefined);
      expect(digest(client.bytes)).to.equal(digest(bytes));
      expect(client.ended).to.equal(true);
      expect(client.closed?.error).to.equal(undefined);
      expect(Math.max(...client.chunks.map(({ length }) => length))).to.be.at.most(65_536);
      world.end();
    }
  });

  it('splits and joins writes in ways that depend on the seed', async () => {
    const shapes = new Set<string>();
    for (let seed = 1; seed <= 10; seed++) {
      const world = serving(echo, { seed });
      const client = await connect(world);
      for (let i = 0; i < 20; i++) client.stream.write(Buffer.from('0123456789'));
      await until(world, () => client.bytes.length === 200);
      shapes.add(client.chunks.map(({ length }) => length).join());
      world.end();
    }
    expect(shapes.size).to.equal(10);
  });

  it('buffers beyond the system, and drains when the reader goes on', async () => {
    let server!: Recorder;
    const world = serving((stream) => (server = new Recorder(stream)), { kernelBuffer: 10_000 });
    const client = await connect(world);
    await until(world, () => server !== undefined);
    client.stream.pause();
    server.stream.write(Buffer.alloc(10_000));
    expect(server.stream.buffered).to.equal(0);
    server.stream.write(Buffer.alloc(1));
    expect(server.stream.buffered).to.equal(1);
    await world.advance(1_000);
    expect(client.bytes.length).to.equal(0);
    expect(server.drains).to.equal(0);
    client.stream.resume();
    await until(world, () => client.bytes.length === 10_001);
    await until(world, () => server.drains === 1);
    expect(server.stream.buffered).to.equal(0);
    world.end();
  });

  it('takes a copy of what it accepts, so that the memory may be used again once nothing is buffered', async () => {
    const world = serving(echo, { kernelBuffer: 10 });
    const client = await connect(world);
    const memory = Buffer.from('0123456789');
    client.stream.write(memory);
    expect(client.stream.buffered).to.equal(0);
    memory.fill('x');
    await until(world, () => client.bytes.toString() === '0123456789');
    world.end();
  });

  it('delivers nothing between pause and resume, the end included', async () => {
    let server!: Recorder;
    const world = serving((stream) => (server = new Recorder(stream)));
    const client = await connect(world);
    await until(world, () => server !== undefined);
    server.stream.pause();
    client.stream.write(Buffer.from('held'));
    client.stream.end();
    await world.advance(1_000);
    expect([server.bytes.length, server.ended]).to.deep.equal([0, false]);
    server.stream.resume();
    await until(world, () => server.ended);
    expect(server.bytes.toString()).to.equal('held');
    world.end();
  });

  it('answers after the client has ended its side, and closes when both have', async () => {
    const world = serving((stream) => {
      stream.start(
        events({
          end: () => {
            stream.write(Buffer.from('late answer'));
            stream.end();
          },
        }),
      );
    });
    const client = await connect(world);
    client.stream.end();
    await until(world, () => client.closed !== undefined);
    expect(client.bytes.toString()).to.equal('late answer');
    expect(client.closed?.error).to.equal(undefined);
    world.end();
  });

  it('keeps a half-open connection open', async () => {
    let server!: Recorder;
    const world = serving((stream) => (server = new Recorder(stream)));
    const client = await connect(world);
    client.stream.end();
    await until(world, () => server?.ended);
    await world.advance(60_000);
    expect([server.closed, client.closed]).to.deep.equal([undefined, undefined]);
    server.stream.end();
    await until(world, () => server.closed !== undefined && client.closed !== undefined);
    world.end();
  });

  it('reports a reset as ECONNRESET to the peer and as a plain close to the one who made it', async () => {
    let server!: Recorder;
    const world = serving((stream) => (server = new Recorder(stream)));
    const client = await connect(world);
    await until(world, () => server !== undefined);
    client.stream.destroy(true);
    await until(world, () => server.closed !== undefined && client.closed !== undefined);
    expect(server.closed?.error).to.have.property('code', 'ECONNRESET');
    expect(client.closed?.error).to.equal(undefined);
    world.end();
  });

  it('breaks a stream that writes to a peer which has closed, and not before', async () => {
    let server!: Recorder;
    const world = serving((stream) => (server = new Recorder(stream)));
    const client = await connect(world);
    await until(world, () => server !== undefined);
    client.stream.destroy();
    await until(world, () => server.ended);
    await world.advance(1_000);
    expect(server.closed).to.equal(undefined);
    server.stream.write(Buffer.from('anyone?'));
    await until(world, () => server.closed !== undefined);
    expect(server.closed?.error).to.have.property('code', 'ECONNRESET');
    world.end();
  });

  it('breaks a stream whose writer waits for room while its peer dies', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      let server!: Recorder;
      const world = serving((stream) => (server = new Recorder(stream)), { seed, kernelBuffer: 1_000 });
      const client = await connect(world);
      client.stream.write(pattern(20_000));
      // It has read what there was, and the writer has not heard of that yet.
      await until(world, () => server?.bytes.length >= 5_000);
      world.kill(1_000);
      await until(world, () => client.closed !== undefined);
      expect(client.closed?.error).to.have.property('code', 'ECONNRESET');
      world.end();
    }
  });

  it('refuses a port that is taken and a client whom nobody serves', async () => {
    const codes: unknown[] = [];
    const world = new World();
    world.start(async ({ network }) => {
      await network.listen(listening, echo);
      await network
        .listen({ ...listening, host: '127.0.0.1' }, echo)
        .catch((error: unknown) => codes.push((error as { code: string }).code));
    });
    await until(world, () => codes.length === 1);
    world.connect({ port: PORT + 1 }, (outcome) => codes.push((outcome as { code?: string }).code));
    await until(world, () => codes.length === 2);
    expect(codes).to.deep.equal(['EADDRINUSE', 'ECONNREFUSED']);
    world.end();
  });

  it('gives port 0 a free port and several sockets one port by reusePort', async () => {
    const endpoints: number[] = [];
    const accepted = [0, 0];
    const world = new World();
    world.start(async ({ network }) => {
      const first = await network.listen({ ...listening, port: 0, reusePort: true }, () => accepted[0]!++);
      const again = { ...listening, port: first.endpoint.port, reusePort: true };
      const second = await network.listen(again, () => accepted[1]!++);
      endpoints.push(first.endpoint.port, second.endpoint.port);
    });
    await until(world, () => endpoints.length === 2);
    expect(endpoints[0]).to.equal(endpoints[1]).and.to.be.above(1_023);
    for (let i = 0; i < 30; i++) await connect(world, endpoints[0]);
    await world.advance(10);
    expect(accepted[0]! + accepted[1]!).to.equal(30);
    expect(Math.min(...accepted)).to.be.above(3);
    world.end();
  });

  it('keeps connections when the listener closes, and refuses new ones', async () => {
    let close!: () => Promise<void>;
    const world = new World();
    world.start(async ({ network }) => {
      const listener = await network.listen(listening, echo);
      close = () => listener.close();
    });
    const client = await connect(world);
    await world.advance(10);
    void close();
    await world.advance(10);
    client.stream.write(Buffer.from('still here'));
    await until(world, () => client.bytes.toString() === 'still here');
    expect(world.leftovers().ports).to.deep.equal([]);
    let late: unknown;
    world.connect({ port: PORT }, (outcome) => (late = outcome));
    await until(world, () => late !== undefined);
    expect(late).to.have.property('code', 'ECONNREFUSED');
    world.end();
  });

  it('spreads the connections of one bound socket over the children that adopted it', async () => {
    const world = new World();
    const pids: number[] = [];
    world.start(async ({ self, network, processes, observe }: Platform) => {
      if (self.assignment === undefined) {
        const bound = await network.bind(listening);
        for (let i = 0; i < 3; i++) processes.spawn({ i }, `worker ${i}`).send({ serve: true }, bound);
        return;
      }
      self.parent?.onMessage((_message, bound) => {
        void network.adopt(bound!, listening, (stream: ByteStream) => {
          observe?.({ kind: 'accepted' });
          echo(stream);
        });
      });
    });
    await world.advance(500);
    const clients: Recorder[] = [];
    for (let i = 0; i < 40; i++) clients.push(await connect(world));
    await world.advance(50);
    pids.push(...world.trace.filter(({ kind }) => kind === 'accepted').map(({ pid }) => pid));
    expect(pids.length).to.equal(40);
    expect(new Set(pids).size).to.equal(3);
    world.kill(1_001);
    await until(world, () => clients.some(({ ended }) => ended));
    const late = await connect(world);
    late.stream.write(Buffer.from('served'));
    await until(world, () => late.bytes.toString() === 'served');
    world.end();
  });

  it('holds clients back in the backlog, and lets the next one try again', async () => {
    const world = new World();
    world.start(async ({ network, clock }) => {
      const bound = await network.bind({ ...listening, backlog: 1 });
      clock.setTimer(1_500, () => void network.adopt(bound, listening, echo));
    });
    const first = await connect(world);
    first.stream.write(Buffer.from('early'));
    let second: Recorder | undefined;
    world.connect({ port: PORT }, (outcome) => (second = new Recorder(outcome as ByteStream)));
    await world.advance(900);
    expect([first.bytes.length, second]).to.deep.equal([0, undefined]);
    await until(world, () => first.bytes.toString() === 'early' && second !== undefined);
    world.end();
  });

  it('leaves the name of a killed pipe listener behind, until its directory is removed', async () => {
    const outcomes: unknown[] = [];
    const world = new World();
    const codeOf = (error: unknown): void => void outcomes.push((error as { code: string }).code);
    world.start(async ({ self, processes, pipes, files }) => {
      if (self.assignment !== undefined) {
        const { path } = self.assignment as { path: string };
        await pipes.listen(path, echo);
        self.parent?.send({ ready: true });
        return;
      }
      const path = `${await files.makeRuntimeDirectory(undefined, 'x')}/a.sock`;
      await pipes.connect(path).catch(codeOf);
      const child = processes.spawn({ path }, 'listener');
      child.onMessage(() => child.kill('SIGKILL'));
      child.onExit(() => {
        void (async () => {
          await pipes.connect(path).catch(codeOf);
          await pipes.listen(path, echo).catch(codeOf);
          outcomes.push('done');
        })();
      });
    });
    await until(world, () => outcomes.includes('done'));
    expect(outcomes).to.deep.equal(['ENOENT', 'ECONNREFUSED', 'EADDRINUSE', 'done']);
    expect(world.leftovers()).to.deep.equal({
      processes: ['1000 simulation'],
      ports: [],
      pipes: [],
      directories: ['/run/x-1'],
    });
    world.end();
  });
});
