import { expect } from 'chai';
import type { Child, Exit, Platform } from '@shoal/core/internal/platform/platform';
import { World } from '@shoal/testing/internal/world/world';
import { connect, events, PORT, serving } from './programs.js';

/** A world of a parent and one child process. */
function family(
  child: (platform: Platform) => void,
  parent: (platform: Platform, child: Child) => void = () => {},
): World {
  const world = new World();
  world.start((platform) => {
    if (platform.self.assignment === undefined)
      parent(platform, platform.processes.spawn({ be: 'child' }, 'child'));
    else child(platform);
  });
  return world;
}

const CHILD = 1_001;

async function until(world: World, fact: () => boolean): Promise<void> {
  await world.until(fact, () => fact.toString());
}

describe('World, death', () => {
  it('comes by process.exit of its own code, in a turn and in a promise, and leaves the test alone', async () => {
    for (const leave of [() => process.exit(6), () => void Promise.resolve().then(() => process.exit(6))]) {
      let exit: Exit | undefined;
      const world = family(leave, (_platform, child) => child.onExit((ended) => (exit = ended)));
      await until(world, () => exit !== undefined);
      expect(exit).to.deep.equal({ code: 6, signal: null });
      expect(world.pids).to.deep.equal([CHILD - 1]);
      world.end();
    }
    // What is watched is given back at the end of the batch of turns.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(process.exit.toString()).not.to.include('virtual');
  });

  it('settles no platform promise, runs no timer and delivers nothing for the dead', async () => {
    const after: string[] = [];
    let heard = 0;
    const world = family(
      ({ clock, pipes, self, log }) => {
        clock.setTimer(10, () => after.push('timer'));
        self.parent?.onMessage(() => after.push('message'));
        void pipes.connect('/nowhere/at.all').catch(() => after.push('promise'));
        self.exit(4);
        clock.setTimer(1, () => after.push('later timer'));
        clock.defer(() => after.push('defer'));
        self.parent?.send({ from: 'the dead' });
        log.write({ level: 'info', role: 'x', message: 'from the dead' });
        self.exit(5);
      },
      (_platform, child) => {
        child.send({ hello: 1 });
        child.onMessage(() => heard++);
      },
    );
    await world.advance(500);
    expect(after).to.deep.equal([]);
    expect(heard).to.equal(0);
    expect(world.logs).to.deep.equal([]);
    expect(world.exits.get(CHILD)).to.deep.equal({ code: 4, signal: null });
    world.end();
  });

  it('tells the parent the last messages, then the disconnect, then the exit', async () => {
    const order: unknown[] = [];
    const world = family(
      ({ self }) => {
        for (let i = 0; i < 3; i++) self.parent?.send({ i });
        self.exit(9);
      },
      (_platform, child) => {
        child.onMessage((message) => order.push(message));
        child.onDisconnect(() => order.push('disconnect'));
        child.onExit((exit) => order.push(exit));
      },
    );
    await world.advance(500);
    expect(order).to.deep.equal([{ i: 0 }, { i: 1 }, { i: 2 }, 'disconnect', { code: 9, signal: null }]);
    world.end();
  });

  it('keeps the messages that come before there is a receiver, in order with later ones', async () => {
    const heard: unknown[] = [];
    const world = family(
      ({ self, clock }) => {
        clock.setTimer(1, () =>
          self.parent?.onMessage((message) => heard.push((message as { i: number }).i)),
        );
      },
      ({ clock }, child) => {
        for (let i = 0; i < 5; i++) child.send({ i });
        clock.setTimer(200, () => child.send({ i: 5 }));
      },
    );
    await until(world, () => heard.length === 6);
    expect(heard).to.deep.equal([0, 1, 2, 3, 4, 5]);
    world.end();
  });

  it('tells the children of the dead, which may live on', async () => {
    let orphaned = 0;
    const world = family(({ self }) => self.parent?.onDisconnect(() => orphaned++));
    await world.advance(100);
    world.kill(1_000);
    await until(world, () => orphaned === 1);
    expect(world.pids).to.deep.equal([CHILD]);
    world.end();
  });

  it('ends a process by SIGTERM unless it handles the signal', async () => {
    let handled = 0;
    const deaf = family(() => {});
    const alert = family(({ self }) => self.onSignal('SIGTERM', () => handled++));
    for (const world of [deaf, alert]) {
      await world.advance(100);
      world.signal(CHILD, 'SIGTERM');
      await world.advance(5);
    }
    expect(deaf.exits.get(CHILD)).to.deep.equal({ code: null, signal: 'SIGTERM' });
    expect(handled).to.equal(1);
    expect(alert.pids).to.include(CHILD);
    deaf.end();
    alert.end();
  });

  it('ends a process with code 1 for an exception nobody caught, and names it in the log', async () => {
    const world = family(({ clock }) => {
      clock.setTimer(1, () => {
        throw new Error('out of order');
      });
    });
    await until(world, () => world.exits.has(CHILD));
    expect(world.exits.get(CHILD)).to.deep.equal({ code: 1, signal: null });
    expect(world.logs[0]?.message).to.match(/child ended by an error nobody caught: Error: out of order/);
    world.end();
  });

  it('brings rejections and thrown microtasks to the process in which they happened', async () => {
    const caught: [string, string][] = [];
    const world = family(({ clock, self }) => {
      self.onUncaught((error, origin) => caught.push([(error as Error).message, origin]));
      clock.setTimer(1, () => void Promise.resolve().then(() => Promise.reject(new Error('nobody waits'))));
      clock.setTimer(2, () =>
        queueMicrotask(() => {
          throw new Error('in a microtask');
        }),
      );
    });
    await until(world, () => caught.length === 2);
    expect(caught).to.deep.equal([
      ['nobody waits', 'unhandledRejection'],
      ['in a microtask', 'uncaughtException'],
    ]);
    world.end();
  });

  it('gives the test runner its listeners back when it stands still', async () => {
    const before = ['uncaughtException', 'unhandledRejection'].map((name) => process.rawListeners(name));
    const world = family(() => {});
    await world.advance(50);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(
      ['uncaughtException', 'unhandledRejection'].map((name) => process.rawListeners(name)),
    ).to.deep.equal(before);
    world.end();
  });

  it('ends the threads of a process with it, and a thread alone by its own exit', async () => {
    const beats = new Map<string, number>();
    const ends: unknown[] = [];
    const shared = new SharedArrayBuffer(8);
    const world = new World();
    world.start(
      ({ threads }) => {
        for (const name of ['stays', 'leaves', 'fails']) {
          threads.spawn({ name, shared }, name).onExit((error) => ends.push([name, error?.message]));
        }
      },
      ({ self, clock }) => {
        const { name, shared: view } = self.assignment as { name: string; shared: SharedArrayBuffer };
        Atomics.add(new Int32Array(view), 0, 1);
        const beat = (): void => {
          beats.set(name, (beats.get(name) ?? 0) + 1);
          clock.setTimer(10, beat);
        };
        beat();
        if (name === 'leaves') self.exit(0);
        if (name === 'fails') throw new Error('thread broke');
      },
    );
    await world.advance(1_000);
    expect(new Int32Array(shared)[0]).to.equal(3);
    expect(ends).to.have.deep.members([
      ['leaves', undefined],
      ['fails', 'thread broke'],
    ]);
    expect(beats.get('stays')).to.be.above(90);
    world.kill(1_000);
    const last = beats.get('stays');
    await world.advance(1_000);
    expect(beats.get('stays')).to.equal(last);
    world.end();
  });

  it('names a process so that a later one is not taken for it', async () => {
    const outcomes: unknown[] = [];
    const world = family(
      () => {},
      ({ processes, clock }, child) => {
        const identity = processes.identify(child.pid)!;
        clock.setTimer(100, () => {
          outcomes.push(processes.kill({ ...identity, startedAt: 'earlier' }, 'SIGKILL'));
          outcomes.push(processes.kill(identity, 'SIGKILL'));
          outcomes.push(processes.identify(child.pid), processes.kill(identity, 'SIGKILL'));
        });
      },
    );
    await world.advance(200);
    expect(outcomes).to.deep.equal([false, true, undefined, false]);
    world.end();
  });

  it('delivers what a killed process had written, then ends its connections and frees its port', async () => {
    const world = serving((stream) => {
      stream.start(events({}));
      stream.write(Buffer.from('last words'));
    });
    const client = await connect(world);
    await until(world, () => client.bytes.length === 10);
    world.kill(1_000);
    await until(world, () => client.ended);
    expect(client.bytes.toString()).to.equal('last words');
    expect(world.leftovers()).to.deep.equal({ processes: [], ports: [], pipes: [], directories: [] });
    world.end();
  });

  it('loses what is still in the memory of a killed process, and nothing of one that exits', async () => {
    const sizes: Record<string, number> = {};
    for (const way of ['kill', 'exit'] as const) {
      const world = serving(
        (stream, { self }) => {
          stream.start(events({ data: () => self.exit(0) }));
          stream.write(Buffer.alloc(100_000));
        },
        { kernelBuffer: 10_000 },
      );
      const client = await connect(world);
      client.stream.pause();
      await world.advance(10);
      if (way === 'kill') world.kill(1_000);
      else client.stream.write(Buffer.from('go'));
      await until(world, () => world.exits.size === 1);
      client.stream.resume();
      await until(world, () => client.ended);
      sizes[way] = client.bytes.length;
      world.end();
    }
    expect(sizes['exit']).to.equal(100_000);
    expect(sizes['kill']).to.be.within(10_000, 99_999);
  });

  it('cuts a write at any byte when the kill comes inside it, and nothing follows', async () => {
    const lengths = new Set<number>();
    for (let seed = 1; seed <= 30; seed++) {
      const world = serving(
        (stream) => {
          stream.start(
            events({
              data: () => {
                stream.writeAll([Buffer.from('12345'), Buffer.from('67890')]);
                stream.write(Buffer.from('never'));
              },
            }),
          );
        },
        { seed },
      );
      const client = await connect(world);
      await world.advance(10);
      world.killInsideWrite(1_000);
      client.stream.write(Buffer.from('x'));
      await until(world, () => world.exits.size === 1 && client.ended);
      expect('1234567890'.startsWith(client.bytes.toString())).to.equal(true);
      lengths.add(client.bytes.length);
      world.end();
    }
    expect(lengths.size).to.be.above(6);
  });

  it('resets the clients that nobody had accepted when the last acceptor dies', async () => {
    const world = new World();
    world.start(({ network }) =>
      network.bind({ host: '0.0.0.0', port: PORT, backlog: 10, noDelay: true, reusePort: false }),
    );
    const client = await connect(world);
    world.kill(1_000);
    await until(world, () => client.closed !== undefined);
    expect(client.closed?.error).to.have.property('code', 'ECONNRESET');
    world.end();
  });

  it('reports an exit to the parent as the system does', async () => {
    const exits: Exit[] = [];
    const world = family(
      () => {},
      (_platform, child) => child.onExit((exit) => exits.push(exit)),
    );
    await world.advance(100);
    world.kill(CHILD);
    await until(world, () => exits.length === 1);
    expect(exits).to.deep.equal([{ code: null, signal: 'SIGKILL' }]);
    world.end();
  });
});
