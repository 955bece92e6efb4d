import { AsyncLocalStorage } from 'node:async_hooks';
import timers, { setTimeout as namedTimeout } from 'node:timers';
import promisedTimers, {
  scheduler,
  setImmediate as yieldTurn,
  setInterval as ticks,
  setTimeout as sleep,
} from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Platform } from '@shoal/core/internal/platform/platform';
import { simulate } from '@shoal/testing';
import { World } from '@shoal/testing/internal/world/world';
import type { WorldOptions } from '@shoal/testing/internal/world/world-options';
import { GlobalClockApp } from '../../fixtures/apps/global-clock.js';

const EPOCH = Date.UTC(2030, 0, 1);
const RealDate = Date;

/** Everything that the option may replace, as it is now. */
function globalsNow(): unknown[] {
  return [
    setTimeout,
    setInterval,
    setImmediate,
    clearTimeout,
    clearInterval,
    clearImmediate,
    Date,
    Date.now,
    Date.prototype.constructor,
    Math.random,
    AbortSignal.timeout,
    ...Object.values(Object.getOwnPropertyDescriptors(Performance.prototype)).flatMap(({ value, get }) => [
      value as unknown,
      get,
    ]),
    Object.getOwnPropertyDescriptor(Crypto.prototype, 'randomUUID')?.value,
    Object.getOwnPropertyDescriptor(Crypto.prototype, 'getRandomValues')?.value,
    ...Object.values(timers),
    ...Object.values(promisedTimers),
    ...Object.values(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(scheduler))).map(
      ({ value }) => value as unknown,
    ),
    namedTimeout,
    sleep,
    yieldTurn,
    ticks,
  ];
}

/** Runs a program in one process of a world with the option until it gives its result. */
async function inWorld<T>(
  program: (platform: Platform, world: World) => T | Promise<T>,
  options: WorldOptions = {},
): Promise<T> {
  const world = new World({ globals: true, ...options });
  let outcome: { value: T } | { error: unknown } | undefined;
  world.start(async (platform) => {
    try {
      outcome = { value: await program(platform, world) };
    } catch (error) {
      outcome = { error };
    }
  });
  try {
    await world.until(
      () => outcome !== undefined,
      () => 'the program to end',
      10_000_000,
    );
  } finally {
    world.end();
  }
  if (outcome !== undefined && 'value' in outcome) return outcome.value;
  throw outcome?.error;
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was fulfilled');
}

