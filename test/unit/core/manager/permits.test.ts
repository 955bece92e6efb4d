import { expect } from 'chai';
import { Permits } from '@shoal/core/internal/manager/permits';
import { promiseJobs } from '../pipe/manual-clock.js';

/** What has gone ahead, by number. */
function queue(permits: Permits, count: number) {
  const ahead: number[] = [];
  const gives: (() => void)[] = [];
  for (let number = 1; number <= count; number++)
    void permits.take().then((give) => {
      ahead.push(number);
      gives.push(give);
    });
  return { ahead, gives };
}

describe('Permits', () => {
  it('let exactly as many go ahead as there are, and the next when one comes back, in order', async () => {
    const { ahead, gives } = queue(new Permits(2), 4);
    await promiseJobs();
    expect(ahead).to.deep.equal([1, 2]);
    gives[1]!();
    await promiseJobs();
    expect(ahead).to.deep.equal([1, 2, 3]);
    gives[0]!();
    await promiseJobs();
    expect(ahead).to.deep.equal([1, 2, 3, 4]);
  });

  it('take each back only once', async () => {
    const { ahead, gives } = queue(new Permits(1), 3);
    await promiseJobs();
    gives[0]!();
    gives[0]!();
    await promiseJobs();
    expect(ahead).to.deep.equal([1, 2]);
  });
});
