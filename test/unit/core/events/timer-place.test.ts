import { expect } from 'chai';
import type { Definition, RoleName, TimerPlace } from '@shoal/core/internal/definition';
import { timersAt } from '@shoal/core/internal/events/timer-place';

const places: readonly (TimerPlace | undefined)[] = [undefined, 'every', 'one', 'task', 0, 1, 2, 3];
const definition: Definition = {
  name: 'App',
  settings: {},
  handlers: [],
  timers: places.map((on) => ({
    interval: 1,
    label: String(on),
    target: { kind: 'function', run: () => {} },
    ...(on !== undefined && { on }),
  })),
};

/** Two event workers, a task worker and a user process. */
function at(role: RoleName, workerId: number): readonly string[] {
  return timersAt(definition, { role, workerId, workerNum: 2 }).map(({ label }) => label);
}

describe('timersAt', () => {
  const ofWorkers = ['undefined', 'every', 'one'];

  it('gives an event worker those of all, of one, and of its id', () => {
    expect(at('worker', 0)).to.deep.equal([...ofWorkers, '0']);
    expect(at('worker', 1)).to.deep.equal([...ofWorkers, '1']);
  });

  it('gives a spare those of every id that it may come to have', () => {
    expect(at('worker', -1)).to.deep.equal([...ofWorkers, '0', '1']);
  });

  it('gives a task worker those of its kind and of its id, and a user process those of its id', () => {
    expect(at('taskWorker', 2)).to.deep.equal(['task', '2']);
    expect(at('userProcess', 3)).to.deep.equal(['3']);
  });

  it('gives master and manager none', () => {
    for (const role of ['master', 'manager'] as const) expect(at(role, -1)).to.deep.equal([]);
  });
});
