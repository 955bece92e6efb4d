import { expect } from 'chai';
import { codeOf } from '@shoal/core/internal/errors';
import type { Connection } from '@shoal/core/internal/worker/connection';
import { Gate, WorkerWorld, type Handlers } from './worker-world.js';

const TIMEOUT_MS = 100;

function limited(handlers: Handlers, concurrency = 1): WorkerWorld {
  return new WorkerWorld(handlers, { handlerTimeout: TIMEOUT_MS, concurrency });
}

/** Past the timeout of what is pending. */
async function expire(world: WorkerWorld): Promise<void> {
  world.clock.advance(TIMEOUT_MS * 1.25);
  await world.turn();
}

describe('A conversation whose handler exceeds its timeout', () => {
  it('gives up the packet and those behind it, aborts, and tells the close', async () => {
    const gate = new Gate();
    let signal: AbortSignal | undefined;
    const world = limited({
      receive: async (connection) => {
        signal = connection.signal;
        connection.send('early');
        await gate.passed;
        gone.push(connection.send('late'));
      },
      close: (_connection, reason) => void gone.push(reason),
    });
    const gone: unknown[] = [];
    const conversation = world.serve(1);
    world.packet(conversation, 'a');
    world.packet(conversation, 'b');
    await world.turn();
    expect(world.owner.log).to.deep.equal(['pending 1', "1: send 'early'"]);
    await expire(world);
    expect(world.owner.log.slice(2)).to.deep.equal(['1: give up 1', '1: settle 2 discarded']);
    expect(codeOf(signal?.reason)).to.equal('HANDLER_TIMEOUT');
    expect(conversation.closed).to.equal(true);
    world.end(conversation, 'handlerTimeout');
    gate.open();
    await world.turn();
    expect(gone).to.deep.equal(['handlerTimeout', false]);
    expect(world.owner.log.slice(4)).to.deep.equal(['1: settle 3']);
    expect(world.conversations.pending).to.equal(0);
    expect(world.invoker.failed).to.equal(1);
  });

  it('drops what was sent in the turn in which it is given up', async () => {
    const world = limited({ receive: async () => new Promise(() => {}) });
    const conversation = world.serve(1);
    world.packet(conversation);
    await world.turn();
    conversation.send('gathered');
    world.clock.advance(TIMEOUT_MS * 1.25);
    await world.turn();
    expect(world.owner.log.filter((entry) => entry.includes('give up'))).to.deep.equal(['1: give up 1']);
    expect(conversation.send('more')).to.equal(false);
  });

  it('is told to the log once, and what becomes of the handler later is not', async () => {
    const gate = new Gate();
    const world = limited({ receive: async () => gate.passed });
    world.packet(world.serve(1));
    await world.turn();
    await expire(world);
    gate.fail(new Error('late'));
    await world.turn();
    expect(world.lines.map(({ message }) => message)).to.deep.equal(['Chat.receive failed in receive']);
    expect(world.invoker.running).to.equal(0);
    expect(world.owner.log).to.deep.equal(['pending 1', '1: give up 1']);
  });

  it('costs each of several packets its own timeout', async () => {
    const gates = [new Gate(), new Gate()];
    let started = 0;
    const world = limited({ receive: async () => gates[started++]!.passed }, 2);
    const conversation = world.serve(1);
    world.packet(conversation);
    await world.turn();
    world.clock.advance(60);
    world.packet(conversation);
    await world.turn();
    world.clock.advance(65);
    await world.turn();
    gates[1]!.open();
    await world.turn();
    expect(world.owner.log).to.deep.equal(['pending 1', 'pending 2', '1: give up 1', '1: settle 2']);
  });

  for (const kind of ['connect', 'adopt'] as const) {
    it(`in ${kind} gives up the connection`, async () => {
      const calls: string[] = [];
      const world = limited({
        [kind]: async () => new Promise(() => {}),
        receive: () => void calls.push('receive'),
        close: () => void calls.push('close'),
      });
      const conversation = world.introduce(1);
      world.begin(conversation, kind);
      world.packet(conversation);
      await world.turn();
      await expire(world);
      world.end(conversation);
      await world.turn();
      expect(calls).to.deep.equal(['close']);
      expect(world.owner.log).to.deep.equal([
        'pending 1',
        '1: give up 1',
        '1: settle 2 discarded',
        '1: settle 3',
      ]);
    });
  }

  it('in close settles the close', async () => {
    const world = limited({ receive: () => {}, close: async () => new Promise(() => {}) });
    const conversation = world.serve(1);
    world.end(conversation);
    await world.turn();
    await expire(world);
    expect(world.owner.log).to.deep.equal(['pending 1', '1: settle 1']);
    expect(world.conversations.get(1)).to.equal(undefined);
  });

  it('goes on when it settles in time', async () => {
    const gate = new Gate();
    const world = limited({ receive: async () => gate.passed });
    const conversation = world.serve(1);
    world.packet(conversation);
    await world.turn();
    world.clock.advance(TIMEOUT_MS - 1);
    gate.open();
    await world.turn();
    await expire(world);
    expect(world.owner.log).to.deep.equal(['pending 1', '1: settle 1']);
    expect(conversation.closed).to.equal(false);
  });

  it('leaves the way free when the packet ran alone', async () => {
    const world = limited({
      receive: (_connection, data) => (data.toString() === 'a' ? new Promise(() => {}) : undefined),
    });
    const [first, second] = [world.serve(1), world.serve(2)];
    world.packet(first, 'a', { isolated: true });
    world.packet(second, 'b');
    await world.turn();
    await expire(world);
    expect(world.owner.log).to.deep.equal([
      'alone 1',
      'pending 1',
      '1: give up 1',
      'alone over',
      '2: settle 2',
    ]);
  });
});

