import { expect } from 'chai';
import fc from 'fast-check';
import type { Invoker, Receiver } from '@shoal/core/internal/events/invoke';
import type { Guest, Owed } from '@shoal/core/internal/mesh/guest';
import { MeshFlag } from '@shoal/core/internal/pipe/messages';
import { decode, encode } from '@shoal/core/internal/pipe/payload';
import type { Spooled } from '@shoal/core/internal/tasks/spool';
import { TaskRunner, type TaskRunnerParts } from '@shoal/core/internal/tasks/task-runner';
import type { Task } from '@shoal/core/internal/tasks/task';
import { promiseJobs } from '../pipe/manual-clock.js';
import { FakeFiles } from './fake-spool.js';

const WINDOW = 1_000;
const SPOOL = 500;
const MiB = 1024 * 1024;

interface Sent {
  readonly seq: number;
  readonly flags: number;
  readonly body: unknown;
  readonly owed: Owed;
}

/** A poster that takes what it is told. */
class FakeGuest {
  open = true;
  backlog = 0;
  inFiles = 0;
  readonly hello = { workerId: 0, incarnation: 4 };
  readonly results: Sent[] = [];
  readonly settlements: [number, string][] = [];

  settle(seq: number, how = 'handled'): void {
    this.settlements.push([seq, how]);
  }

  result(seq: number, flags: number, body: string | Uint8Array, _bytes: number, owed: Owed): void {
    const bytes = Buffer.from(body as string);
    const shown =
      (flags & MeshFlag.spooled) === 0
        ? decode(flags & MeshFlag.encoding, bytes, 0, bytes.length)
        : String(bytes);
    this.results.push({ seq, flags: flags & ~MeshFlag.encoding, body: shown, owed });
  }
}

/** A handler that a test lets return. */
interface Running {
  readonly task: Task;
  readonly receiver: Receiver;
}

