import { expect } from 'chai';
import type { OrphanedResult } from '@shoal/core/internal/pipe/messages';
import { Orphans } from '@shoal/core/internal/tasks/orphans';
import { FakeMesh } from './fake-ways.js';

const MiB = 1024 * 1024;
const spool = { write: () => Promise.reject(new Error('no file is written')), discard: () => {} };

describe('Orphans', () => {
  it('go to whoever takes the place of the poster, also if the handler has put a function into what was posted', () => {
    const { orphans, mesh } = orphansOf();
    orphans.add(2, resultOf({ then: () => {} }));
    expect(orphans.count).to.equal(1);
    mesh.ways.set(2, new FakeMesh(2).way(2));
    orphans.pump();
    mesh.way(2).sent[0]!.settled('handled');
    expect([orphans.count, orphans.dropped]).to.deep.equal([0, 0]);
  });

  it('wait up to 64 MiB and one more, and are dropped and counted beyond', () => {
    const { orphans, mesh } = orphansOf();
    for (let result = 0; result < 70; result++) orphans.add(2, resultOf('x'.repeat(MiB)));
    expect([orphans.count, orphans.dropped]).to.deep.equal([64, 6]);
    mesh.ways.set(2, new FakeMesh(2).way(2));
    orphans.pump();
    for (const orphan of mesh.way(2).sent) orphan.settled('handled');
    orphans.add(2, resultOf('x'.repeat(MiB)));
    expect([orphans.count, orphans.dropped]).to.deep.equal([1, 6]);
  });
});

function orphansOf() {
  const mesh = new FakeMesh();
  return { mesh, orphans: new Orphans(mesh, spool, Infinity) };
}

function resultOf(input: unknown): OrphanedResult {
  return { taskId: 1, name: '', taskWorkerId: 3, dispatchTime: 0, input, data: 'done' };
}
