import { expect } from 'chai';
import type { BoundHandler } from '@shoal/core/internal/events/bound-handler';
import { Invoker } from '@shoal/core/internal/events/invoke';
import type { KernelFact } from '@shoal/core/internal/events/facts';
import { keptLog } from '../log-lines.js';
import { promiseJobs } from '../pipe/manual-clock.js';

function setUp() {
  const { logger, lines } = keptLog();
  const facts: KernelFact[] = [];
  const invoker = new Invoker(logger, (fact) => void facts.push(fact));
  const settled: string[] = [];
  const call = (run: BoundHandler['run']): boolean => {
    const handler: BoundHandler = { event: 'receive', label: 'Chat.line', run, parameters: 2 };
    return invoker.call(handler, 7, 3, (token: string) => settled.push(token), 'token', 'a', 'b', 'c');
  };
  return { invoker, lines, facts, settled, call, kinds: () => facts.map(({ kind }) => kind) };
}

describe('Invoker', () => {
  it('has settled a handler that returns no promise when it returns', () => {
    const { invoker, settled, call, facts } = setUp();
    let args: unknown[] = [];
    expect(call((...all: unknown[]) => void (args = all))).to.equal(true);
    expect(args).to.deep.equal(['a', 'b', 'c']);
    expect(settled).to.deep.equal([]);
    expect(invoker.running).to.equal(0);
    expect(facts).to.deep.equal(
      ['started', 'settled'].map((kind) => ({
        kind,
        event: 'receive',
        handler: 'Chat.line',
        subject: 7,
        seq: 3,
      })),
    );
  });

  it('tells of an async handler when its promise has settled', async () => {
    const { invoker, settled, call, kinds } = setUp();
    let end = (): void => {};
    expect(call(() => new Promise<void>((resolve) => (end = resolve)))).to.equal(false);
    await promiseJobs();
    expect([invoker.running, settled, kinds()]).to.deep.equal([1, [], ['started']]);
    end();
    await promiseJobs();
    expect([invoker.running, settled, kinds()]).to.deep.equal([0, ['token'], ['started', 'settled']]);
  });

  it('hands on what a handler answers or throws when it is asked, logged and counted like any other', async () => {
    const { invoker, lines, kinds } = setUp();
    const ask = async (run: BoundHandler['run']): Promise<unknown> =>
      invoker.ask({ event: 'command', label: 'Chat.line', run, parameters: 1 }, 'data');
    expect(await ask((data) => `${String(data)}, now`)).to.equal('data, now');
    expect(await ask(async (data) => `${String(data)}, later`)).to.equal('data, later');
    expect([invoker.failed, lines]).to.deep.equal([0, []]);
    const error = new Error('no');
    const thrown = (): never => {
      throw error;
    };
    expect(await ask(thrown).catch((reason: unknown) => reason)).to.equal(error);
    expect(await ask(async () => thrown()).catch((reason: unknown) => reason)).to.equal(error);
    await promiseJobs();
    expect([invoker.failed, invoker.running]).to.deep.equal([2, 0]);
    expect(lines.map(({ message }) => message)).to.deep.equal([
      'Chat.line failed in command',
      'Chat.line failed in command',
    ]);
    const pairs = ['started', 'settled', 'started', 'settled', 'started', 'failed', 'started', 'failed'];
    expect(kinds()).to.deep.equal(pairs);
  });

  it('logs and counts what throws, by class and method, and it has settled', () => {
    const { invoker, lines, call, kinds } = setUp();
    const error = new Error('no');
    expect(
      call(() => {
        throw error;
      }),
    ).to.equal(true);
    expect(invoker.failed).to.equal(1);
    expect(kinds()).to.deep.equal(['started', 'failed']);
    expect(lines).to.deep.equal([
      {
        level: 'error',
        role: 'test',
        message: 'Chat.line failed in receive',
        fields: { handler: 'Chat.line', error },
      },
    ]);
  });

  it('logs and counts what rejects, and tells that it has settled', async () => {
    const { invoker, lines, settled, call, kinds } = setUp();
    expect(call(() => Promise.reject(new Error('no')))).to.equal(false);
    await promiseJobs();
    expect([invoker.failed, invoker.running, lines.length]).to.deep.equal([1, 0, 1]);
    expect(settled).to.deep.equal(['token']);
    expect(kinds()).to.deep.equal(['started', 'failed']);
  });

  describe('with a thenable that is no promise', () => {
    // As a query builder is: an object with a method of that name.
    const thenable = (then: (yes: () => void, no: (error: Error) => void) => void): unknown => {
      // oxlint-disable-next-line unicorn/no-thenable -- the very thing that is tested
      return { then };
    };

    it('settles once, even when it answers twice', async () => {
      const { invoker, settled, call } = setUp();
      call(() =>
        thenable((yes, no) => {
          yes();
          no(new Error('again'));
          yes();
        }),
      );
      await promiseJobs();
      expect([settled, invoker.running, invoker.failed]).to.deep.equal([['token'], 0, 0]);
    });

    it('never settles it inside the call', async () => {
      const { settled, call } = setUp();
      let inside: number | undefined;
      call(() => thenable((yes) => (yes(), (inside = settled.length))));
      await promiseJobs();
      expect([inside, settled]).to.deep.equal([0, ['token']]);
    });

    it('takes one whose then throws as failed', async () => {
      const { invoker, settled, call } = setUp();
      call(() =>
        thenable(() => {
          throw new Error('broken thenable');
        }),
      );
      await promiseJobs();
      expect([settled, invoker.running, invoker.failed]).to.deep.equal([['token'], 0, 1]);
    });
  });

  it('runs hooks one after the other and rejects with the first that fails', async () => {
    const { invoker, kinds } = setUp();
    const order: string[] = [];
    const hook = (name: string, fails = false): BoundHandler => ({
      event: 'workerStart',
      label: name,
      parameters: 1,
      run: async (argument) => {
        await promiseJobs();
        order.push(`${name} ${String(argument)}`);
        if (fails) throw new Error(name);
      },
    });
    const hooks = [hook('a'), hook('b', true), hook('c')];
    const failure = await invoker.hooks(hooks, 3).then(
      () => undefined,
      (error: Error) => error.message,
    );
    expect(failure).to.equal('b');
    expect(order).to.deep.equal(['a 3', 'b 3']);
    await invoker.hooksSafely(hooks, 4);
    expect(order.slice(2)).to.deep.equal(['a 4', 'b 4', 'c 4']);
    expect(invoker.failed).to.equal(1);
    expect(kinds()).to.include('failed');
  });
});
