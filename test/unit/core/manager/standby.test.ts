import { expect } from 'chai';
import { RestartPolicy } from '@shoal/core/internal/manager/restart-policy';
import { Standby } from '@shoal/core/internal/manager/standby';
import type { WorkerHandle } from '@shoal/core/internal/manager/worker-handle';
import { ManualClock } from '../pipe/manual-clock.js';
import { StartedWorkers } from './started-workers.js';

function standbyOf(count: number, maxBootFailures = 3) {
  const clock = new ManualClock();
  const workers = new StartedWorkers(clock);
  const policy = new RestartPolicy(maxBootFailures, () => 1);
  const dismissed: WorkerHandle[] = [];
  const standby = new Standby(
    clock,
    count,
    policy,
    () => workers.start(),
    (spare) => dismissed.push(spare),
  );
  return { clock, workers, standby, dismissed };
}

const failedBoot = { ready: false, lived: 10 };

describe('Standby', () => {
  it('starts as many spares as asked, none of 0, and no more when it is filled again', () => {
    for (const count of [0, 1, 3]) {
      const { workers, standby } = standbyOf(count);
      standby.fill();
      standby.fill();
      expect(workers.handles).to.have.length(count);
    }
  });

  it('gives only a spare that has loaded, and starts another for it', () => {
    const { workers, standby } = standbyOf(2);
    standby.fill();
    expect(standby.take()).to.equal(undefined);
    workers.handles[1]!.state = 'loaded';
    expect(standby.take()).to.equal(workers.handles[1]);
    expect(workers.handles).to.have.length(3);
    expect(standby.take()).to.equal(undefined);
  });

  it('starts one that failed to load again after a delay, and no more once that is hopeless', () => {
    const { clock, workers, standby } = standbyOf(1, 2);
    standby.fill();
    expect(standby.lost(workers.handles[0]!, failedBoot)).to.equal(true);
    clock.advance(99);
    expect(workers.handles).to.have.length(1);
    clock.advance(1);
    expect(workers.handles).to.have.length(2);
    standby.lost(workers.handles[1]!, failedBoot);
    clock.advance(60_000);
    expect(workers.handles).to.have.length(2);
  });

  it('knows its own from others', () => {
    const { workers, standby } = standbyOf(1);
    standby.fill();
    expect(standby.lost(workers.start(), failedBoot)).to.equal(false);
  });

  it('replaces all of them when the code on disk is another one', () => {
    const { workers, standby, dismissed } = standbyOf(2);
    standby.fill();
    for (const spare of workers.handles) spare.state = 'loaded';
    standby.renew();
    expect(workers.handles).to.have.length(4);
    expect(dismissed).to.deep.equal(workers.handles.slice(0, 2));
    expect(standby.take()).to.equal(undefined);
  });

  it('starts nobody any more once it has stopped', () => {
    const { clock, workers, standby } = standbyOf(1);
    standby.fill();
    standby.lost(workers.handles[0]!, failedBoot);
    standby.stop();
    clock.advance(60_000);
    standby.fill();
    expect(workers.handles).to.have.length(1);
    expect(clock.timers).to.equal(0);
  });
});
