import { expect } from 'chai';
import { TimerHolders } from '@shoal/testing/internal/invariants/timer-holders';

function setUp(): { readonly holders: TimerHolders; readonly found: string[] } {
  const found: string[] = [];
  const holders = new TimerHolders((rule, message) => found.push(`${rule}: ${message}`));
  return { holders, found };
}

describe('The check of timers that belong to one worker', () => {
  it('accepts one holder after the other, by release or by death', () => {
    const { holders, found } = setUp();
    holders.holds(1, [7]);
    holders.started(1, 7, 'Watch.round');
    holders.releases(1);
    holders.settled(1, 7);
    holders.holds(2, [3, 4]);
    holders.started(2, 3, 'Watch.round');
    holders.died(2);
    holders.holds(1, [8]);
    expect(found).to.deep.equal([]);
  });

  it('finds two holders', () => {
    const { holders, found } = setUp();
    holders.holds(1, []);
    holders.holds(2, []);
    expect(found).to.deep.equal(['timers: pid 2 holds the timers of one worker, and pid 1 does too']);
  });

  it('finds a run that is pending when another one holds them', () => {
    const { holders, found } = setUp();
    holders.holds(1, [7]);
    holders.started(1, 7, 'Watch.round');
    holders.releases(1);
    holders.holds(2, [7]);
    expect(found).to.deep.equal([
      'timers: pid 2 holds the timers of one worker, and one still runs in pid 1',
    ]);
  });

  it('finds a run that begins after the release, and leaves other timers alone', () => {
    const { holders, found } = setUp();
    holders.holds(1, [7]);
    holders.releases(1);
    holders.started(1, 6, 'Chat.beat');
    holders.settled(1, 6);
    expect(found).to.deep.equal([]);
    holders.started(1, 7, 'Watch.round');
    expect(found).to.deep.equal(['timers: pid 1 starts Watch.round, and does not hold it any more']);
  });
});
