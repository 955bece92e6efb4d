import { expect } from 'chai';
import { Reading, Stop } from '@shoal/core/internal/reactor/reading';

function setUp(): { reading: Reading; told: string[] } {
  const told: string[] = [];
  return {
    reading: new Reading({ pause: () => told.push('pause'), resume: () => told.push('resume') }),
    told,
  };
}

describe('Reading', () => {
  it('goes on when the last of several reasons is gone, and not before', () => {
    const { reading, told } = setUp();
    reading.set(Stop.window, true);
    reading.set(Stop.paused, true);
    reading.set(Stop.window, false);
    expect([reading.stopped, told]).to.deep.equal([true, ['pause']]);
    reading.set(Stop.paused, false);
    expect([reading.stopped, told]).to.deep.equal([false, ['pause', 'resume']]);
  });

  it('takes the same reason twice for one', () => {
    const { reading, told } = setUp();
    reading.set(Stop.paused, true);
    reading.set(Stop.paused, true);
    reading.set(Stop.paused, false);
    reading.set(Stop.paused, false);
    expect(told).to.deep.equal(['pause', 'resume']);
  });

  it('is stopped by nothing any more once it was released', () => {
    const { reading, told } = setUp();
    reading.set(Stop.unconfirmed, true);
    reading.release();
    reading.set(Stop.window, true);
    reading.release();
    expect([reading.stopped, told]).to.deep.equal([false, ['pause', 'resume']]);
  });

  it('touches nothing that is closed', () => {
    const { reading, told } = setUp();
    reading.close();
    reading.set(Stop.window, true);
    reading.release();
    expect(told).to.deep.equal([]);
  });
});
