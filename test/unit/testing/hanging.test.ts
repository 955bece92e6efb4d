import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import fc from 'fast-check';
import { identify } from '@shoal/core/internal/platform/node/process-identity';
import type { Platform } from '@shoal/core/internal/platform/platform';
import { launch, simulate, type TestServer } from '@shoal/testing';
import { PausedProcesses, standsStill } from '@shoal/testing/internal/paused-processes';
import { RealWaiting } from '@shoal/testing/internal/real-waiting';
import { World } from '@shoal/testing/internal/world/world';
import { SyncEchoApp } from '../../fixtures/apps/echo.js';
import { linesLogged } from '../../scenarios/facts.js';
import { connect, events, PORT, Recorder, serving } from './programs.js';

const PID = 1_000;
const TICK = 1 / 16;
const SETTINGS = { workerTimeout: 1_000, maxWaitTime: 1_000 };
/** With as few processes as there can be. */
const SMALL = { ...SETTINGS, workerNum: 1, taskWorkerNum: 0 };

async function until(world: World, fact: () => boolean): Promise<void> {
  await world.until(fact, () => fact.toString());
}

/** A world of one process, begun. */
async function alone(main: (platform: Platform) => void, threadMain?: (platform: Platform) => void) {
  const world = new World();
  world.start(main, threadMain);
  await world.advance(0);
  return world;
}

