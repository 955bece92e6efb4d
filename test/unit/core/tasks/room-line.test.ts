import { expect } from 'chai';
import { RoomLine, type Wish } from '@shoal/core/internal/tasks/room-line';
import { ManualClock, promiseJobs } from '../pipe/manual-clock.js';

describe('RoomLine', () => {
  it('gives room on past those that only wanted to know of it', async () => {
    const { line, world } = lineOf();
    const heard: string[] = [];
    for (const name of ['first', 'second']) void line.room().then(() => heard.push(name));
    void line.next().then(() => heard.push('third'));
    line.offer();
    await promiseJobs();
    expect(heard).to.deep.equal([]);
    world.hasRoom = true;
    line.offer();
    for (let turn = 0; turn < 4; turn++) {
      await promiseJobs();
      world.clock.turn();
    }
    expect(heard).to.deep.equal(['first', 'second', 'third']);
  });

  it('lets go at once of whoever gives up, and of no other', async () => {
    const { line, world } = lineOf();
    const wish: Wish = { wanted: () => false };
    const heard: string[] = [];
    void line.next(wish).then(() => heard.push('gave up'));
    void line.next().then(() => heard.push('waits'));
    wish.giveUp!();
    await promiseJobs();
    expect(heard).to.deep.equal(['gave up']);
    world.hasRoom = true;
    line.offer();
    await promiseJobs();
    expect(heard).to.deep.equal(['gave up', 'waits']);
  });
});

function lineOf() {
  const world = { hasRoom: false, clock: new ManualClock() };
  return { world, line: new RoomLine(world.clock, () => world.hasRoom) };
}
