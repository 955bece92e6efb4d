import { expect } from 'chai';
import { DelayedTasks } from '@shoal/core/internal/tasks/queue/delayed-tasks';
import { ManualClock } from '../pipe/manual-clock.js';

class SettableClock extends ManualClock {
  #set = 0;

  override wallTime(): number {
    return super.wallTime() + this.#set;
  }

  set(ms: number): void {
    this.#set += ms;
  }
}

describe('DelayedTasks', () => {
  for (const [direction, hour] of [
    ['forward', 3_600_000],
    ['back', -3_600_000],
  ] as const) {
    it(`tells what is due in 10 ms after 10 ms, although somebody has set the clock ${direction} by an hour`, () => {
      const clock = new SettableClock();
      const told: number[] = [];
      const delayed = new DelayedTasks<{ id: number; dueAt: number }>(clock, (items) =>
        told.push(...items.map(({ id }) => id)),
      );
      delayed.add({ id: 1, dueAt: clock.wallTime() + 7_200_000 });
      clock.set(hour);
      delayed.add({ id: 2, dueAt: clock.wallTime() + 10 });
      clock.advance(9);
      expect(told).to.deep.equal([]);
      clock.advance(1);
      expect(told).to.deep.equal([2]);
    });
  }
});