describe('World, a blocked process', () => {
  it('runs what was due at exactly the end, in order, and what is due later in time', async () => {
    const ran: [string, number][] = [];
    const world = await alone(({ clock }) => {
      for (const ms of [10, 30, 20, 99, 100, 150])
        clock.setTimer(ms, () => ran.push([`timer ${ms}`, world.time]));
    });
    world.hang(PID, 100);
    await world.advance(100 - TICK);
    expect(ran).to.deep.equal([]);
    await world.advance(TICK);
    expect(ran.map(([what]) => what)).to.deep.equal([10, 20, 30, 99, 100].map((ms) => `timer ${ms}`));
    expect(new Set(ran.map(([, time]) => time))).to.deep.equal(new Set([100]));
    await world.advance(50);
    expect(ran.at(-1)).to.deep.equal(['timer 150', 150]);
    world.end();
  });

  describe('that leaves the stack of its block', () => {
    const PATH = '/run/x-1/2.stack';

    /** The first process reads; the second, which it spawns, is watched. */
    async function two(afterMs: number) {
      const platforms: Platform[] = [];
      const world = new World();
      world.start((platform) => {
        platforms.push(platform);
        if (platform.self.assignment === undefined) platform.processes.spawn({ role: 'x' }, 'x');
        else platform.self.traceBlocks(afterMs, PATH);
      });
      await world.advance(1_000);
      const [{ files }, watched] = platforms as [Platform, Platform];
      return { world, files, pid: watched.self.pid };
    }

    it('has one once it was blocked for that long, and none a moment before', async () => {
      const { world, files, pid } = await two(500);
      world.hang(pid);
      await world.advance(500 - TICK);
      expect(files.takeText(PATH)).to.equal(undefined);
      await world.advance(TICK);
      expect(files.takeText(PATH)).to.equal('blocked by the simulation, which has no stack: World.hang');
      world.end();
    });

    it('leaves it behind when it is killed, once, and goes on without when the block ends', async () => {
      const { world, files, pid } = await two(500);
      world.hang(pid, 600);
      await world.advance(601);
      expect(files.takeText(PATH)).to.equal(undefined);
      world.hang(pid);
      await world.advance(600);
      world.kill(pid);
      expect(files.takeText(PATH)).to.match(/World\.hang/);
      expect(files.takeText(PATH)).to.equal(undefined);
      world.end();
    });

    it('leaves none that it was not blocked long enough for, and none in a directory that is removed', async () => {
      const { world, files, pid } = await two(500);
      world.hang(pid);
      await world.advance(400);
      world.kill(pid);
      expect(files.takeText(PATH)).to.equal(undefined);
      const other = await two(500);
      other.world.hang(other.pid);
      await other.world.advance(500);
      other.world.kill(other.pid);
      other.files.removeDirectory('/run/x-1');
      expect(other.files.takeText(PATH)).to.equal(undefined);
      world.end();
      other.world.end();
    });
  });

  it('gives each held event a turn of its own', async () => {
    const order: string[] = [];
    const world = await alone(({ clock }) => {
      for (const name of ['first', 'second']) {
        clock.setTimer(10, () => {
          order.push(name);
          void Promise.resolve().then(() => order.push(`${name} settled`));
        });
      }
    });
    world.hang(PID, 100);
    await world.advance(100);
    expect(order).to.deep.equal(['first', 'first settled', 'second', 'second settled']);
    world.end();
  });

  it('runs no timer that one before it cancels', async () => {
    const ran: string[] = [];
    const world = await alone(({ clock }) => {
      const cancelled = clock.setTimer(20, () => ran.push('cancelled'));
      clock.setTimer(10, () => {
        ran.push('cancels');
        cancelled.cancel();
      });
    });
    world.hang(PID, 100);
    await world.advance(200);
    expect(ran).to.deep.equal(['cancels']);
    world.end();
  });

  it('has clocks that go on', async () => {
    const times: number[] = [];
    const world = await alone(({ clock }) => {
      times.push(clock.now());
      clock.setTimer(10, () => times.push(clock.now()));
    });
    world.hang(PID, 100);
    await world.advance(100);
    expect(times[1]! - times[0]!).to.equal(100);
    world.end();
  });

  it('has the end that was set last: later, earlier, now or never', async () => {
    let ran = 0;
    const world = await alone(({ clock }) => {
      const beat = (): void => {
        ran++;
        clock.setTimer(10, beat);
      };
      clock.setTimer(10, beat);
    });
    world.hang(PID, 50);
    world.hang(PID, 100);
    await world.advance(100 - TICK);
    expect(ran).to.equal(0);
    await world.advance(TICK);
    expect(ran).to.equal(1);
    world.hang(PID);
    await world.advance(100_000);
    expect(ran).to.equal(1);
    world.hang(PID, 0);
    await world.advance(0);
    expect(ran).to.equal(2);
    await world.advance(100);
    expect(ran).to.equal(12);
    expect(() => world.hang(PID, -1)).to.throw('hang takes ms from 0 to Infinity, not -1');
    expect(world.hang(999)).to.equal(false);
    world.end();
  });

  it('dies of SIGKILL at once, and runs nothing more', async () => {
    let ran = 0;
    const world = await alone(({ clock }) => void clock.setTimer(10, () => ran++));
    world.hang(PID, 100);
    await world.advance(50);
    expect(world.kill(PID)).to.equal(true);
    expect(world.exits.get(PID)).to.deep.equal({ code: null, signal: 'SIGKILL' });
    await world.advance(1_000);
    expect(ran).to.equal(0);
    world.end();
  });

  it('handles SIGTERM when it is free again, and dies of it at once when it has no handler', async () => {
    const handled: number[] = [];
    const alert = await alone(({ self }) => self.onSignal('SIGTERM', () => handled.push(alert.time)));
    const deaf = await alone(() => {});
    for (const world of [alert, deaf]) {
      world.hang(PID, 100);
      world.signal(PID, 'SIGTERM');
      await world.advance(100 - TICK);
    }
    expect(handled).to.deep.equal([]);
    expect(deaf.exits.get(PID)).to.deep.equal({ code: null, signal: 'SIGTERM' });
    await alert.advance(TICK);
    expect(handled).to.deep.equal([100]);
    alert.end();
    deaf.end();
  });

  it('has threads that go on, and that hear of it afterwards', async () => {
    const beats = { thread: 0, main: 0 };
    const world = await alone(
      ({ threads }) => threads.spawn({}, 'reactor').onMessage(() => beats.main++),
      ({ clock, self }) => {
        const beat = (): void => {
          beats.thread++;
          self.parent?.send({ beat: beats.thread });
          clock.setTimer(10, beat);
        };
        beat();
      },
    );
    await world.advance(20);
    const before = { ...beats };
    world.hang(PID, 1_000);
    await world.advance(1_000 - TICK);
    expect(beats.thread - before.thread).to.be.within(99, 100);
    expect(beats.main).to.be.at.most(before.main);
    await world.advance(1);
    expect(beats.main).to.be.within(beats.thread - 1, beats.thread);
    world.end();
  });

  it('takes bytes up to the bound of its system, and then holds its writers back', async () => {
    let server!: Recorder;
    const world = serving((stream) => (server = new Recorder(stream)), { kernelBuffer: 1_000 });
    const client = await connect(world);
    await until(world, () => server !== undefined);
    world.hang(PID, 100);
    client.stream.write(Buffer.alloc(1_000));
    expect(client.stream.buffered).to.equal(0);
    client.stream.write(Buffer.alloc(1));
    await world.advance(100 - TICK);
    expect([client.stream.buffered, server.bytes.length]).to.deep.equal([1, 0]);
    await until(world, () => server.bytes.length === 1_001);
    expect(client.stream.buffered).to.equal(0);
    world.end();
  });

  it('sends what it had written, and lets its connections wait in the backlog', async () => {
    const accepted: Recorder[] = [];
    const world = serving((stream) => accepted.push(new Recorder(stream)));
    const first = await connect(world);
    await until(world, () => accepted.length === 1);
    accepted[0]!.stream.write(Buffer.from('written before'));
    world.hang(PID, 100);
    const second = await connect(world);
    second.stream.write(Buffer.from('early'));
    await world.advance(50);
    expect([first.bytes.toString(), accepted.length]).to.deep.equal(['written before', 1]);
    await until(world, () => accepted[1]?.bytes.toString() === 'early');
    world.end();
  });

  it('leaves connections to the others that accept on the same socket', async () => {
    const options = { host: '0.0.0.0', port: PORT, backlog: 100, noDelay: true, reusePort: false };
    const accepted: number[] = [];
    const world = new World();
    world.start(async ({ self, network, processes }) => {
      if (self.assignment === undefined) {
        const bound = await network.bind(options);
        for (let i = 0; i < 2; i++) processes.spawn({ i }, `worker ${i}`).send({}, bound);
        return;
      }
      self.parent?.onMessage((_message, bound) => {
        void network.adopt(bound!, options, () => accepted.push(self.pid));
      });
    });
    await world.advance(500);
    world.hang(1_001);
    for (let i = 0; i < 20; i++) await connect(world);
    await until(world, () => accepted.length === 20);
    expect(new Set(accepted)).to.deep.equal(new Set([1_002]));
    world.end();
  });

  it('hears everything in the order in which it came, however often it is blocked', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.array(fc.tuple(fc.nat(60), fc.nat(60)), { maxLength: 15, size: 'max' }),
      async (seed, hangs) => {
        const heard = { messages: [] as number[], bytes: '', timers: [] as number[] };
        const world = new World({ seed, kernelBuffer: 20 });
        world.start(async ({ self, clock, files, pipes, processes }) => {
          if (self.assignment !== undefined) {
            const stream = await pipes.connect((self.assignment as { path: string }).path);
            stream.start(events({}));
            const beat = (i: number): void => {
              self.parent?.send({ i });
              stream.write(Buffer.from(`${i} `));
              if (i < 100) clock.setTimer(3, () => beat(i + 1));
            };
            beat(0);
            return;
          }
          const path = `${await files.makeRuntimeDirectory(undefined, 'x')}/x.sock`;
          await pipes.listen(path, (stream) =>
            stream.start(events({ data: (chunk) => (heard.bytes += chunk.toString()) })),
          );
          processes
            .spawn({ path }, 'talker')
            .onMessage((message) => heard.messages.push((message as { i: number }).i));
          for (let i = 0; i <= 100; i++) clock.setTimer(100 + 3 * i, () => heard.timers.push(i));
        });
        for (const [ms, pause] of hangs) {
          world.hang(PID, ms);
          await world.advance(pause);
        }
        const numbers = Array.from({ length: 101 }, (_, i) => i);
        await until(world, () => heard.timers.length === 101 && heard.bytes.endsWith(' 100 '));
        expect(heard.messages).to.deep.equal(numbers);
        expect(heard.timers).to.deep.equal(numbers);
        expect(heard.bytes).to.equal(numbers.map((i) => `${i} `).join(''));
        world.end();
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });
});

