import { expect } from 'chai';
import { RestartPolicy } from '@shoal/core/internal/manager/restart-policy';

const most = (): number => 1;
const failure = { ready: false, lived: 50 };
const crash = { ready: true, lived: 60_000 };

describe('RestartPolicy', () => {
  it('replaces a worker that had been serving at once, for ever', () => {
    const policy = new RestartPolicy(2, most);
    for (let count = 0; count < 100; count++) expect(policy.next(crash)).to.equal(0);
  });

  it('restarts after maxBootFailures - 1 failures in a row and gives up at one more', () => {
    const policy = new RestartPolicy(3, most);
    expect(policy.next(failure)).to.be.a('number');
    expect(policy.next(failure)).to.be.a('number');
    expect(policy.next(failure)).to.equal('give-up');
  });

  it('gives up at the first failure when it may fail once', () => {
    expect(new RestartPolicy(1, most).next(failure)).to.equal('give-up');
  });

  it('begins to count again once a worker was ready', () => {
    const policy = new RestartPolicy(2, most);
    expect(policy.next(failure)).to.equal(100);
    expect(policy.next(crash)).to.equal(0);
    expect(policy.next(failure)).to.equal(100);
    expect(policy.next(failure)).to.equal('give-up');
  });

  it('keeps the first failure of a run of failed boots, until one succeeds', () => {
    const policy = new RestartPolicy(9, most);
    const failing = (reason: string) => ({
      ...failure,
      failure: { reason, error: undefined, timedOut: false },
    });
    expect(policy.firstFailure).to.equal(undefined);
    policy.next(failing('first'));
    policy.next(failing('second'));
    expect(policy.firstFailure?.reason).to.equal('first');
    policy.next(crash);
    expect(policy.firstFailure).to.equal(undefined);
    policy.next(failing('third'));
    expect(policy.firstFailure?.reason).to.equal('third');
  });

  it('doubles the delay from 100 ms up to 5 s', () => {
    const policy = new RestartPolicy(100, most);
    const delays = Array.from({ length: 8 }, () => policy.next(failure));
    expect(delays).to.deep.equal([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('spreads a delay over its upper half', () => {
    expect(new RestartPolicy(9, () => 0).next(failure)).to.equal(50);
    expect(new RestartPolicy(9, () => 0.5).next(failure)).to.equal(75);
  });

  it('answers twelve quick ends at once and delays the thirteenth, but never gives up', () => {
    const policy = new RestartPolicy(2, most);
    const quick = { ready: true, lived: 1_999 };
    for (let count = 0; count < 12; count++) expect(policy.next(quick)).to.equal(0);
    expect(policy.next(quick)).to.equal(100);
    expect(policy.next(quick)).to.equal(200);
    for (let count = 0; count < 50; count++) expect(policy.next(quick)).to.be.at.most(5_000);
    expect(policy.next({ ready: true, lived: 2_000 })).to.equal(0);
    expect(policy.next(quick)).to.equal(0);
  });
});
