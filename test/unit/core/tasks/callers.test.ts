import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { FinishCaller, WaitCaller } from '@shoal/core/internal/tasks/callers';
import type { TaskCall } from '@shoal/core/internal/tasks/task-call';
import type { TaskResult } from '@shoal/core/internal/tasks/task';
import { ManualClock, promiseJobs } from '../pipe/manual-clock.js';

const call = { id: 7, name: '', dispatchTime: 5, way: { peer: { workerId: 3 } } } as TaskCall;

describe('WaitCaller', () => {
  const endings: Record<string, (caller: WaitCaller) => void> = {
    'a result': (caller) => caller.result(call, 1),
    'a failure': (caller) => caller.failed(call, new Error('failed')),
    'an end without a result': (caller) => caller.over(),
    'a refusal': (caller) => caller.refuse(new Error('refused')),
  };

  for (const [what, end] of Object.entries(endings)) {
    it(`leaves no timer and no listener behind after ${what}`, async () => {
      const world = worldOf();
      world.caller.limit(50, world.controller.signal, () => expect.fail('given up'));
      expect([world.clock.timers, world.listeners]).to.deep.equal([1, 1]);
      end(world.caller);
      expect([world.clock.timers, world.listeners, world.caller.waiting]).to.deep.equal([0, 0, false]);
      await world.caller.settled.catch(() => undefined);
      world.clock.advance(100);
      world.controller.abort();
      expect(world.late).to.equal(0);
    });
  }

  it('gives up at its timeout and not 1 ms before, and counts each result that comes after', async () => {
    const world = worldOf();
    let abandoned = 0;
    world.caller.limit(50, world.controller.signal, () => abandoned++);
    world.clock.advance(49);
    expect([world.caller.waiting, abandoned]).to.deep.equal([true, 0]);
    world.clock.advance(1);
    expect([world.caller.waiting, abandoned, world.listeners]).to.deep.equal([false, 1, 0]);
    expect(await codeOf(world.caller)).to.equal('TASK_TIMEOUT');
    world.caller.result(call, 1);
    world.caller.failed(call, new Error('late too'));
    world.caller.over();
    expect(world.late).to.equal(2);
  });

  it('gives up when its signal aborts, with the reason of that, and leaves no timer', async () => {
    const world = worldOf();
    let abandoned = 0;
    world.caller.limit(50, world.controller.signal, () => abandoned++);
    const reason = new Error('not wanted any more');
    world.controller.abort(reason);
    expect([world.clock.timers, world.listeners, abandoned]).to.deep.equal([0, 0, 1]);
    expect(await world.caller.settled.catch((error: unknown) => error)).to.equal(reason);
    world.caller.result(call, 1);
    expect(world.late).to.equal(1);
  });

  it('gives up at once for a signal that has aborted, and listens to nothing', async () => {
    const world = worldOf();
    world.controller.abort();
    world.caller.limit(50, world.controller.signal, () => {});
    expect([world.clock.timers, world.listeners, world.caller.waiting]).to.deep.equal([0, 0, false]);
    await world.caller.settled.catch(() => undefined);
  });

  it('settles by its first result, and does not count further ones as late', async () => {
    const world = worldOf();
    world.caller.limit(0, undefined, () => {});
    for (const value of [1, 2, 3]) world.caller.result(call, value);
    world.caller.over();
    expect(await world.caller.settled).to.equal(1);
    expect([world.late, world.clock.timers]).to.deep.equal([0, 0]);
  });
});

describe('FinishCaller', () => {
  it('tells each result and a failure, and nothing of the end', async () => {
    const told: TaskResult[] = [];
    const caller = new FinishCaller((result) => told.push(result));
    caller.result(call, 'a');
    caller.result(call, undefined);
    caller.failed(call, new Error('b'));
    caller.over();
    await promiseJobs();
    expect(
      told.map(({ data, error, taskId, taskWorkerId }) => [data, error?.message, taskId, taskWorkerId]),
    ).to.deep.equal([
      ['a', undefined, 7, 3],
      [undefined, undefined, 7, 3],
      [undefined, 'b', 7, 3],
    ]);
  });
});

function worldOf() {
  const clock = new ManualClock();
  const controller = new AbortController();
  const world = {
    clock,
    controller,
    late: 0,
    caller: new WaitCaller(clock, () => world.late++),
    get listeners() {
      return getEventListeners(controller.signal, 'abort').length;
    },
  };
  return world;
}

async function codeOf(caller: WaitCaller): Promise<unknown> {
  return caller.settled.catch(({ code }: { code: string }) => code);
}
