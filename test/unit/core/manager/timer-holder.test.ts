import { expect } from 'chai';
import { RestartPolicy } from '@shoal/core/internal/manager/restart-policy';
import { TimerHolder } from '@shoal/core/internal/manager/timer-holder';
import type { WorkerHandle } from '@shoal/core/internal/manager/worker-handle';
import { WorkerPlace } from '@shoal/core/internal/manager/worker-place';
import { ManualClock } from '../pipe/manual-clock.js';
import { StartedWorkers } from './started-workers.js';

/** Two places whose workers serve when they are told to. */
function setUp() {
  const workers = new StartedWorkers(new ManualClock());
  const places = [0, 1].map(
    (workerId) => new WorkerPlace(workerId, { role: 'worker' }, new RestartPolicy(3, () => 1)),
  );
  const ran: string[] = [];
  const state = { stopping: false };
  const holder = new TimerHolder(
    places,
    ['early'],
    (timer) => ran.push(timer),
    () => state.stopping,
  );
  const serve = (workerId: number, mayHoldTimers = true): WorkerHandle => {
    const worker = workers.start({ workerId, incarnation: workers.handles.length + 1 });
    worker.state = 'serving';
    worker.mayHoldTimers = mayHoldTimers;
    places[workerId]!.current = worker;
    holder.look();
    return worker;
  };
  return { workers, places, holder, serve, ran, state };
}

describe('TimerHolder', () => {
  it('names the first that serves, and keeps to it when a lower id serves too', () => {
    const { workers, holder, serve } = setUp();
    const one = serve(1);
    const zero = serve(0);
    holder.look();
    expect([workers.told(zero), workers.told(one)]).to.deep.equal([[], ['hold']]);
  });

  it('names the lowest id when its holder has released them, once', () => {
    const { workers, holder, serve } = setUp();
    const one = serve(1);
    const zero = serve(0);
    one.state = 'stopping';
    holder.look();
    expect(workers.told(zero)).to.deep.equal([]);
    for (let time = 0; time < 2; time++) {
      holder.released(one);
      holder.look();
    }
    expect([workers.told(zero), workers.told(one)]).to.deep.equal([['hold'], ['hold']]);
  });

  it('names nobody who is on the way in or out, or has no such timers', () => {
    const { workers, places, holder, serve } = setUp();
    const zero = serve(0, false);
    const leaving = workers.start({ workerId: 1, incarnation: 9 });
    leaving.mayHoldTimers = true;
    places[1]!.current = leaving;
    for (const state of ['ready', 'stopping', 'down'] as const) {
      leaving.state = state;
      holder.look();
    }
    expect([workers.told(zero), workers.told(leaving)]).to.deep.equal([[], []]);
  });

  it('names nobody any more when the server stops', () => {
    const { workers, holder, serve, state } = setUp();
    const zero = serve(0);
    const one = serve(1);
    state.stopping = true;
    holder.released(zero);
    holder.look();
    expect(workers.told(one)).to.deep.equal([]);
  });

  it('tells each holder what has run once, and whoever comes after this manager', () => {
    const { workers, holder, serve, ran } = setUp();
    const zero = serve(0);
    holder.ran('late');
    holder.ran('late');
    holder.released(zero);
    zero.state = 'down';
    const one = serve(1);
    expect(workers.notes(zero)).to.deep.equal([{ type: 'hold', ran: ['early'] }]);
    expect(workers.notes(one)).to.deep.equal([{ type: 'hold', ran: ['early', 'late'] }]);
    expect(new Set(ran)).to.deep.equal(new Set(['late']));
  });
});
