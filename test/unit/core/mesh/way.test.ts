import { expect } from 'chai';
import { Guest, type GuestEvents } from '@shoal/core/internal/mesh/guest';
import { Way, type Parcel, type WayEvents } from '@shoal/core/internal/mesh/way';
import { FrameKind, MeshFlag, PIPE_VERSION } from '@shoal/core/internal/pipe/messages';
import { ManualClock } from '../pipe/manual-clock.js';
import { MemoryStream } from '../pipe/memory-stream.js';

const hello = { version: PIPE_VERSION, role: 'worker', workerId: 0, incarnation: 4, pid: 100 } as const;

describe('A way to another process', () => {
  it('is open when that process has answered, and not as soon as the system has connected', () => {
    const world = connected();
    world.run();
    expect([world.way.open, world.heard]).to.deep.equal([false, []]);
    world.begin();
    world.run();
    expect([world.way.open, world.way.attached, world.heard]).to.deep.equal([true, true, ['opened']]);
  });

  it('is attached, and not open, when that process is on its way out already', () => {
    const world = connected();
    world.begin().retire();
    world.run();
    expect([world.way.open, world.way.attached, world.heard]).to.deep.equal([
      false,
      true,
      ['opened', 'retired'],
    ]);
  });

  it('settles a result in a file when that is taken, and one of a task that is over at once', () => {
    const world = connected();
    const guest = world.begin();
    world.run();
    const parcel: Parcel = { settled: () => {} };
    world.way.send(FrameKind.task, 0, 1, 0, 1, 0, ['work'], 4, parcel);
    world.run();
    let settled = 0;
    const owed = { settled: () => settled++ };
    guest.result(world.tasks[0]!, MeshFlag.spooled | MeshFlag.last, 'w9-1.task', 9, owed);
    world.run();
    expect([world.files.map(({ name }) => name), settled]).to.deep.equal([['w9-1.task'], 0]);
    guest.result(world.tasks[0]!, MeshFlag.spooled, 'w9-2.task', 9, owed);
    world.run();
    expect([world.files.length, settled]).to.deep.equal([1, 1]);
    world.files[0]!.taken();
    world.run();
    expect(settled).to.equal(2);
  });
});

/** A way whose other end begins when a test says so. */
function connected() {
  const clock = new ManualClock();
  const [near, far] = MemoryStream.pair();
  const heard: string[] = [];
  const files: { name: string; taken: () => void }[] = [];
  const tasks: number[] = [];
  const peer = { role: 'taskWorker', workerId: 1, incarnation: 9, current: true } as const;
  const ways: Partial<WayEvents> = {
    opened: () => heard.push('opened'),
    retired: () => heard.push('retired'),
    turn: () => {},
    drained: () => {},
    resultInFile: (_parcel, _flags, name, taken) => files.push({ name, taken }),
  };
  const guests: Partial<GuestEvents> = {
    task: (_guest, _flags, _aux, _sentAt, seq) => tasks.push(seq),
    drained: () => {},
  };
  const way = new Way(peer, ways as WayEvents);
  way.attach(near, clock, hello, 1_000_000);
  return {
    way,
    heard,
    files,
    tasks,
    begin: () => new Guest(far, clock, 1_000_000, guests as GuestEvents, () => {}),
    run: () => {
      while (clock.turn() || near.step(1_000) || far.step(1_000));
    },
  };
}
