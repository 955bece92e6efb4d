import { expect } from 'chai';
import { ByModule } from '@shoal/core/internal/dispatch/by-module';
import {
  CLOSE,
  DISCARD,
  NOBODY,
  type DispatchedEvent,
  type DispatchPolicy,
} from '@shoal/core/internal/dispatch/dispatch';
import type { DispatchFunction, DispatchRequest } from '@shoal/core/internal/dispatch/dispatch-function';
import { Fixed } from '@shoal/core/internal/dispatch/fixed';
import { loadDispatchModule } from '@shoal/core/internal/dispatch/load-dispatch-module';
import { RoundRobin } from '@shoal/core/internal/dispatch/round-robin';
import { keptLog } from '../log-lines.js';
import { ManualClock } from '../pipe/manual-clock.js';

const fixture = (name: string): string =>
  new URL(`../../../fixtures/dispatch/${name}.js`, import.meta.url).href;
const what = { id: 9, listenerName: 'lines', remote: { address: '10.0.0.1', port: 4_000 } };
const always = (): boolean => true;

const packet = (text = 'xhellox'): DispatchedEvent => ({
  kind: 'packet',
  buffer: Buffer.from(text),
  start: 1,
  end: text.length - 1,
  choice: NOBODY,
});

function asked(ask: DispatchFunction, others: DispatchPolicy = new RoundRobin(3, new Int32Array(1))) {
  const clock = new ManualClock();
  const { logger, lines } = keptLog();
  return { policy: new ByModule(ask, 'file:///mine.js', others, 3, clock, logger), clock, lines };
}

describe('ByModule', () => {
  it('shows what is dispatched, and no packet where there is none', () => {
    const seen: unknown[] = [];
    const { policy } = asked((request: DispatchRequest) => {
      const { kind, connectionId, listener, remote, workerNum, data } = request;
      seen.push([kind, connectionId, listener, remote.port, workerNum, data.toString(), request.isReady(1)]);
      return 0;
    });
    policy.pick(what, always, packet());
    policy.pick(what, always, { ...packet(), kind: 'introduction' });
    policy.pick(what, () => false, { ...packet(), kind: 'close' });
    policy.pick(what, always);
    expect(seen).to.deep.equal([
      ['packet', 9, 'lines', 4_000, 3, 'hello', true],
      ['connect', 9, 'lines', 4_000, 3, '', true],
      ['close', 9, 'lines', 4_000, 3, '', false],
      ['connect', 9, 'lines', 4_000, 3, '', true],
    ]);
  });

  it('asks once for each packet, which waits for a worker that is named and cannot take it', () => {
    let questions = 0;
    const { policy } = asked(() => ++questions % 3);
    const event = packet();
    expect(policy.pick(what, () => false, event)).to.equal(NOBODY);
    expect(policy.pick(what, (worker) => worker === 1, event)).to.equal(1);
    expect([questions, event.choice]).to.deep.equal([1, 1]);
  });

  it('asks once for each packet, which falls back and finds nobody ready', () => {
    let questions = 0;
    const { policy } = asked(() => {
      questions++;
      return 'fallback';
    });
    const event = packet();
    expect(policy.pick(what, () => false, event)).to.equal(NOBODY);
    expect(policy.pick(what, (worker) => worker === 2, event)).to.equal(2);
    expect(questions).to.equal(1);
  });

  it('lets a connection wait for the worker that is named for it', () => {
    const { policy } = asked(() => 2, new Fixed(3, 1));
    expect(policy.pick(what, () => false)).to.equal(2);
  });

  it('refuses what the module refuses', () => {
    expect(asked(() => 'discard').policy.pick(what, always, packet())).to.equal(DISCARD);
    expect(asked(() => 'close').policy.pick(what, always, packet())).to.equal(CLOSE);
  });

  const nonsense: readonly (readonly [unknown, string])[] = [
    [3, '3'],
    [-1, '-1'],
    [0.5, '0.5'],
    [Number.NaN, 'NaN'],
    [undefined, 'undefined'],
    [null, 'null'],
    ['toString', "'toString'"],
    [{}, 'a value of type object'],
    [1n, 'a value of type bigint'],
  ];
  for (const [answer, shown] of nonsense) {
    it(`counts the answer ${shown}, says so, and falls back`, () => {
      const { policy, lines } = asked(() => answer as number);
      expect(policy.pick(what, always, packet())).to.equal(0);
      expect(policy.failures).to.equal(1);
      expect(lines.map(({ message }) => message)).to.deep.equal([
        `the dispatch module file:///mine.js answered ${shown}: it must answer a worker id from 0 to 2, ` +
          `'fallback', 'discard' or 'close'; dispatchMode has decided instead`,
      ]);
    });
  }

  const boobyTrap = (): object =>
    new Proxy(
      {},
      {
        getPrototypeOf() {
          throw new Error('looked at');
        },
      },
    );
  const oddPromise = (): object =>
    Object.assign(Promise.reject(new Error('late')), {
      catch(): never {
        throw new Error('called');
      },
    });
  for (const [name, make, shown] of [
    ['an object that throws when it is looked at', boobyTrap, 'a value of type object'],
    ['a promise whose own catch throws', oddPromise, 'a promise'],
  ] as const) {
    it(`falls back for ${name}`, () => {
      const { policy, lines } = asked(() => make() as never);
      expect(policy.pick(what, always, packet())).to.equal(0);
      expect(policy.failures).to.equal(1);
      expect(lines[0]?.message).to.include(` answered ${shown}: `);
    });
  }

  it('takes the last worker, and falls back for one more', () => {
    const { policy } = asked(({ connectionId }) => connectionId);
    expect(policy.pick({ ...what, id: 2 }, always, packet())).to.equal(2);
    expect(policy.failures).to.equal(0);
    policy.pick({ ...what, id: 3 }, always, packet());
    expect(policy.failures).to.equal(1);
  });

  it('hears the rejection of a promise, which nobody else would', async () => {
    const unheard: unknown[] = [];
    const listen = (reason: unknown): void => void unheard.push(reason);
    process.on('unhandledRejection', listen);
    const { policy } = asked(() => Promise.reject(new Error('late')) as never);
    expect(policy.pick(what, always, packet())).to.equal(0);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listen);
    expect(unheard).to.deep.equal([]);
    expect(policy.failures).to.equal(1);
  });

  it('logs one failure in 10 s, with their number', () => {
    const error = new Error('no such key');
    const { policy, clock, lines } = asked(() => {
      throw error;
    });
    policy.pick(what, always, packet());
    clock.advance(9_999);
    policy.pick(what, always, packet());
    expect(lines).to.have.length(1);
    clock.advance(1);
    policy.pick(what, always, packet());
    expect(lines).to.have.length(2);
    expect(lines[1]?.fields).to.deep.include({ count: 3, error });
    expect(lines[1]?.message).to.match(/^the dispatch module file:\/\/\/mine\.js threw: it must answer/);
  });
});

