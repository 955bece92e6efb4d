import { expect } from 'chai';
import { FakeOwner, Gate, WorkerWorld } from './worker-world.js';

const isolated = { isolated: true };

/** A world whose handlers say when they start; those whose packet names a gate wait for it. */
function setUp(owners = 1) {
  const gates = new Map<string, Gate>();
  const started: string[] = [];
  const world = new WorkerWorld(
    {
      receive: (_connection, data) => {
        started.push(data.toString());
        return gates.get(data.toString())?.passed;
      },
      connect: (connection) => void started.push(`connect ${connection.id}`),
      close: (connection) => void started.push(`close ${connection.id}`),
    },
    { concurrency: 2 },
  );
  while (world.owners.length < owners) world.owners.push(new FakeOwner());
  const gate = (name: string): Gate => {
    const made = new Gate();
    gates.set(name, made);
    return made;
  };
  return { world, started, gate };
}

describe('Isolation', () => {
  it('announces a suspect before it starts, and says when it is over', () => {
    const { world, started } = setUp();
    world.packet(world.serve(1), 'suspect', isolated);
    expect(started).to.deep.equal(['suspect']);
    expect(world.owner.log).to.deep.equal(['alone 1', '1: settle 1', 'alone over']);
  });

  it('hands on that it is over before anything else starts', () => {
    const flushes: number[] = [];
    const world = new WorkerWorld({ receive: () => void flushes.push(world.owner.flushes) });
    const [first, second] = [world.serve(1), world.serve(2)];
    world.owner.flushed = false;
    world.packet(first, 'suspect', isolated);
    world.packet(second, 'innocent');
    expect(flushes).to.deep.equal([]);
    world.owner.flushed = true;
    world.conversations.isolation.step();
    expect(flushes).to.deep.equal([0, 1]);
  });

  it('waits for the handlers that run, and lets nothing else start meanwhile', async () => {
    const { world, started, gate } = setUp();
    const [running, suspect] = [gate('running'), gate('suspect')];
    const [first, second, third] = [world.serve(1), world.serve(2), world.serve(3)];
    world.packet(first, 'running');
    world.packet(second, 'suspect', isolated);
    world.packet(second, 'behind');
    world.packet(first, 'other');
    world.packet(third, 'third');
    world.begin(world.introduce(4));
    await world.turn();
    expect(started).to.deep.equal(['running']);
    running.open();
    await world.turn();
    expect(started).to.deep.equal(['running', 'suspect']);
    suspect.open();
    await world.turn();
    expect(started.slice(2)).to.have.members(['behind', 'other', 'third', 'connect 4']);
    expect(world.owner.log.filter((entry) => entry.startsWith('alone'))).to.deep.equal([
      'alone 2',
      'alone over',
    ]);
  });

  it('starts a suspect only when every owner of sockets is sure to know', async () => {
    const { world, started } = setUp(2);
    const other = world.owners[1] as FakeOwner;
    other.flushed = false;
    world.packet(world.serve(1), 'suspect', isolated);
    world.packet(world.serve(2, other), 'other');
    expect(started).to.deep.equal([]);
    expect([world.owner.log, other.log]).to.deep.equal([['alone 1'], ['alone elsewhere']]);
    world.conversations.isolation.step();
    expect(started).to.deep.equal([]);
    other.flushed = true;
    world.conversations.isolation.step();
    expect(started).to.deep.equal(['suspect', 'other']);
    expect(other.log).to.deep.equal(['alone elsewhere', 'alone over', '2: settle 2']);
  });

  it('takes suspects one at a time, in order for each connection', async () => {
    const { world, started, gate } = setUp();
    const gates = ['a1', 'a2', 'b1'].map(gate);
    const [first, second] = [world.serve(1), world.serve(2)];
    world.packet(first, 'a1', isolated);
    world.packet(first, 'a2', isolated);
    world.packet(second, 'b1', isolated);
    await world.turn();
    expect(started).to.deep.equal(['a1']);
    for (const each of gates) {
      const before = started.length;
      each.open();
      await world.turn();
      expect(started.length - before).to.be.at.most(1);
    }
    for (const each of gates) each.open();
    await world.turn();
    expect([...started].sort()).to.deep.equal(['a1', 'a2', 'b1']);
    expect(started.indexOf('a1')).to.be.below(started.indexOf('a2'));
  });

  it('is over when a suspect fails', async () => {
    const { world, started, gate } = setUp();
    const suspect = gate('suspect');
    world.packet(world.serve(1), 'suspect', isolated);
    world.packet(world.serve(2), 'next');
    suspect.fail(new Error('no'));
    await world.turn();
    expect(started).to.deep.equal(['suspect', 'next']);
  });

  it('lets the others go on when the connection of a suspect that waits is closed', async () => {
    for (const reset of [false, true]) {
      const { world, started, gate } = setUp();
      const running = gate('running');
      const [first, second] = [world.serve(1), world.serve(2)];
      world.packet(first, 'running');
      world.packet(second, 'suspect', isolated);
      second.connection.close({ reset });
      running.open();
      await world.turn();
      world.packet(first, 'next');
      expect(started).to.deep.equal(['running', 'next']);
      expect(world.owner.log).to.include('2: settle 2 discarded');
      expect(world.owner.log.filter((entry) => entry.startsWith('alone'))).to.deep.equal([]);
    }
  });

  it('takes an announcement back when the connection is closed before the suspect starts', () => {
    const { world, started } = setUp();
    world.owner.flushed = false;
    const suspect = world.serve(1);
    world.packet(suspect, 'suspect', isolated);
    suspect.connection.close({ reset: true });
    world.packet(world.serve(2), 'next');
    expect(started).to.deep.equal(['next']);
    expect(world.owner.log).to.deep.equal([
      'alone 1',
      '1: reset',
      '1: settle 1 discarded',
      'alone over',
      '2: settle 2',
    ]);
  });

  it('lets the close of a suspect follow it', async () => {
    const { world, started, gate } = setUp();
    const suspect = gate('suspect');
    const conversation = world.serve(1);
    world.packet(conversation, 'suspect', isolated);
    world.end(conversation);
    await world.turn();
    expect(started).to.deep.equal(['suspect']);
    suspect.open();
    await world.turn();
    expect(started).to.deep.equal(['suspect', 'close 1']);
  });
});
