import { expect } from 'chai';
import { PinnedConnections, type Pinned } from '@shoal/core/internal/worker/pinned-connections';
import { ManualClock, promiseJobs } from '../pipe/manual-clock.js';

describe('PinnedConnections', () => {
  it('are waited for by each who asks until none is left, also when another has given up', async () => {
    const clock = new ManualClock();
    const pinned = new PinnedConnections(clock, () => {});
    const connection: Pinned = { id: 1, drain() {}, endLate() {} };
    pinned.add(connection);
    const over: string[] = [];
    void pinned.outlast(1_000).then(() => over.push('the first'));
    void pinned.outlast(10_000).then(() => over.push('the second'));
    clock.advance(999);
    await promiseJobs();
    expect(over).to.deep.equal(['the first']);
    pinned.delete(connection);
    await promiseJobs();
    expect(over).to.deep.equal(['the first', 'the second']);
    expect(clock.timers).to.equal(0);
  });
});
