import { expect } from 'chai';
import fc from 'fast-check';
import { MeshFlag } from '@shoal/core/internal/pipe/messages';
import type { Caller, TaskCall } from '@shoal/core/internal/tasks/task-call';
import type { Wish } from '@shoal/core/internal/tasks/room-line';
import { TaskPool, type TaskPoolParts } from '@shoal/core/internal/tasks/task-pool';
import { ManualClock, promiseJobs } from '../pipe/manual-clock.js';
import { FakeFiles } from './fake-spool.js';
import { FakeMesh, type FakeWay } from './fake-ways.js';

const AHEAD = 8;
const SPOOL = 1_000;

/** Notes what it hears of its task. */
class NotingCaller implements Caller {
  readonly bequeaths = true;
  readonly heard: unknown[] = [];

  result(_call: TaskCall, value: unknown): void {
    this.heard.push(value);
  }

  failed(_call: TaskCall, error: Error & { code?: string }): void {
    this.heard.push(error.code ?? error.message);
    this.ends++;
  }

  over(): void {
    this.ends++;
  }

  ends = 0;
}

describe('TaskPool', () => {
  it('gives a task to whoever has least, and lets equals take turns', () => {
    const { pool, mesh } = worldOf();
    for (let task = 0; task < 6; task++) post(pool);
    expect([2, 3].map((id) => mesh.way(id).sent.map((call) => call.id))).to.deep.equal([
      [1, 3, 5],
      [2, 4, 6],
    ]);
  });

  it('keeps taskQueueLimit tasks beside those that task workers have, and refuses one more', () => {
    const { pool } = worldOf({ taskQueueLimit: 3 });
    for (let task = 0; task < 2 * AHEAD + 3; task++) post(pool);
    expect(() => post(pool))
      .to.throw('3 tasks wait')
      .with.property('code', 'TASK_QUEUE_FULL');
    expect(pool.counters.posted).to.equal(2 * AHEAD + 3);
  });

  it('takes a payload of taskMaxLength bytes, and refuses one of a byte more', () => {
    const { pool } = worldOf({ taskMaxLength: 100 });
    pool.post('', Buffer.alloc(100), undefined, new NotingCaller());
    expect(() => pool.post('', Buffer.alloc(101), undefined, new NotingCaller()))
      .to.throw('101 bytes')
      .with.property('code', 'TASK_TOO_LONG');
  });

  it('has room at the limit for a task whose own task worker is free, and for no other', () => {
    const { pool, mesh } = worldOf({ taskQueueLimit: 2 });
    mesh.ways.delete(2);
    post(pool, 0);
    post(pool, 0);
    expect(() => post(pool, 0))
      .to.throw()
      .with.property('code', 'TASK_QUEUE_FULL');
    post(pool, 1);
    post(pool);
    expect(mesh.way(3).sent).to.have.length(2);
  });

  it('gives room on that somebody who waited for it does not use', async () => {
    const { pool, mesh, clock } = worldOf({ taskQueueLimit: 1 });
    mesh.ways.clear();
    const first = post(pool);
    let rooms = 0;
    for (let waiter = 0; waiter < 3; waiter++) void pool.room().then(() => rooms++);
    const posted = pool.postWhenRoom('', 1, undefined, new NotingCaller(), { wanted: () => true });
    pool.abandon(first.call);
    for (let turn = 0; turn < 5; turn++) {
      await promiseJobs();
      clock.turn();
    }
    expect(rooms).to.equal(3);
    expect((await posted)?.state).to.equal('waiting');
  });

  it('keeps nothing of a task whose caller gives up while it waits for room', async () => {
    const { pool, mesh } = worldOf({ taskQueueLimit: 1 });
    mesh.ways.clear();
    post(pool);
    let isWanted = true;
    const wish: Wish = { wanted: () => isWanted };
    const posted = pool.postWhenRoom('', 1, undefined, new NotingCaller(), wish);
    isWanted = false;
    wish.giveUp!();
    expect(await posted).to.equal(undefined);
    expect(pool.counters.posted).to.equal(1);
  });

  it('puts what comes back unstarted in front again, in its order', () => {
    const { pool, mesh } = worldOf();
    mesh.ways.delete(3);
    for (let task = 0; task < AHEAD + 2; task++) post(pool);
    const way = mesh.way(2);
    way.open = false;
    for (const call of way.sent.splice(0)) call.settled('returned');
    pool.turn(way.asWay);
    mesh.ways.set(2, new FakeMesh(2).way(2));
    pool.pump();
    expect(mesh.way(2).sent.map((call) => [call.id, call.attempt])).to.deep.equal(
      Array.from({ length: AHEAD }, (_, index) => [index + 1, 1]),
    );
    expect(pool.counters.retried).to.equal(0);
  });

  it('counts an attempt for each that a dead task worker had, and gives them one at a time after that', () => {
    const { pool, mesh } = worldOf();
    mesh.ways.delete(3);
    const posted = Array.from({ length: 5 }, () => post(pool));
    lose(pool, mesh, 2);
    expect(posted.map(({ call }) => call.attempt)).to.deep.equal([2, 2, 2, 2, 2]);
    expect(pool.counters.retried).to.equal(5);
    mesh.ways.set(2, new FakeMesh(2).way(2));
    pool.pump();
    expect(mesh.way(2).sent).to.deep.equal([posted[0]!.call]);
  });

  it('charges nothing for the end of a task worker that was planned', () => {
    const { pool, mesh } = worldOf();
    mesh.ways.delete(3);
    const { call } = post(pool);
    mesh.way(2).blameless = true;
    lose(pool, mesh, 2);
    expect([call.attempt, call.state]).to.deep.equal([1, 'waiting']);
  });

  it('fails a task with TASK_WORKER_LOST after taskRetries, and not before', () => {
    const { pool, mesh } = worldOf({ taskRetries: 2 });
    mesh.ways.delete(3);
    const { caller } = post(pool);
    for (let death = 0; death < 3; death++) {
      expect(caller.heard).to.deep.equal([]);
      lose(pool, mesh, 2);
      mesh.ways.set(2, new FakeMesh(2).way(2));
      pool.pump();
    }
    expect(caller.heard).to.deep.equal(['TASK_WORKER_LOST']);
    expect(pool.open).to.equal(0);
  });

  it('sends the name of a file in place of more than taskSpoolSize bytes, and removes it in the end', async () => {
    const { pool, mesh, files } = worldOf();
    pool.post('', Buffer.alloc(SPOOL), undefined, new NotingCaller());
    expect(mesh.way(2).sent).to.have.length(1);
    const { call } = large(pool);
    expect([call.state, files.files.size]).to.deep.equal(['spooling', 0]);
    await promiseJobs();
    expect([call.state, files.files.size]).to.deep.equal(['sent', 1]);
    call.settled('handled');
    await promiseJobs();
    expect([call.state, files.files.size]).to.deep.equal(['over', 0]);
  });

  it('forgets a task whose caller gives up while its file is written', async () => {
    const { pool, mesh, files } = worldOf();
    const { call } = large(pool);
    pool.abandon(call);
    expect(pool.open).to.equal(0);
    await promiseJobs();
    expect([mesh.way(2).sent.length, files.files.size]).to.deep.equal([0, 0]);
  });

  it('fails a task whose file cannot be written, with the cause, and has its room again', async () => {
    const { pool, files } = worldOf({ taskQueueLimit: 1 });
    files.failure = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    const { caller } = large(pool);
    expect(pool.full).to.equal(true);
    await promiseJobs();
    expect([caller.heard, caller.ends, pool.open, pool.full]).to.deep.equal([
      ['TASK_SPOOL_FAILED'],
      1,
      0,
      false,
    ]);
  });

  it('tells results in their order though some lie in files, and the end after them', async () => {
    const { pool, files, way } = worldOf();
    const { call, caller } = post(pool);
    const { name } = await files
      .spool(9)
      .write({ encoding: 0, body: Buffer.from('from a file'), bytes: 11 }, '');
    let taken = 0;
    pool.resultInFile(call, 0, name, () => taken++);
    pool.result(call, 1, Buffer.from('small'), 0, 5);
    way.sent.splice(0);
    call.settled('handled');
    expect([caller.heard, caller.ends]).to.deep.equal([[], 0]);
    await promiseJobs();
    expect(caller.heard.map(String)).to.deep.equal(['from a file', 'small']);
    expect([caller.ends, taken, pool.open]).to.deep.equal([1, 1, 0]);
  });

  it('fails a task whose result has vanished, once', async () => {
    const { pool } = worldOf();
    const { call, caller } = post(pool);
    pool.resultInFile(call, MeshFlag.last, 'w9-1.task', () => {});
    await promiseJobs();
    expect([caller.heard, caller.ends, pool.open]).to.deep.equal([['TASK_SPOOL_FAILED'], 1, 0]);
  });

  it('ends every task exactly once, whatever task workers and callers do', async () => {
    const step = fc.record({
      what: fc.constantFrom(
        'post',
        'large',
        'pin',
        'settle',
        'fail',
        'return',
        'lose',
        'abandon',
        'come',
        'wait',
      ),
      which: fc.nat(100),
      worker: fc.constantFrom(2, 3),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const { pool, mesh, files } = worldOf({ taskQueueLimit: 1_000 });
        const posted: { call: TaskCall; caller: NotingCaller }[] = [];
        const gone = new Set<TaskCall>();
        const revive = (worker: number): void => {
          if (mesh.ways.has(worker)) return;
          mesh.ways.set(worker, new FakeMesh(worker).way(worker));
          pool.pump();
        };
        for (const { what, which, worker } of steps) {
          const way = mesh.ways.get(worker);
          const sent =
            way === undefined || way.sent.length === 0 ? undefined : way.sent[which % way.sent.length];
          if (what === 'post') posted.push(post(pool));
          else if (what === 'large') posted.push(large(pool));
          else if (what === 'pin') posted.push(post(pool, worker - 2));
          else if (what === 'wait') await promiseJobs();
          else if (what === 'come') revive(worker);
          else if (what === 'lose' && way !== undefined) lose(pool, mesh, worker);
          else if (what === 'abandon' && posted.length > 0) {
            const { call } = posted[which % posted.length]!;
            const before = pool.open;
            pool.abandon(call);
            if (pool.open < before) gone.add(call);
          } else if (sent !== undefined && way !== undefined && what !== 'abandon')
            settle(pool, way, sent, what);
        }
        await promiseJobs();
        for (const worker of [2, 3]) revive(worker);
        pool.pump();
        while (pool.open > 0) {
          for (const way of mesh.ways.values())
            for (const call of [...way.sent]) settle(pool, way, call, 'settle');
          await promiseJobs();
        }
        await promiseJobs();
        for (const { call, caller } of posted) expect(caller.ends).to.equal(gone.has(call) ? 0 : 1);
        const { posted: all, finished, failed } = pool.counters;
        expect(finished + failed).to.equal(all);
        expect(files.files.size).to.equal(0);
        expect(pool.full).to.equal(false);
      }),
      { numRuns: 200 },
    );
  });
});

