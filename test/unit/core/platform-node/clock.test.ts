import { expect } from 'chai';
import { NodeClock } from '@shoal/core/internal/platform/node/clock';
import { until } from './deadlines.js';

const clock = new NodeClock();

describe('NodeClock', () => {
  it('counts milliseconds with fractions and never backwards', () => {
    const times = Array.from({ length: 1_000 }, () => clock.now());
    expect(times).to.deep.equal([...times].sort((a, b) => a - b));
    expect(times.some((time) => !Number.isInteger(time))).to.equal(true);
  });

  it('tells the time of day', () => {
    const before = Date.now();
    expect(clock.wallTime()).to.be.within(before, Date.now());
  });

  for (const delay of [-1, 0, 0.2, 5.5]) {
    it(`runs a timer of ${delay} ms once, and not before its time`, async () => {
      const start = clock.now();
      const ranAt: number[] = [];
      clock.setTimer(delay, () => ranAt.push(clock.now()));
      expect(ranAt).to.deep.equal([]);
      await until('the timer has run', () => ranAt.length > 0);
      // The system's own clock of timers has a grain of 1 ms.
      expect(ranAt[0]! - start).to.be.at.least(delay - 1);
      expect(ranAt).to.have.length(1);
    });
  }

  it('runs timers of one delay in the order in which they were set', async () => {
    const order: number[] = [];
    for (const index of [1, 2, 3]) clock.setTimer(3, () => order.push(index));
    await until('all have run', () => order.length === 3);
    expect(order).to.deep.equal([1, 2, 3]);
  });

  it('never runs a timer that was cancelled, once or twice', async () => {
    let ran = false;
    let later = false;
    const timer = clock.setTimer(1, () => (ran = true));
    timer.cancel();
    timer.cancel();
    clock.setTimer(5, () => (later = true));
    await until('a later timer has run', () => later);
    expect(ran).to.equal(false);
  });

  it('runs deferred work in order, after the promise jobs that were queued before', async () => {
    const order: string[] = [];
    clock.defer(() => order.push('deferred'));
    clock.defer(() => order.push('deferred too'));
    void Promise.resolve().then(() => order.push('promise'));
    process.nextTick(() => order.push('tick'));
    await until('the deferred work has run', () => order.includes('deferred too'));
    expect(order).to.deep.equal(['tick', 'promise', 'deferred', 'deferred too']);
  });

  describe('with delays that Node cuts', () => {
    const longest = 2 ** 31 - 1;

    let timers: FakeTimers;

    beforeEach(() => (timers = new FakeTimers()));
    afterEach(() => timers.restore());

    for (const delay of [longest, longest + 1, 3 * longest + 7]) {
      it(`waits ${delay} ms`, () => {
        let runs = 0;
        clock.setTimer(delay, () => (runs += 1));
        for (let waited = 0; waited < delay - 1;) {
          const step = Math.min(longest, delay - 1 - waited);
          timers.tick(step);
          waited += step;
        }
        expect(runs).to.equal(0);
        timers.tick(1);
        expect(runs).to.equal(1);
      });
    }

    it('rounds fractions up', () => {
      let ran = false;
      clock.setTimer(10.2, () => (ran = true));
      timers.tick(10);
      expect(ran).to.equal(false);
      timers.tick(1);
      expect(ran).to.equal(true);
    });

    it('cancels in any step', () => {
      let ran = false;
      const timer = clock.setTimer(longest + 5, () => (ran = true));
      timers.tick(longest);
      timer.cancel();
      timers.tick(longest);
      expect(ran).to.equal(false);
    });
  });
});

/** Stands in for Node's timers, with their rules: fractions are cut off, and a delay beyond 2^31-1 is none. */
class FakeTimers {
  #now = 0;
  readonly #due = new Map<object, { readonly at: number; readonly run: () => void }>();
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };

  constructor() {
    const setTimeout = (run: () => void, delay: number): object => {
      const handle = {};
      const used = delay >= 1 && delay <= 2 ** 31 - 1 ? Math.trunc(delay) : 1;
      this.#due.set(handle, { at: this.#now + used, run });
      return handle;
    };
    Object.assign(globalThis, { setTimeout, clearTimeout: (handle: object) => this.#due.delete(handle) });
  }

  /** Lets time pass, in steps short enough that a timer is never late. */
  tick(time: number): void {
    this.#now += time;
    for (const [handle, { at, run }] of [...this.#due]) {
      if (at > this.#now) continue;
      this.#due.delete(handle);
      run();
    }
  }

  restore(): void {
    Object.assign(globalThis, this.#real);
  }
}
