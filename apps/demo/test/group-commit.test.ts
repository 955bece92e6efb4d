import { expect } from 'chai';
import { GroupCommit } from '@shoal/demo/group-commit';

describe('A group commit', () => {
  it('does the work once for all who ask during a run, and one run at a time', async () => {
    const ends: (() => void)[] = [];
    const commits = new GroupCommit(() => new Promise((resolve) => ends.push(resolve)));
    const first = commits.commit();
    await Promise.resolve();
    await new Promise(setImmediate);
    const others = [commits.commit(), commits.commit()];
    await new Promise(setImmediate);
    expect(ends).to.have.length(1);
    ends[0]!();
    await first;
    await new Promise(setImmediate);
    expect(ends).to.have.length(2);
    ends[1]!();
    await Promise.all(others);
    expect(ends).to.have.length(2);
  });

  it('tells a failure to those who waited for that run, and goes on', async () => {
    let runs = 0;
    const commits = new GroupCommit(async () => {
      if (++runs === 1) throw new Error('no room');
    });
    const failed = await commits.commit().catch((error: Error) => error.message);
    expect(failed).to.equal('no room');
    await commits.commit();
    expect(runs).to.equal(2);
  });
});
