import { expect } from 'chai';
import type { Platform } from '@shoal/core/internal/platform/platform';
import { World } from '@shoal/testing/internal/world/world';
import { events } from './programs.js';

/** Three processes that talk over links and a pipe, with timers, promises and random numbers of their own. */
function chatter(platform: Platform): void {
  const { self, observe, clock, random, pipes, processes, files } = platform;
  const { assignment, parent } = self as {
    assignment?: { path: string; name: string };
    parent: Platform['self']['parent'];
  };
  if (assignment === undefined) {
    void (async () => {
      const directory = await files.makeRuntimeDirectory(undefined, 'chatter');
      const path = `${directory}/hub.sock`;
      await pipes.listen(path, (stream) => {
        stream.start(events({ data: (chunk) => observe?.({ kind: 'hub', text: chunk.toString() }) }));
      });
      for (const name of ['a', 'b', 'c']) {
        const child = processes.spawn({ path, name }, name);
        child.onMessage((message) => observe?.({ kind: 'heard', message }));
        child.onExit((exit) => observe?.({ kind: 'exit', pid: child.pid, exit }));
      }
    })();
    return;
  }
  const { path, name } = assignment;
  void (async () => {
    const stream = await pipes.connect(path);
    stream.start(events({}));
    for (let i = 0; i < 5; i++) {
      stream.write(Buffer.from(`${name}${i} `));
      parent?.send({ name, i, draw: random.next() });
      await new Promise<void>((resolve) => clock.setTimer(Math.floor(random.next() * 4), resolve));
      clock.defer(() => observe?.({ kind: 'deferred', name, i, now: clock.now() }));
    }
    clock.setTimer(50, () => self.exit(3));
  })();
}

async function traceOf(seed: number): Promise<string> {
  const world = new World({ seed });
  world.start(chatter);
  await world.until(
    () => world.exits.size === 3,
    () => 'three exits',
  );
  await world.advance(20);
  const trace = JSON.stringify(world.trace);
  world.end();
  return trace;
}

describe('World, determinism', () => {
  it('gives the same trace for the same seed, for each of 50 seeds', async () => {
    for (let seed = 1; seed <= 50; seed++) expect(await traceOf(seed)).to.equal(await traceOf(seed));
  });

  it('gives another interleaving for another seed', async () => {
    const orders = new Set<string>();
    for (let seed = 1; seed <= 50; seed++) {
      const facts = JSON.parse(await traceOf(seed)) as {
        kind: string;
        message?: { name: string; i: number };
      }[];
      orders.add(facts.map(({ message }) => (message ? `${message.name}${message.i}` : '')).join(''));
    }
    expect(orders.size).to.be.above(40);
  });

  it('keeps the order within a link and within a pipe under every seed', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const facts = JSON.parse(await traceOf(seed)) as {
        kind: string;
        text?: string;
        message?: { name: string; i: number };
      }[];
      const heard = facts
        .filter(({ kind, message }) => kind === 'heard' && message?.name === 'b')
        .map(({ message }) => message?.i);
      expect(heard).to.deep.equal([0, 1, 2, 3, 4]);
      const bytes = facts
        .filter(({ kind }) => kind === 'hub')
        .map(({ text }) => text)
        .join('');
      expect(bytes.match(/[abc]\d/g)?.length ?? 0).to.be.at.most(15);
      expect(bytes.length).to.equal(45);
    }
  });

  it('runs two worlds side by side as it runs each alone', async () => {
    const alone = [await traceOf(7), await traceOf(8)];
    expect(await Promise.all([traceOf(7), traceOf(8)])).to.deep.equal(alone);
  });

  it('drains the promise jobs of one event before the next', async () => {
    const world = new World();
    const order: string[] = [];
    world.start(({ clock }) => {
      for (const name of ['first', 'second']) {
        clock.defer(() => {
          order.push(name);
          void Promise.resolve()
            .then(() => {})
            .then(() => {})
            .then(() => order.push(`${name} settled`));
        });
      }
    });
    await world.advance(5);
    expect(order).to.deep.equal(['first', 'first settled', 'second', 'second settled']);
    world.end();
  });

  it('lets timers of one process that are due together run in the order of setting', async () => {
    const world = new World();
    const order: number[] = [];
    world.start(({ clock }) => {
      for (let i = 0; i < 20; i++) clock.setTimer(10, () => order.push(i));
    });
    await world.advance(100);
    expect(order).to.deep.equal(Array.from({ length: 20 }, (_, i) => i));
    world.end();
  });

  it('runs a timer of n ms at exactly n ms and not before', async () => {
    const world = new World();
    let fired = 0;
    world.start(({ clock }) => void clock.setTimer(1_000, () => fired++));
    await world.advance(999);
    expect(fired).to.equal(0);
    await world.advance(1);
    expect(fired).to.equal(1);
    world.end();
  });

  it('rejects a wait when nothing is left to happen, and says what was expected, the log and the seed', async () => {
    const world = new World({ seed: 42 });
    world.start(({ log }) => log.write({ level: 'info', role: 'master', message: 'all quiet' }));
    const error = await world
      .until(
        () => false,
        () => 'a miracle',
      )
      .then(
        () => undefined,
        (reason: Error) => reason,
      );
    expect(error?.message).to.match(/expected a miracle.*nothing is left.*seed 42.*all quiet/s);
    world.end();
  });

  it('rejects a wait that turns in circles without time passing', async () => {
    const world = new World({ maxEventsPerWait: 1_000 });
    world.start(({ clock }) => {
      const again = (): void => clock.defer(again);
      again();
    });
    const error = await world
      .until(
        () => false,
        () => 'an end',
      )
      .then(
        () => undefined,
        (reason: Error) => reason,
      );
    expect(error?.message).to.match(/round in circles/);
    world.end();
  });

  it('lets no virtual time pass while a module is loaded from disk', async () => {
    const world = new World();
    const times: number[] = [];
    world.start(async ({ clock }) => {
      const beat = (): void => void clock.setTimer(1, beat);
      beat();
      times.push(clock.now());
      await import('./loaded-late.js');
      times.push(clock.now());
    });
    await world.until(
      () => times.length === 2,
      () => 'the module',
    );
    expect(times[1]).to.equal(times[0]);
    world.end();
  });

  it('stands still while no test waits', async () => {
    const world = new World();
    let beats = 0;
    world.start(({ clock }) => {
      const beat = (): void => {
        beats++;
        clock.setTimer(1, beat);
      };
      beat();
    });
    await world.advance(10);
    const before = beats;
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(beats).to.equal(before);
    world.end();
  });
});
