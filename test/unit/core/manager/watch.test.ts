import { expect } from 'chai';
import { Watch } from '@shoal/core/internal/manager/watch';
import type { WorkerHandle } from '@shoal/core/internal/manager/worker-handle';
import { ManualClock } from '../pipe/manual-clock.js';
import { StartedWorkers } from './started-workers.js';

/** Two workers that serve, and are looked at every second. */
function watched(workerTimeout: number) {
  const clock = new ManualClock();
  const workers = new StartedWorkers(clock);
  const blocked: [WorkerHandle, number][] = [];
  for (const workerId of [0, 1]) {
    const worker = workers.start({ workerId, incarnation: workerId + 1 });
    worker.state = 'serving';
    worker.servesSince = 0;
  }
  const watch = new Watch(
    clock,
    workerTimeout,
    () => workers.handles,
    (worker, silence) => blocked.push([worker, silence]),
  );
  watch.start();
  const [first, second] = workers.handles as [WorkerHandle, WorkerHandle];
  const hear = (worker: WorkerHandle): void => void (worker.lastHeard = clock.now());
  return { clock, workers, watch, blocked, first, second, hear };
}

const vitals = { inFlight: 0, loopLagP99: 0, rss: 1 };

describe('Watch', () => {
  it('finds a worker that is silent for longer than workerTimeout, and not one at exactly that', () => {
    const { clock, blocked, first, second, hear } = watched(4_000);
    for (let tick = 1; tick <= 4; tick++) {
      clock.advance(1_000);
      hear(second);
    }
    expect(blocked).to.deep.equal([]);
    clock.advance(1_000);
    expect(blocked).to.deep.equal([[first, 5_000]]);
  });

  it('asks everybody at each look', () => {
    const { clock, workers, first, second } = watched(4_000);
    clock.advance(3_000);
    expect(workers.told(first)).to.deep.equal(['ping', 'ping', 'ping']);
    expect(workers.told(second)).to.deep.equal(['ping', 'ping', 'ping']);
  });

  it('charges nobody with a gap that it had itself', () => {
    const { clock, blocked } = watched(4_000);
    clock.stall(60_000);
    clock.advance(0);
    expect(blocked).to.deep.equal([]);
    clock.advance(4_000);
    expect(blocked).to.deep.equal([]);
    clock.advance(1_000);
    expect(blocked).to.have.length(2);
  });

  it('gives one that has just begun to serve its full time', () => {
    const { clock, blocked, first, second, hear } = watched(4_000);
    clock.advance(3_500);
    first.servesSince = clock.now();
    hear(second);
    clock.advance(4_000);
    hear(second);
    expect(blocked).to.deep.equal([]);
  });

  it('kills nobody with a workerTimeout of 0, and feels the pulse all the same', () => {
    const { clock, workers, blocked, first } = watched(0);
    clock.advance(60_000);
    expect(blocked).to.deep.equal([]);
    expect(workers.told(first)).to.have.length(30);
  });

  it('makes a rate of two counts', () => {
    const { clock, watch, first } = watched(4_000);
    watch.heard(first, { ...vitals, requests: 100 });
    expect(first.requestsPerSecond).to.equal(0);
    clock.advance(500);
    watch.heard(first, { ...vitals, requests: 150 });
    expect(first.requestsPerSecond).to.equal(100);
  });

  it('looks no more once it is stopped', () => {
    const { clock, watch, workers, first } = watched(4_000);
    watch.stop();
    clock.advance(60_000);
    expect(workers.told(first)).to.deep.equal([]);
    expect(clock.timers).to.equal(0);
  });
});
