import { expect } from 'chai';
import { TaskTarget } from '@shoal/core/internal/tasks/task-target';
import { FakeWay } from './fake-ways.js';

describe('TaskTarget', () => {
  it('takes 8 tasks at first, and not 9', () => {
    const target = targetOf(new FakeWay(2));
    expect(depthOf(target)).to.equal(8);
  });

  it('takes twice as many after one that came back within 5 ms, up to 1024', () => {
    const target = targetOf(new FakeWay(2));
    target.took(4.9);
    expect(depthOf(target)).to.equal(16);
    target.took(5);
    expect(depthOf(target)).to.equal(16);
    for (let turn = 0; turn < 20; turn++) target.took(1);
    expect(depthOf(target)).to.equal(1_024);
  });

  it('takes half as many after one that took more than 20 ms, and at least 1', () => {
    const target = targetOf(new FakeWay(2));
    target.took(20);
    expect(depthOf(target)).to.equal(8);
    target.took(20.1);
    expect(depthOf(target)).to.equal(4);
    for (let turn = 0; turn < 20; turn++) target.took(1_000);
    expect(depthOf(target)).to.equal(1);
  });

  it('takes nothing while there is no way, or one that is not open, and finds the next', () => {
    let way: FakeWay | undefined;
    const target = new TaskTarget(2, () => way?.asWay);
    expect([target.free, target.reachable]).to.deep.equal([undefined, false]);
    way = new FakeWay(2);
    way.open = false;
    expect([target.free, target.reachable]).to.deep.equal([undefined, false]);
    way = new FakeWay(2);
    expect(target.free).to.equal(way);
    expect(target.reachable).to.equal(true);
    way.open = false;
    expect([target.free, target.reachable]).to.deep.equal([undefined, false]);
  });
});

function targetOf(way: FakeWay): TaskTarget {
  return new TaskTarget(2, () => way.asWay);
}

/** How many it takes; it has none afterwards. */
function depthOf(target: TaskTarget): number {
  for (target.sent = 0; target.free !== undefined;) target.sent++;
  const depth = target.sent;
  target.sent = 0;
  return depth;
}