describe('loadDispatchModule', () => {
  const failureOf = async (name: string, sticky: boolean): Promise<string> =>
    loadDispatchModule(fixture(name), sticky).then(
      () => 'it is one',
      (error: Error & { code: string }) => `${error.code} ${error.message}`,
    );

  it('takes a named function and one of the default export, which it is called on', async () => {
    expect(await loadDispatchModule(fixture('by-key'), false)).to.be.a('function');
    expect(await loadDispatchModule(fixture('by-host'), true)).to.be.a('function');
  });

  it('refuses a module that was written for the other kind of dispatch', async () => {
    expect(await failureOf('by-key', true)).to.match(
      /^CONFIG_DISPATCH_MODULE .*exports sticky = false, and dispatchMode gives each connection one worker: write dispatchMode: 'roundRobin'/,
    );
    expect(await failureOf('by-host', false)).to.match(
      /^CONFIG_DISPATCH_MODULE .*exports sticky = true, and dispatchMode chooses a worker for each packet: write dispatchMode: 'fixed'/,
    );
  });

  it('refuses one without a function, and one that cannot be loaded', async () => {
    expect(await failureOf('without-function', true)).to.match(
      /^CONFIG_DISPATCH_MODULE .*has no function dispatch/,
    );
    expect(await failureOf('throws-on-load', true)).to.match(
      /^CONFIG_DISPATCH_MODULE .*cannot be loaded \(the table of keys is missing\)/,
    );
    expect(await failureOf('no-such-file', true)).to.match(/^CONFIG_DISPATCH_MODULE .*cannot be loaded/);
  });
});