/** Lines go to the worker that hangs as well, and every one is answered in the end. */
async function outlivesItsWorker(server: TestServer): Promise<void> {
  const clients = [];
  for (let i = 0; i < 4; i++) clients.push(await server.connect());
  const [worker] = server.running.workers;
  await server.hangWorker(worker!.workerId);
  for (const client of clients) client.send('to whoever serves me\n');
  for (const client of clients) expect(await client.receiveLine()).to.equal('to whoever serves me');
  await server.workersReady();
  await linesLogged(server, /event loop was blocked for \d+ ms/, 1);
  expect(server.running.workers[0]?.pid).not.to.equal(worker!.pid);
  expect(clients.map(({ state }) => state)).to.deep.equal(['open', 'open', 'open', 'open']);
  await server.stop();
}

describe('Server with a worker that hangs', () => {
  it('kills it after workerTimeout and keeps its connections (simulated, 20 seeds)', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      await outlivesItsWorker(await simulate(SyncEchoApp, { seed, settings: SETTINGS }));
    }
  });

  it('kills it after workerTimeout and keeps its connections (real processes)', async () => {
    // Nobody else is blocked for so long, however busy the machine is.
    const settings = { ...SETTINGS, workerTimeout: 2_000 };
    await outlivesItsWorker(await launch(SyncEchoApp, { settings }));
  });

  it('kills it between 0.75 and 1.25 times workerTimeout after it was blocked', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const server = await simulate(SyncEchoApp, { seed, settings: SETTINGS });
      await server.advance(1_000 + 20 * seed);
      const { pid, workerId } = server.running.workers[0]!;
      await server.hangWorker(workerId);
      const from = server.world.time;
      await server.until(
        () => server.world.exits.has(pid),
        () => 'the death of the worker',
      );
      expect(server.world.time - from).to.be.within(750, 1_251);
      await server.stop();
    }
  });

  it('lets it live when it hangs for less, and it answers then (simulated, 20 seeds)', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const server = await simulate(SyncEchoApp, { seed, settings: SETTINGS });
      const client = await server.connect();
      const pids = server.running.workers.map(({ pid }) => pid);
      for (const { workerId } of server.running.workers) await server.hangWorker(workerId, 700);
      const from = server.world.time;
      client.send('patience\n');
      expect(await client.receiveLine()).to.equal('patience');
      expect(server.world.time - from).to.be.within(700, 705);
      await server.advance(2_000);
      expect(server.running.workers.map(({ pid }) => pid)).to.deep.equal(pids);
      await server.stop();
    }
  });

  it('lets it go on after so many ms (real processes)', async () => {
    const server = await launch(SyncEchoApp, { settings: { ...SMALL, workerTimeout: 0 } });
    const client = await server.connect();
    const pids = server.running.workers.map(({ pid }) => pid);
    const begun = performance.now();
    await server.hangWorker(0, 200);
    client.send('patience\n');
    expect(await client.receiveLine()).to.equal('patience');
    expect(performance.now() - begun).to.be.above(190);
    await server.workersReady();
    expect(server.running.workers.map(({ pid }) => pid)).to.deep.equal(pids);
    await server.stop();
  });

  it('stops in spite of it within maxWaitTime and 4 s (simulated, 10 seeds)', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const server = await simulate(SyncEchoApp, { seed, settings: { ...SETTINGS, workerTimeout: 0 } });
      const client = await server.connect();
      for (const { workerId } of server.running.workers) await server.hangWorker(workerId);
      client.send('in vain\n');
      await server.advance(10);
      const from = server.world.time;
      expect(await server.stop()).to.deep.equal({ exitCode: 0 });
      expect(server.world.time - from).to.be.below(5_000);
    }
  });

  it('stops in spite of it (real processes)', async () => {
    const server = await launch(SyncEchoApp, { settings: { ...SMALL, workerTimeout: 0 } });
    const client = await server.connect();
    await server.hangWorker(0);
    client.send('in vain\n');
    expect(await server.stop()).to.deep.equal({ exitCode: 0 });
  });

  it('refuses a worker that is not there and a time that cannot be', async () => {
    const server = await simulate(SyncEchoApp);
    const reasons = [server.hangWorker(7), server.hangWorker(0, -1)].map((each) =>
      each.then(
        () => 'it did not reject',
        (error: Error) => error.message,
      ),
    );
    const [nobody, negative] = await Promise.all(reasons);
    expect(nobody).to.match(/worker 7 has no process/);
    expect(negative).to.match(/^hangWorker takes ms from 0 to Infinity, not -1/);
    await server.stop();
  });

  it('refuses to block the only process for ever, and blocks it for a while (both worlds)', async () => {
    const alone = { mode: 'base', workerNum: 1, taskWorkerNum: 0, maxWaitTime: 1_000 } as const;
    for (const start of [simulate, launch]) {
      const server: TestServer = await start(SyncEchoApp, { settings: alone });
      const client = await server.connect();
      const reason = await server.hangWorker(0).catch((error: Error) => error.message);
      expect(reason).to.match(/^worker 0 is the first process itself, which nobody watches; give the ms/);
      await server.hangWorker(0, 100);
      client.send('patience\n');
      expect(await client.receiveLine()).to.equal('patience');
      await server.stop();
    }
  });
});

