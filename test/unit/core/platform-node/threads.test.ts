import { expect } from 'chai';
import type { Thread } from '@shoal/core/internal/platform/platform';
import { NodeThreads } from '@shoal/core/internal/platform/node/threads';
import type { ThreadAssignment } from '../../../fixtures/platform/thread.js';
import { until } from './deadlines.js';
import { fixture } from './program.js';

const threads = new NodeThreads(fixture('thread'), 'the-program');

/** A thread of this behaviour, and what was heard of it in order. */
function start(assignment: ThreadAssignment): {
  thread: Thread;
  heard: unknown[];
  ended: () => Promise<unknown[]>;
} {
  const thread = threads.spawn(assignment, 'test thread');
  const heard: unknown[] = [];
  let over = false;
  thread.onMessage((message) => heard.push(message));
  thread.onDisconnect(() => heard.push('disconnect'));
  thread.onExit((error) => {
    heard.push(error);
    over = true;
  });
  const ended = async (): Promise<unknown[]> => {
    await until('the thread has ended', () => over);
    return heard;
  };
  return { thread, heard, ended };
}

describe('NodeThreads', function () {
  this.timeout(10_000);

  it('starts a thread of this process, which knows the program and has no title of its own', async () => {
    const title = process.title;
    expect(await start({ behaviour: 'describes' }).ended()).to.deep.equal([
      { program: 'the-program', pid: process.pid, title },
      'disconnect',
      undefined,
    ]);
    expect(process.title).to.equal(title);
  });

  it('lets a thread leave with all its messages, and says with what code', async () => {
    const heard = await start({ behaviour: 'sends-and-leaves' }).ended();
    expect(heard.slice(0, 100)).to.deep.equal(Array.from({ length: 100 }, (_, index) => ({ index })));
    expect(heard[100]).to.equal('disconnect');
    expect(heard[101]).to.be.an('error').with.property('message', 'the thread test thread left with code 5');
  });

  it('keeps messages until the thread asks for them, and lives until it leaves', async () => {
    const { thread, ended } = start({ behaviour: 'listens-late' });
    for (const message of [{ one: 1 }, { two: 2 }, { leave: true }]) thread.send(message);
    expect((await ended()).slice(0, 3)).to.deep.equal([
      { heard: { one: 1 } },
      { heard: { two: 2 } },
      { heard: { leave: true } },
    ]);
    thread.send({ too: 'late' });
  });

  it('shares memory with the thread', async () => {
    const shared = new SharedArrayBuffer(4);
    const counters = new Int32Array(shared);
    Atomics.store(counters, 0, 41);
    const { thread, heard, ended } = start({ behaviour: 'counts-in-shared-memory', shared });
    thread.send({});
    await until('it has counted', () => heard.length > 0);
    expect(heard).to.deep.equal([{ seen: 42 }]);
    expect(Atomics.load(counters, 0)).to.equal(42);
    thread.send({ leave: true });
    expect((await ended()).at(-1)).to.equal(undefined);
  });

  it('says what ended a thread', async () => {
    const heard = await start({ behaviour: 'throws' }).ended();
    expect(heard).to.have.length(2);
    expect(heard[1]).to.be.an('error').with.property('message', 'the thread broke');
  });

  it('makes an error of anything else that is thrown', async () => {
    const heard = await start({ behaviour: 'throws-a-word' }).ended();
    expect(heard[1]).to.be.an('error').that.includes({ message: 'a word', cause: 'a word' });
  });

  it('tells the thread of its own uncaught errors', async () => {
    const heard = await start({ behaviour: 'sees-its-own-error' }).ended();
    expect(heard[0]).to.deep.equal({ origin: 'unhandledRejection', thrown: 'Error: nobody catches this' });
    expect(heard[2]).to.be.an('error');
  });

  it('refuses to start processes and threads from a thread', async () => {
    const heard = await start({ behaviour: 'starts-others' }).ended();
    expect(heard[0]).to.deep.equal({ refusals: ['NOT_IN_THIS_ROLE', 'NOT_IN_THIS_ROLE'] });
  });

  it('tells the exit to an owner who asks afterwards', async () => {
    const { thread, ended } = start({ behaviour: 'describes' });
    await ended();
    let told = 0;
    thread.onExit(() => (told += 1));
    thread.onDisconnect(() => (told += 1));
    await until('both are told', () => told === 2);
  });
});
