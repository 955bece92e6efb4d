import { expect } from 'chai';
import fc from 'fast-check';
import { Invoker } from '@shoal/core/internal/events/invoke';
import { Timers } from '@shoal/core/internal/timers/timers';
import { keptLog } from './log-lines.js';
import { ManualClock, promiseJobs } from './pipe/manual-clock.js';

function setUp() {
  const clock = new ManualClock();
  const { logger, lines } = keptLog();
  const invoker = new Invoker(logger, undefined);
  return { clock, timers: new Timers(clock, invoker), invoker, lines };
}

describe('Timers', () => {
  it('tick runs at every multiple of the interval', () => {
    const { clock, timers } = setUp();
    const times: number[] = [];
    timers.tick(100, () => times.push(clock.now()));
    clock.advance(99);
    expect(times).to.deep.equal([]);
    clock.advance(1);
    expect(times).to.deep.equal([100]);
    clock.advance(350);
    expect(times).to.deep.equal([100, 200, 300, 400]);
  });

  it('tick keeps to the multiples of its interval after a delay, and skips what it missed', () => {
    const { clock, timers } = setUp();
    const times: number[] = [];
    timers.tick(100, () => times.push(clock.now()));
    clock.stall(130);
    clock.advance(0);
    expect(times).to.deep.equal([130]);
    clock.advance(100);
    expect(times).to.deep.equal([130, 200]);
    clock.stall(565);
    clock.advance(100);
    expect(times).to.deep.equal([130, 200, 795, 800]);
  });

  it('tick does not drift, however late each run is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.array(fc.nat(3000), { maxLength: 30 }),
        (interval, delays) => {
          const { clock, timers } = setUp();
          const runs: number[] = [];
          timers.tick(interval, () => runs.push(clock.now()));
          for (const delay of delays) {
            clock.stall(delay);
            clock.advance(0);
          }
          const slots = runs.map((time) => Math.floor(time / interval));
          expect(new Set(slots).size).to.equal(slots.length);
          clock.advance(interval);
          expect(runs.at(-1)! % interval).to.equal(0);
        },
      ),
    );
  });

  it('tick never overlaps an async run, and skips what is missed meanwhile', async () => {
    const { clock, timers } = setUp();
    const times: number[] = [];
    const ends: (() => void)[] = [];
    timers.tick(100, () => {
      times.push(clock.now());
      return new Promise<void>((resolve) => ends.push(resolve));
    });
    clock.advance(350);
    expect(times).to.deep.equal([100]);
    ends[0]!();
    await promiseJobs();
    clock.advance(49);
    expect(times).to.deep.equal([100]);
    clock.advance(1);
    expect(times).to.deep.equal([100, 400]);
  });

  it('tick goes on after a run that throws or rejects, and each is counted and logged by name', async () => {
    const { clock, timers, invoker, lines } = setUp();
    let runs = 0;
    timers.tick(
      10,
      () => {
        runs++;
        if (runs === 1) throw new Error('at once');
        return Promise.reject(new Error('later'));
      },
      'Chat.beat',
    );
    clock.advance(20);
    await promiseJobs();
    clock.advance(10);
    await promiseJobs();
    expect(runs).to.equal(3);
    expect(invoker.failed).to.equal(3);
    expect(lines.map(({ message }) => message)).to.deep.equal(Array(3).fill('Chat.beat failed in tick'));
  });

  it('after runs once', () => {
    const { clock, timers } = setUp();
    let runs = 0;
    timers.after(50, () => runs++);
    clock.advance(49);
    expect(runs).to.equal(0);
    clock.advance(1_000);
    expect(runs).to.equal(1);
    expect(timers.size).to.equal(0);
    expect(clock.timers).to.equal(0);
  });

  it('hand each function the id of its timer, with which it may clear itself', () => {
    const { clock, timers } = setUp();
    const runs: number[] = [];
    const id = timers.tick(10, (own) => {
      runs.push(own);
      if (runs.length === 2) expect(timers.clear(own)).to.equal(true);
    });
    clock.advance(100);
    expect(runs).to.deep.equal([id, id]);
    expect(clock.timers).to.equal(0);
    expect(timers.clear(id)).to.equal(false);
  });

  it('clear a tick whose async run is pending', async () => {
    const { clock, timers } = setUp();
    let runs = 0;
    let end = (): void => {};
    const id = timers.tick(10, () => {
      runs++;
      return new Promise<void>((resolve) => (end = resolve));
    });
    clock.advance(10);
    expect(timers.clear(id)).to.equal(true);
    end();
    await promiseJobs();
    clock.advance(100);
    expect(runs).to.equal(1);
    expect(clock.timers).to.equal(0);
  });

  it('say of a clear whether the timer existed', () => {
    const { clock, timers } = setUp();
    const once = timers.after(10, () => expect(timers.clear(once)).to.equal(false));
    const other = timers.after(10, () => expect.fail('it was cleared'));
    expect(timers.clear(other)).to.equal(true);
    expect(timers.clear(other)).to.equal(false);
    expect(timers.clear(12_345)).to.equal(false);
    clock.advance(10);
  });

  it('give every timer another id, and clear them all', () => {
    const { clock, timers } = setUp();
    const ids = [timers.tick(1, () => {}), timers.after(1, () => {}), timers.tick(1, () => {})];
    expect(new Set(ids).size).to.equal(3);
    timers.clearAll();
    expect(timers.size).to.equal(0);
    expect(clock.timers).to.equal(0);
  });

  for (const method of ['tick', 'after'] as const) {
    it(`${method} takes 1 to 2^31-1 ms and nothing beside`, () => {
      const { timers } = setUp();
      for (const ms of [1, 1.5, 2 ** 31 - 1]) timers[method](ms, () => {});
      expect(timers.size).to.equal(3);
      for (const ms of [0, 0.999, -1, 2 ** 31, NaN, Infinity, '5' as unknown as number]) {
        expect(() => timers[method](ms, () => {}), String(ms))
          .to.throw()
          .with.property('code', 'TIMER_INVALID');
      }
      expect(timers.size).to.equal(3);
    });
  }
});