describe('Paused processes', () => {
  const nothing = new RealWaiting(() => 'nothing');

  it('stand still for so many ms, and are not mistaken for one that has their pid later', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const identity = identify(child.pid!)!;
    const paused = new PausedProcesses();
    paused.stop({ ...identity, startedAt: 'earlier' });
    expect(standsStill(identity)).to.equal(false);
    paused.stop(identity);
    await nothing.until(
      () => standsStill(identity),
      () => 'a stop',
    );
    paused.continueIn(0, { ...identity, startedAt: 'earlier' });
    const from = performance.now();
    paused.continueIn(100, identity);
    await nothing.until(
      () => !standsStill(identity),
      () => 'it to go on',
    );
    expect(performance.now() - from).to.be.above(80);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(standsStill(identity)).to.equal(true);
  });
});

describe('Client of a launched server', () => {
  it('refuses what only a simulated link can do, and says what can be done', async () => {
    const settings = { mode: 'base', workerNum: 1, taskWorkerNum: 0 } as const;
    const server = await launch(SyncEchoApp, { settings });
    const client = await server.connect();
    const refusal = /^only in a simulation: .* simulate\(\), or let the client pause\(\) and resume\(\)/;
    for (const run of [
      () => client.shape({}),
      () => client.stall(1),
      () => client.unstall(),
      () => client.goHalfOpen(),
    ])
      expect(run).to.throw(refusal);
    const connected = await server.connect({ link: {} }).catch((error: Error) => error.message);
    expect(connected).to.match(refusal);
    await server.stop();
  });
});

