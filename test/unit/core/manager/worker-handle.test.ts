import { expect } from 'chai';
import { WorkerHandle } from '@shoal/core/internal/manager/worker-handle';
import type { WorkerAssignment } from '@shoal/core/internal/pipe/assignments';
import type { Child } from '@shoal/core/internal/platform/platform';

const place = { workerId: 0, incarnation: 1 };

function handle(): WorkerHandle {
  const assignment = { role: 'worker', place } as WorkerAssignment;
  return new WorkerHandle(assignment, {} as Child, { pid: 1, startedAt: '' }, 1, 0);
}

describe('WorkerHandle', () => {
  it('asks whether the program still starts a server when a worker leaves with 0 before it is loaded', () => {
    const worker = handle();
    worker.state = 'down';
    expect(worker.explain({ code: 0, signal: null })).to.match(
      /^it left by itself: does its program still call run/,
    );
  });

  it('has not reached what it did not come to before it left', async () => {
    const worker = handle();
    const reached = Promise.all([worker.reached('loaded'), worker.reached('ready')]);
    worker.state = 'loaded';
    worker.state = 'stopping';
    expect(await reached).to.deep.equal([true, false]);
    expect(worker.wasReady).to.equal(false);
  });

  it('does not ask so of one that has been loaded', () => {
    const worker = handle();
    worker.state = 'starting';
    worker.state = 'down';
    expect(worker.explain({ code: 0, signal: null })).to.equal('it left by itself');
  });
});