describe('connection.signal', () => {
  /** A connection whose handler is pending, with its signal. */
  async function pending(): Promise<{ world: WorkerWorld; connection: Connection; signal: AbortSignal }> {
    const world = new WorkerWorld({ receive: async () => new Promise(() => {}) });
    const conversation = world.serve(1);
    world.packet(conversation);
    await world.turn();
    const { connection } = conversation;
    return { world, connection, signal: connection.signal };
  }

  it('is one object, and not aborted while the peer is there', async () => {
    const { connection, signal } = await pending();
    expect(connection.signal).to.equal(signal);
    expect(signal.aborted).to.equal(false);
    expect(connection.closed).to.equal(false);
  });

  it('aborts when the close comes, before it has its turn', async () => {
    const { world, connection, signal } = await pending();
    world.end(world.conversations.get(1)!);
    expect(codeOf(signal.reason)).to.equal('CONNECTION_CLOSED');
    expect(connection.closed).to.equal(true);
    expect(connection.send('x')).to.equal(false);
  });

  it('aborts when only a cancel comes, and what has come is handled all the same', async () => {
    const got: string[] = [];
    const gate = new Gate();
    const world = new WorkerWorld({
      receive: async (_connection, data) => {
        got.push(data.toString());
        await gate.passed;
      },
    });
    const conversation = world.serve(1);
    for (const body of ['a', 'b']) world.packet(conversation, body);
    await world.turn();
    const { signal } = conversation.connection;
    conversation.cancel();
    expect(codeOf(signal.reason)).to.equal('CONNECTION_CLOSED');
    gate.open();
    await world.turn();
    expect(got).to.deep.equal(['a', 'b']);
    expect(world.owner.log.filter((entry) => entry.includes('discarded'))).to.deep.equal([]);
  });

  for (const reset of [false, true]) {
    it(`aborts when the connection is ${reset ? 'reset' : 'closed'} here`, async () => {
      const { connection, signal } = await pending();
      connection.close({ reset });
      expect(codeOf(signal.reason)).to.equal('CONNECTION_CLOSED');
    });
  }

  it('is aborted from the beginning when it is first asked for afterwards, with the first reason', async () => {
    const world = new WorkerWorld({ receive: () => {} });
    const conversation = world.serve(1);
    conversation.connection.close({ reset: true });
    world.end(conversation);
    const { signal } = conversation.connection;
    expect(signal.aborted).to.equal(true);
    expect((signal.reason as Error).message).to.equal('connection 1 is closed: it was closed here');
  });

  it('aborts on all connections when the worker must go, after three quarters of its time', async () => {
    const { world, connection, signal } = await pending();
    void world.conversations.finish(1_000);
    world.clock.advance(749);
    expect(signal.aborted).to.equal(false);
    world.clock.advance(1);
    expect(codeOf(signal.reason)).to.equal('SHUTTING_DOWN');
    expect(connection.closed).to.equal(false);
  });

  it('does not count a handler as failed that rejects with its reason, or with what that caused', async () => {
    for (const wrap of [(reason: unknown) => reason, (cause: unknown) => new Error('aborted', { cause })]) {
      const world = new WorkerWorld({
        receive: async ({ signal }) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          throw wrap(signal.reason);
        },
      });
      const conversation = world.serve(1);
      world.packet(conversation);
      await world.turn();
      world.end(conversation);
      await world.turn();
      expect(world.invoker.failed).to.equal(0);
      expect(world.lines.map(({ level }) => level)).to.deep.equal(['debug']);
      expect(world.owner.log).to.deep.equal(['pending 1', '1: settle 1', '1: settle 2']);
    }
  });
});