function worldOf(options: Partial<TaskPoolParts> = {}) {
  const clock = new ManualClock();
  const mesh = new FakeMesh(2, 3);
  const files = new FakeFiles();
  const pool = new TaskPool({
    clock,
    mesh,
    taskWorkers: [2, 3],
    taskRetries: 1,
    taskQueueLimit: 10_000,
    taskMaxLength: 1_000_000,
    taskSpoolSize: SPOOL,
    spool: files.spool(5),
    names: new Set(['']),
    ...options,
  });
  return { pool, mesh, clock, files, way: mesh.way(2) };
}

function post(pool: TaskPool, target?: number): { call: TaskCall; caller: NotingCaller } {
  const caller = new NotingCaller();
  return { call: pool.post('', 'work', target, caller), caller };
}

function large(pool: TaskPool): { call: TaskCall; caller: NotingCaller } {
  const caller = new NotingCaller();
  return { call: pool.post('', Buffer.alloc(SPOOL + 1), undefined, caller), caller };
}

/** The task worker does with one of its tasks what `how` says. */
function settle(pool: TaskPool, way: FakeWay, call: TaskCall, how: string): void {
  way.sent.splice(way.sent.indexOf(call), 1);
  if (how === 'fail') {
    const body = Buffer.from(JSON.stringify({ name: 'Error', message: 'failed' }));
    pool.result(call, MeshFlag.failed | MeshFlag.last, body, 0, body.length);
  } else call.settled(how === 'return' ? 'returned' : 'handled');
  pool.turn(way.asWay);
}

/** The task worker dies with all that it has. */
function lose(pool: TaskPool, mesh: FakeMesh, workerId: number): void {
  const way = mesh.way(workerId);
  way.open = false;
  mesh.ways.delete(workerId);
  pool.lost(way.asWay, way.sent.splice(0));
}