describe('TaskRunner', () => {
  for (const taskConcurrency of [1, 3]) {
    it(`does ${taskConcurrency} at once, in the order in which they come`, () => {
      const world = worldOf({ taskConcurrency });
      for (let seq = 1; seq <= 5; seq++) world.take(seq, seq);
      for (let seq = 1; seq <= 5; seq++) {
        const most = Math.min(taskConcurrency, 6 - seq);
        expect(world.running.map(({ task }) => task.data)).to.deep.equal(
          Array.from({ length: most }, (_, index) => seq + index),
        );
        world.running.shift()!.receiver.produced(undefined, undefined);
      }
      expect([world.runner.done, world.runner.running, world.runner.waiting]).to.deep.equal([5, 0, 0]);
    });
  }

  it('starts no task of a poster that leaves more than the window unread, and all when it has read', () => {
    const world = worldOf();
    world.guest.backlog = WINDOW;
    world.take(1, 'at the window');
    world.finish();
    world.guest.backlog = WINDOW + 1;
    world.take(2, 'a byte more');
    world.take(3, 'behind it');
    const other = new FakeGuest();
    world.take(1, 'of another', other);
    expect(world.running.map(({ task }) => task.data)).to.deep.equal(['of another']);
    world.guest.backlog = 0;
    world.runner.drained(world.guest as unknown as Guest);
    world.finish();
    world.finish();
    expect(world.running.map(({ task }) => task.data)).to.deep.equal(['behind it']);
  });

  it('starts no task of a poster that leaves more than 64 MiB in files unread', async () => {
    const world = worldOf({ taskMaxLength: 100 * MiB });
    world.take(1, 'large');
    world.finish(Buffer.alloc(64 * MiB + 1));
    await promiseJobs();
    world.take(2, 'next');
    expect([world.running.length, world.guest.inFiles]).to.deep.equal([0, 64 * MiB + 1]);
    world.guest.results[0]!.owed.settled('handled');
    expect([world.running.length, world.guest.inFiles, world.runner.owedFiles]).to.deep.equal([1, 0, 0]);
  });

  it('tells once that it has done enough, and goes on', () => {
    const told: number[] = [];
    const world: ReturnType<typeof worldOf> = worldOf({
      requestLimit: 3,
      onRequestLimit: () => told.push(world.runner.done),
    });
    for (let seq = 1; seq <= 5; seq++) {
      world.take(seq, seq);
      world.finish();
    }
    expect([told, world.runner.done]).to.deep.equal([[2], 5]);
  });

  it('gives back in order what it has not started when it retires, and takes nothing more', () => {
    const world = worldOf();
    for (let seq = 1; seq <= 4; seq++) world.take(seq, seq);
    world.runner.retire();
    world.take(5, 5);
    world.finish('done');
    expect(world.guest.settlements).to.deep.equal([2, 3, 4, 5].map((seq) => [seq, 'returned']));
    expect(world.guest.results.map(({ body }) => body)).to.deep.equal(['done']);
  });

  it('sends what is finished before it returns, and what it returns as the last', () => {
    const world = worldOf();
    world.take(1, 1);
    const { task } = world.running[0]!;
    expect(task.finish('a')).to.equal(true);
    world.finish('b');
    expect(task.finish('c')).to.equal(false);
    expect(world.guest.results.map(({ body, flags }) => [body, flags])).to.deep.equal([
      ['a', 0],
      ['b', MeshFlag.last],
    ]);
  });

  it('takes a result of taskMaxLength bytes, and fails the task for one of a byte more', () => {
    const world = worldOf({ taskMaxLength: 100 });
    world.take(1, 1);
    world.finish(Buffer.alloc(100));
    world.take(2, 2);
    world.finish(Buffer.alloc(101));
    expect(world.guest.results.map(({ flags }) => flags)).to.deep.equal([
      MeshFlag.last,
      MeshFlag.failed | MeshFlag.last,
    ]);
    expect(String(world.guest.results[1]!.body)).to.contain('TASK_TOO_LONG');
  });

  it('writes results above taskSpoolSize to files, keeps their order, and removes each when it is taken', async () => {
    const world = worldOf();
    world.take(1, 1);
    world.running[0]!.task.finish(Buffer.alloc(SPOOL + 1));
    world.running[0]!.task.finish(Buffer.alloc(SPOOL));
    world.finish('end');
    expect([world.guest.results.length, world.runner.running]).to.deep.equal([0, 1]);
    await promiseJobs();
    expect(world.guest.results.map(({ flags }) => flags)).to.deep.equal([MeshFlag.spooled, 0, MeshFlag.last]);
    expect([world.runner.running, world.files.files.size, world.runner.owedFiles]).to.deep.equal([0, 1, 1]);
    for (const { owed } of world.guest.results) owed.settled('handled');
    await promiseJobs();
    expect([world.files.files.size, world.runner.owedFiles]).to.deep.equal([0, 0]);
  });

  it('fails a task whose result cannot be written, also when it finishes with another one', async () => {
    const world = worldOf();
    world.files.failure = new Error('ENOSPC: no space left on device');
    for (const [seq, last] of [undefined, 'small', Buffer.alloc(SPOOL + 1)].entries()) {
      world.take(seq, seq);
      world.running[0]!.task.finish(Buffer.alloc(SPOOL + 1));
      world.finish(last);
      await promiseJobs();
    }
    expect(world.guest.results.map(({ flags }) => flags)).to.deep.equal(
      Array<number>(3).fill(MeshFlag.failed | MeshFlag.last),
    );
    expect(String(world.guest.results[0]!.body)).to.contain('TASK_SPOOL_FAILED').and.contain('ENOSPC');
  });

  it('reads a payload in a file when its turn has come, and needs the file until it is done', async () => {
    const world = worldOf();
    const { name } = await world.files.spool(4).write(encode('x'.repeat(SPOOL + 1)), 'a task');
    world.take(1, 'first');
    world.takeFile(2, name);
    await promiseJobs();
    expect([world.running.length, world.runner.needsFilesOf(4), world.runner.needsFilesOf(5)]).to.deep.equal([
      1,
      true,
      false,
    ]);
    world.finish();
    await promiseJobs();
    expect(String(world.running[0]!.task.data)).to.have.length(SPOOL + 1);
    expect(world.runner.needsFilesOf(4)).to.equal(true);
    world.finish();
    expect(world.runner.needsFilesOf(4)).to.equal(false);
  });

  it('fails a task whose file is not there', async () => {
    const world = worldOf();
    world.takeFile(1, 'w4-1.task');
    await promiseJobs();
    expect(String(world.guest.results[0]!.body)).to.contain('TASK_SPOOL_FAILED').and.contain('ENOENT');
    expect(world.runner.running).to.equal(0);
  });

  it('hands on what a poster has not taken that is gone, and what is finished for it afterwards', async () => {
    const world = worldOf();
    world.take(1, 1);
    world.running[0]!.task.finish('owed');
    world.guest.open = false;
    world.runner.left(
      world.guest as unknown as Guest,
      world.guest.results.map(({ owed }) => owed),
    );
    world.finish(Buffer.alloc(SPOOL + 1));
    await promiseJobs();
    expect(world.orphans.map(({ failed, file }) => [failed, file?.size])).to.deep.equal([
      [false, undefined],
      [false, SPOOL + 1],
    ]);
  });

  it('settles each task once and exceeds no bound, whatever comes', () => {
    const step = fc.record({
      what: fc.constantFrom('take', 'take', 'finish', 'throw', 'nothing', 'fill', 'drain'),
      which: fc.nat(9),
      guest: fc.nat(2),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 100 }),
        fc.integer({ min: 1, max: 4 }),
        (steps, taskConcurrency) => {
          const world = worldOf({ taskConcurrency });
          const guests = [new FakeGuest(), new FakeGuest(), new FakeGuest()];
          const taken = [0, 0, 0];
          const drain = (guest: FakeGuest): void => {
            guest.backlog = 0;
            world.runner.drained(guest as unknown as Guest);
          };
          for (const { what, which, guest } of steps) {
            if (what === 'take') world.take(++taken[guest]!, which, guests[guest]);
            else if (what === 'fill') guests[guest]!.backlog = WINDOW + 1;
            else if (what === 'drain') drain(guests[guest]!);
            else if (world.running.length > 0) {
              const [{ receiver }] = world.running.splice(which % world.running.length, 1) as [Running];
              receiver.produced(
                what === 'throw' ? new Error('thrown') : undefined,
                what === 'finish' ? 1 : undefined,
              );
            }
            expect(world.running.length).to.equal(world.runner.running).and.to.be.at.most(taskConcurrency);
          }
          for (const guest of guests) drain(guest);
          while (world.running.length > 0) world.finish('end');
          for (const [index, { results, settlements }] of guests.entries()) {
            const ends = [
              ...results.filter(({ flags }) => (flags & MeshFlag.last) !== 0).map(({ seq }) => seq),
              ...settlements.map(([seq]) => seq),
            ];
            expect(ends.sort((a, b) => a - b)).to.deep.equal(
              Array.from({ length: taken[index]! }, (_, at) => at + 1),
            );
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

function worldOf(options: Partial<TaskRunnerParts> = {}) {
  const files = new FakeFiles();
  const guest = new FakeGuest();
  const running: Running[] = [];
  const orphans: { failed: boolean; file: Spooled | undefined }[] = [];
  const produce: Invoker['produce'] = (_handler, _id, _attempt, task, receiver) =>
    void running.push({ task: task as Task, receiver });
  const runner = new TaskRunner({
    invoker: { produce } as Invoker,
    find: () => ({ handler: { event: 'task', label: 'do', run: () => undefined, parameters: 1 } }),
    beforeResult: () => undefined,
    taskConcurrency: 1,
    window: WINDOW,
    taskMaxLength: 1_000_000,
    taskSpoolSize: SPOOL,
    spool: files.spool(7),
    requestLimit: Infinity,
    onRequestLimit: () => {},
    onOrphan: async (_run, _result, failed, file) => {
      orphans.push({ failed, file });
      return Promise.resolve();
    },
    ...options,
  });
  const give = (seq: number, flags: number, body: Buffer, poster: FakeGuest): void =>
    runner.take(poster as unknown as Guest, flags, 1, 0, seq, seq, 0, body, 0, body.length);
  return {
    runner,
    files,
    guest,
    running,
    orphans,
    take: (seq: number, data: unknown, poster = guest) => {
      const { encoding, body } = encode(data);
      give(seq, encoding, Buffer.from(body as string), poster);
    },
    takeFile: (seq: number, name: string) => give(seq, 1 | MeshFlag.spooled, Buffer.from(name), guest),
    finish: (value?: unknown) => running.shift()!.receiver.produced(undefined, value),
  };
}