describe('Client of a simulated server', () => {
  it('has a link of its own, from its first packet on', async () => {
    const server = await simulate(SyncEchoApp, { settings: SETTINGS });
    const slow = await server.connect({ link: { latency: 0, bandwidth: 100 } });
    const quick = await server.connect();
    const from = server.world.time;
    slow.send(`${'x'.repeat(99)}\n`);
    quick.send('quick\n');
    expect(await quick.receiveLine()).to.equal('quick');
    expect(server.world.time - from).to.be.below(10);
    expect(await slow.receiveLine()).to.have.length(99);
    expect(server.world.time - from).to.be.within(2_000, 2_010);
    slow.shape({});
    slow.stall(500);
    slow.send('after all\n');
    await server.advance(499);
    expect(slow.received.length).to.equal(100);
    expect(await slow.receiveLine()).to.equal('after all');
    const reason = await server.connect({ link: { fragment: 0 } }).catch((error: Error) => error.message);
    expect(reason).to.match(/^fragment of a link takes a whole number of bytes from 1 to 65536, not 0/);
    await server.stop();
  });

  it('is closed with the server when it is half open, and does not keep the server from stopping', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const server = await simulate(SyncEchoApp, { seed, settings: SETTINGS });
      const [gone, other] = [await server.connect(), await server.connect()];
      gone.send('heard\n');
      expect(await gone.receiveLine()).to.equal('heard');
      gone.goHalfOpen();
      gone.send('unheard\n');
      await server.advance(1_000);
      expect((await server.stats()).connections).to.equal(2);
      expect((await server.stats()).acceptedPackets).to.equal(1);
      other.send('still here\n');
      expect(await other.receiveLine()).to.equal('still here');
      expect(await server.stop()).to.deep.equal({ exitCode: 0 });
    }
  });
});