describe('World, globals', () => {
  let before: unknown[];
  beforeEach(() => (before = globalsNow()));
  afterEach('everything is as it was', () => expect(globalsNow()).to.deep.equal(before));

  describe('timers', () => {
    it('fire at their virtual time with their arguments and themselves as this', async () => {
      const fired = await inWorld(({ clock }) => {
        const begun = clock.now();
        return new Promise((resolve) => {
          const timer = setTimeout(
            function (this: unknown, ...values: unknown[]) {
              resolve({ after: clock.now() - begun, values, self: this === timer });
            },
            90_000,
            'a',
            2,
          );
        });
      });
      expect(fired).to.deep.equal({ after: 90_000, values: ['a', 2], self: true });
    });

    it('treat a delay that is no number, below 1 or above 2147483647 as 1, and cut fractions off', async () => {
      const after = (delay: unknown): Promise<number> =>
        inWorld(async ({ clock }) => {
          const begun = clock.now();
          await new Promise((resolve) => setTimeout(resolve, delay as number));
          return clock.now() - begun;
        });
      for (const delay of [undefined, NaN, 'soon', -5, 0, 0.5, 1, 1.9, 2 ** 31, Infinity])
        expect(await after(delay), String(delay)).to.equal(1);
      expect(await after('20')).to.equal(20);
      expect(await after(20.9)).to.equal(20);
      expect(
        await inWorld(() => {
          expect(() => setTimeout(() => {}, 1n as unknown as number)).to.throw(TypeError);
          expect(() => setTimeout(undefined as unknown as () => void, 1)).to.throw(TypeError, /callback/);
          return true;
        }),
      ).to.equal(true);
    });

    it('have the longest delay of 2147483647 ms', async () => {
      const world = new World({ globals: true });
      let fired = 0;
      world.start(() => void setTimeout(() => fired++, 2 ** 31 - 1));
      await world.advance(2 ** 31 - 2);
      expect(fired).to.equal(0);
      await world.advance(1);
      expect(fired).to.equal(1);
      world.end();
    });

    it('are cleared by object, number, text, close and dispose', async () => {
      const fired = await inWorld(async () => {
        const fired: string[] = [];
        const set = (name: string): NodeJS.Timeout => setTimeout(() => fired.push(name), 10);
        clearTimeout(set('object'));
        clearInterval(set('object by the other function'));
        clearTimeout(+set('number'));
        clearTimeout(String(+set('text')));
        set('close').close();
        set('dispose')[Symbol.dispose]();
        timers.clearTimeout(set('of the module'));
        clearTimeout(undefined);
        clearTimeout(123_456_789);
        set('left');
        await new Promise((resolve) => setTimeout(resolve, 50));
        return fired;
      });
      expect(fired).to.deep.equal(['left']);
    });

    it('keep ref and unref, and begin anew by refresh, also when they have run, but not when cleared', async () => {
      await inWorld(async ({ clock }) => {
        const begun = clock.now();
        const fired: number[] = [];
        const timer = setTimeout(() => fired.push(clock.now() - begun), 10);
        expect([timer.hasRef(), timer.unref().hasRef(), timer.ref().hasRef()]).to.deep.equal([
          true,
          false,
          true,
        ]);
        setTimeout(() => expect(timer.refresh()).to.equal(timer), 5);
        setTimeout(() => timer.refresh(), 100);
        setTimeout(() => (clearTimeout(timer), timer.refresh()), 105);
        await sleep(1_000);
        expect(fired).to.deep.equal([15]);
        setTimeout(() => timer.refresh(), 1);
        const again = setTimeout(() => fired.push(clock.now() - begun), 10);
        await sleep(20);
        again.refresh();
        await sleep(20);
        expect(fired).to.deep.equal([15, 1_010, 1_030]);
      });
    });

    it('repeat as intervals until they are cleared, from inside too', async () => {
      const beats = await inWorld(async ({ clock }) => {
        const begun = clock.now();
        const beats: [number, string][] = [];
        const interval = setInterval(
          (name: string) => {
            beats.push([clock.now() - begun, name]);
            if (beats.length === 3) clearInterval(interval);
          },
          1_000,
          'x',
        );
        await sleep(10_000);
        return beats;
      });
      expect(beats).to.deep.equal([
        [1_000, 'x'],
        [2_000, 'x'],
        [3_000, 'x'],
      ]);
    });

    it('of setImmediate run after the promise jobs and take no time, unless cleared', async () => {
      const order = await inWorld(async ({ clock }) => {
        const order: string[] = [];
        const begun = clock.now();
        clearImmediate(setImmediate(() => order.push('cleared')));
        const done = new Promise<void>((resolve) => {
          setImmediate((name: string) => {
            order.push(`${name} at ${clock.now() - begun}`);
            resolve();
          }, 'immediate');
        });
        queueMicrotask(() => order.push('microtask'));
        await done;
        expect(
          setImmediate(() => {})
            .unref()
            .hasRef(),
        ).to.equal(false);
        return order;
      });
      expect(order).to.deep.equal(['microtask', 'immediate at 0']);
    });

    it('keep the async context in which they were set', async () => {
      const storage = new AsyncLocalStorage<string>();
      const seen = await inWorld(async () => {
        const seen: unknown[] = [];
        storage.run('outer', () => {
          setTimeout(() => seen.push(storage.getStore()), 5);
          setImmediate(() => seen.push(storage.getStore()));
        });
        await sleep(10);
        return [...seen, storage.getStore()];
      });
      storage.disable();
      expect(seen).to.deep.equal(['outer', 'outer', undefined]);
    });

    it('end the process by what a callback throws', async () => {
      const world = new World({ globals: true });
      const pid = world.start(() => {
        setTimeout(() => {
          throw new Error('out of order');
        }, 5);
      });
      await world.advance(100);
      expect(world.exits.get(pid)).to.deep.equal({ code: 1, signal: null });
      expect(world.logs[0]?.message).to.match(/Error: out of order/);
      world.end();
    });

    it('go on as an interval when the process answers for what a callback throws', async () => {
      const errors: string[] = [];
      await inWorld(async ({ self }) => {
        self.onUncaught((error, origin) => errors.push(`${(error as Error).message} ${origin}`));
        setInterval(() => {
          throw new Error('again');
        }, 10);
        await sleep(35);
      });
      expect(errors).to.deep.equal(Array(3).fill('again uncaughtException'));
    });

    it('of a dead process never fire', async () => {
      const world = new World({ globals: true });
      const fired: string[] = [];
      const pid = world.start(({ self }) => {
        setTimeout(() => fired.push('before'), 10);
        setInterval(() => fired.push('interval'), 10);
        setTimeout(() => {
          self.exit(3);
          setTimeout(() => fired.push('after'), 1);
          setImmediate(() => fired.push('immediate'));
        }, 5);
      });
      await world.advance(1_000);
      expect(world.exits.get(pid)?.code).to.equal(3);
      expect(fired).to.deep.equal([]);
      world.end();
    });

    it('have numbers of their own in each process', async () => {
      const world = new World({ globals: true });
      const numbers: number[] = [];
      const fired: string[] = [];
      world.start(({ self, processes }) => {
        if (self.assignment === undefined) {
          const timer = setTimeout(() => fired.push('parent'), 1_000);
          numbers.push(+timer);
          processes.spawn({ be: 'child' }, 'child');
        } else {
          const number = +setTimeout(() => fired.push('child'), 1_000);
          numbers.push(number);
          clearTimeout(number);
        }
      });
      await world.advance(5_000);
      expect(numbers[0]).to.equal(numbers[1]);
      expect(fired).to.deep.equal(['parent']);
      world.end();
    });
  });

  describe('node:timers', () => {
    it('are the globals, by the module, by named import and by promisify', async () => {
      await inWorld(async ({ clock }) => {
        expect(timers.setTimeout).to.equal(setTimeout);
        expect(namedTimeout).to.equal(setTimeout);
        const begun = clock.now();
        await new Promise((resolve) => namedTimeout(resolve, 30_000));
        await promisify(setTimeout)(30_000);
        await promisify(setImmediate)();
        expect(clock.now() - begun).to.equal(60_000);
      });
    });

    it('give promises that settle in virtual time with their value', async () => {
      await inWorld(async ({ clock }) => {
        const begun = clock.now();
        expect(await sleep(30_000, 'slept')).to.equal('slept');
        expect(clock.now() - begun).to.equal(30_000);
        expect(await yieldTurn('turn')).to.equal('turn');
        await scheduler.wait(30_000);
        await scheduler.yield();
        expect(clock.now() - begun).to.equal(60_000);
      });
    });

    it('reject by a signal with the error of Node, now and later, and leave no timer', async () => {
      const expected = await rejection(sleep(1, undefined, { signal: AbortSignal.abort('why') }));
      await inWorld(async ({ clock }) => {
        for (const start of [
          (signal: AbortSignal) => sleep(1_000, undefined, { signal }),
          (signal: AbortSignal) => yieldTurn(undefined, { signal }),
          (signal: AbortSignal) => scheduler.wait(1_000, { signal }),
          (signal: AbortSignal) => ticks(1_000, undefined, { signal }).next(),
        ]) {
          const controller = new AbortController();
          const begun = clock.now();
          const late = rejection(start(controller.signal));
          controller.abort('why');
          const now = rejection(start(controller.signal));
          for (const error of [await late, await now]) {
            expect(error).to.be.instanceOf((expected as Error).constructor);
            expect(error).to.include({ name: 'AbortError', code: 'ABORT_ERR', cause: 'why' });
          }
          expect(clock.now()).to.equal(begun);
        }
        const error = await rejection(sleep(1, undefined, { ref: 'yes' as unknown as boolean }));
        expect(error).to.include({ code: 'ERR_INVALID_ARG_TYPE' });
      });
    });

    it('give intervals that lose no tick to a slow reader', async () => {
      const beats = await inWorld(async ({ clock }) => {
        const begun = clock.now();
        const beats: [string, number][] = [];
        for await (const value of ticks(10, 'x')) {
          beats.push([value, clock.now() - begun]);
          if (beats.length === 4) break;
          if (beats.length === 1) await sleep(25);
        }
        return beats;
      });
      expect(beats).to.deep.equal([
        ['x', 10],
        ['x', 35],
        ['x', 35],
        ['x', 40],
      ]);
    });
  });

  it('abort by AbortSignal.timeout in virtual time, and refuse as ever what is no delay', async () => {
    await inWorld(async ({ clock }) => {
      const begun = clock.now();
      const signal = AbortSignal.timeout(5_000);
      expect(signal).to.be.instanceOf(AbortSignal);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      expect(clock.now() - begun).to.equal(5_000);
      expect(signal.reason).to.be.instanceOf(DOMException).and.to.include({ name: 'TimeoutError' });
      expect(() => AbortSignal.timeout(-1)).to.throw(RangeError);
    });
  });

  describe('clocks', () => {
    it('begin at the epoch of the world and move with advance', async () => {
      const world = new World({ globals: true });
      const seen: number[][] = [];
      world.start(() => {
        const look = (): void => {
          seen.push([
            Date.now(),
            new Date().getTime(),
            Date.parse(Date()),
            performance.timeOrigin + performance.now(),
          ]);
        };
        look();
        setInterval(look, 1_000);
      });
      await world.advance(1);
      expect(seen).to.deep.equal([[EPOCH, EPOCH, EPOCH, EPOCH]]);
      await world.advance(1_000);
      expect(seen).to.have.length(2);
      expect(seen[1]).to.deep.equal(Array(4).fill(EPOCH + 1_000));
      world.end();
    });

    it('agree with the clock of the platform', async () => {
      await inWorld(async ({ clock }) => {
        await sleep(17);
        expect(Date.now()).to.equal(clock.wallTime());
        expect(performance.now()).to.equal(clock.now());
      });
    });

    it('give dates that are dates', async () => {
      const made = await inWorld(() => {
        class Stamp extends Date {
          get year(): number {
            return this.getUTCFullYear();
          }
        }
        const now = new Date();
        const stamp = new Stamp();
        expect(now).to.be.instanceOf(Date).and.to.be.instanceOf(RealDate);
        expect(new RealDate(0)).to.be.instanceOf(Date);
        expect({} instanceof Date).to.equal(false);
        expect(stamp).to.be.instanceOf(Stamp).and.to.be.instanceOf(Date);
        expect([stamp.year, new Stamp(0).year]).to.deep.equal([2030, 1970]);
        expect(now.constructor).to.equal(Date);
        expect(new Date(5).getTime()).to.equal(5);
        expect(new Date(2031, 1, 3).getMonth()).to.equal(1);
        expect(new Date(now).getTime()).to.equal(EPOCH);
        expect(Date.parse('2000-01-01T00:00:00Z')).to.equal(Date.UTC(2000, 0, 1));
        expect(Date.length).to.equal(7);
        expect(Date.name).to.equal('Date');
        const copy = structuredClone(now);
        expect(copy).to.be.instanceOf(Date);
        expect(copy.getTime()).to.equal(EPOCH);
        expect(JSON.stringify({ now })).to.equal('{"now":"2030-01-01T00:00:00.000Z"}');
        return now;
      });
      expect(made).to.be.instanceOf(Date);
      expect(made.constructor).to.equal(Date);
      expect(made.getTime()).to.equal(EPOCH);
    });
  });

  describe('randomness', () => {
    interface Drawn {
      numbers: number[];
      uuid: string;
      bytes: string;
      words: number;
    }

    const draw = (): Drawn => ({
      numbers: Array.from({ length: 5 }, () => Math.random()),
      uuid: crypto.randomUUID(),
      bytes: Buffer.from(crypto.getRandomValues(new Uint8Array(12).subarray(2, 10))).toString('hex'),
      words: crypto.getRandomValues(new Uint32Array(1))[0]!,
    });

    async function family(options: WorldOptions): Promise<Drawn[]> {
      const world = new World({ globals: true, ...options });
      const drawn: Drawn[] = [];
      world.start(({ self, processes, threads }) => {
        drawn.push(draw());
        if (self.assignment !== undefined) return;
        processes.spawn({ be: 'child' }, 'child');
        threads.spawn({ be: 'thread' }, 'thread');
      });
      await world.until(
        () => drawn.length === 3,
        () => 'three lives',
      );
      world.end();
      return drawn;
    }

    it('is the same for the same seed, and another for another', async () => {
      const seven = await family({ seed: 7 });
      expect(await family({ seed: 7 })).to.deep.equal(seven);
      const eight = await family({ seed: 8 });
      for (const key of ['numbers', 'uuid', 'bytes', 'words'] as const)
        expect(eight[0]?.[key]).not.to.deep.equal(seven[0]?.[key]);
    });

    it('is a sequence of its own for each process and thread', async () => {
      const drawn = await family({});
      expect(new Set(drawn.map(({ uuid }) => uuid)).size).to.equal(3);
      expect(new Set(drawn.flatMap(({ numbers }) => numbers)).size).to.equal(15);
    });

    it('is well formed, and refuses as ever what cannot be filled', async () => {
      const [first] = await family({});
      expect(first?.uuid).to.match(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
      for (const number of first?.numbers ?? []) expect(number).to.be.within(0, 1).and.not.equal(1);
      await inWorld(() => {
        expect(() =>
          crypto.getRandomValues(new Float64Array(1) as unknown as Uint8Array<ArrayBuffer>),
        ).to.throw(/TypeMismatch|type/i);
        expect(() => crypto.getRandomValues(new Uint8Array(65_537))).to.throw(DOMException);
        const whole = new Uint8Array(4);
        expect(crypto.getRandomValues(whole)).to.equal(whole);
        const part = new Uint8Array(8);
        crypto.getRandomValues(part.subarray(2, 4));
        expect([...part.subarray(0, 2), ...part.subarray(4)]).to.deep.equal([0, 0, 0, 0, 0, 0]);
      });
    });

    it('leaves the numbers of the platform, and so the run, as they are without it', async () => {
      const run = async (globals: boolean): Promise<unknown> => {
        const world = new World({ globals });
        const draws: number[] = [];
        world.start(({ random, clock, self, processes }) => {
          if (self.assignment === undefined) processes.spawn({ be: 'child' }, 'child');
          Math.random();
          draws.push(random.next(), clock.now());
        });
        await world.advance(1_000);
        world.end();
        return [draws, world.events];
      };
      expect(await run(true)).to.deep.equal(await run(false));
    });
  });

  describe('side by side', () => {
    it('leave the real ones to a world without the option', async () => {
      const seen: Record<string, number> = {};
      const look = (name: string) => (): void => void (seen[name] = Date.now());
      const [virtual, real] = [new World({ globals: true }), new World()];
      virtual.start(look('virtual'));
      real.start(look('real'));
      await Promise.all([virtual.advance(10), real.advance(10)]);
      expect(seen['virtual']).to.equal(EPOCH);
      expect(seen['real']).to.be.within(RealDate.now() - 10_000, RealDate.now());
      virtual.end();
      real.end();
    });

    it('give two worlds what each has alone', async () => {
      const play = (seed: number): Promise<unknown> =>
        inWorld(
          async () => {
            const seen: unknown[] = [];
            for (let i = 0; i < 20; i++) {
              await sleep(Math.random() * 100);
              seen.push(Date.now(), crypto.randomUUID());
            }
            return seen;
          },
          { seed },
        );
      const alone = [await play(1), await play(2)];
      expect(await Promise.all([play(1), play(2)])).to.deep.equal(alone);
    });

    it('are the real ones for the test, between waits and in what it asks of the world', async () => {
      const original = [setTimeout, Date, Math.random];
      const world = new World({ globals: true });
      const asked: number[] = [];
      world.start(() => void setInterval(() => {}, 1));
      await world.advance(5);
      expect([setTimeout, Date, Math.random]).to.deep.equal(original);
      await world.until(
        () => {
          asked.push(Date.now());
          return world.time >= 20;
        },
        () => 'some time',
      );
      expect(Math.min(...asked)).to.be.above(0);
      expect(Math.max(...asked)).to.be.below(EPOCH);
      await new Promise((resolve) => setTimeout(resolve, 1));
      world.end();
    });

    it('let real timers of the test pass while the world runs', async () => {
      const world = new World({ globals: true });
      world.start(() => void setInterval(() => {}, 1));
      let fired = false;
      setTimeout(() => {
        fired = true;
        setTimeout(() => (fired = true), 1);
      }, 1);
      await world.until(
        () => fired,
        () => 'the real timer',
        Infinity,
      );
      world.end();
    });
  });

  describe('are given back', () => {
    const failures: [string, WorldOptions, (world: World) => Promise<unknown>][] = [
      ['is idle', {}, (world) => world.until(() => false, String)],
      ['comes to its deadline', {}, (world) => world.until(() => false, String, 5)],
      ['goes round in circles', { maxEventsPerWait: 50 }, (world) => world.until(() => false, String)],
    ];
    for (const [how, options, wait] of failures) {
      it(`by a wait that fails because the world ${how}, and is never ended`, async () => {
        const world = new World({ globals: true, ...options });
        world.start(() => void (how === 'is idle' ? 0 : setInterval(() => {}, 1)));
        const waiting = wait(world);
        expect(globalsNow()).not.to.deep.equal(before);
        await rejection(waiting);
        expect(globalsNow()).to.deep.equal(before);
      });
    }

    it('by the last of several waits', async () => {
      const world = new World({ globals: true });
      world.start(() => void setInterval(() => {}, 1));
      const [short, long] = [world.advance(5), world.advance(10)];
      await short;
      expect(globalsNow()).not.to.deep.equal(before);
      await long;
      expect(globalsNow()).to.deep.equal(before);
      world.end();
    });

    it('to the fake timers of a test, which stop no world and see nothing of it', async () => {
      const real = { setTimeout, setImmediate, Date };
      class FrozenDate extends Date {
        static override now(): number {
          return 42;
        }
      }
      const fakes = {
        setTimeout: (() => 'fake') as unknown as typeof setTimeout,
        setImmediate: (() => 'fake') as unknown as typeof setImmediate,
        Date: FrozenDate as DateConstructor,
      };
      Object.assign(globalThis, fakes);
      try {
        const seen = await inWorld(async () => {
          await new Promise((resolve) => setTimeout(resolve, 1_000));
          await new Promise((resolve) => setImmediate(resolve));
          return Date.now();
        });
        expect(seen).to.equal(EPOCH + 1_000);
        expect({ setTimeout, setImmediate, Date }).to.deep.equal(fakes);
        expect(Date.now()).to.equal(42);
      } finally {
        Object.assign(globalThis, real);
      }
    });

    it('except what somebody has put in their place meanwhile', async () => {
      const mine = (() => 1) as typeof Math.random;
      const real = Math.random;
      try {
        await inWorld(() => (Math.random = mine));
        expect(Math.random).to.equal(mine);
      } finally {
        Math.random = real;
      }
    });

    it('even when somebody puts a substitute back after its time', async () => {
      const real = setTimeout;
      const taken = await inWorld(() => setTimeout);
      expect(taken).not.to.equal(real);
      globalThis.setTimeout = taken;
      await new Promise((resolve) => setTimeout(resolve, 1));
      await inWorld(() => sleep(1_000));
      expect(setTimeout).to.equal(real);
    });
  });

  it('leave an application that waits a minute by them no real time to take', async () => {
    const run = async (seed: number): Promise<string[]> => {
      const server = await simulate(GlobalClockApp, { globals: true, seed });
      const clients = [await server.connect(), await server.connect()];
      for (const client of clients) client.send('Ada\n');
      await server.advance(60_100);
      const lines = [];
      for (const client of clients) lines.push(await client.receiveLine());
      await server.stop();
      return lines;
    };
    const begun = performance.now();
    const lines = await run(3);
    expect(performance.now() - begun).to.be.below(10_000);
    for (const line of lines)
      expect(line).to.match(/^Ada took 60000 at 2030-01-01T00:01:00\.\d{3}Z, drew 0\.\d+, beat [56]$/);
    expect(await run(3)).to.deep.equal(lines);
    expect(await run(4)).not.to.deep.equal(lines);
  });
});
