import { expect } from 'chai';
import type { DispatchPolicy } from '@shoal/core/internal/dispatch/dispatch';
import { ByModule } from '@shoal/core/internal/dispatch/by-module';
import type { DispatchFunction } from '@shoal/core/internal/dispatch/dispatch-function';
import { Fixed } from '@shoal/core/internal/dispatch/fixed';
import { IpHash } from '@shoal/core/internal/dispatch/ip-hash';
import { LeastConnections } from '@shoal/core/internal/dispatch/least-connections';
import { LeastInFlight } from '@shoal/core/internal/dispatch/least-in-flight';
import { Preemptive } from '@shoal/core/internal/dispatch/preemptive';
import { RoundRobin } from '@shoal/core/internal/dispatch/round-robin';
import { ByUid } from '@shoal/core/internal/dispatch/uid';
import { ConnectionIds } from '@shoal/core/internal/pipe/connection-ids';
import { keptLog } from '../log-lines.js';
import { ManualClock } from '../pipe/manual-clock.js';
import { dispatchConformance } from '@shoal/testing/internal/conformance/dispatch';

/** A policy that looks at the id of a connection alone. */
type Pick = (connectionId: number, isReady: (workerId: number) => boolean) => number;

function fixed(index: number, reactors: number): ReturnType<typeof dispatchConformance> {
  return dispatchConformance(`for reactor ${index} of ${reactors}`, {
    create: (workerNum) => new Fixed(workerNum, reactors),
    connectionIds: (count) => {
      const ids = ConnectionIds.ofReactor(index, reactors);
      return Array.from({ length: count }, () => ids.next()!);
    },
    unevenness: 0,
  });
}

describe('Fixed', () => {
  for (const fact of [...fixed(0, 1), ...fixed(2, 3)]) it(fact.title, fact.run);
});

describe('ByUid', () => {
  const remote = { address: '10.0.0.7', port: 40_000 };
  const kinds: readonly (readonly [string, (id: number) => string | number])[] = [
    ['numbers in a row', (id) => id],
    ['numbers far apart', (id) => id * 1_000_003],
    ['names', (id) => `user-${id}`],
  ];

  const unbound = dispatchConformance('for connections that are not bound', {
    create: (workerNum) => new ByUid(workerNum, 1),
    unevenness: 0,
  });
  for (const fact of unbound) it(fact.title, fact.run);
  for (const [name, uidOf] of kinds) {
    const bound = dispatchConformance(`for ${name}`, {
      create: (workerNum) => {
        const policy = new ByUid(workerNum, 1);
        return { sticky: true, pick: (what) => policy.pick({ ...what, uid: uidOf(what.id) }) };
      },
      unevenness: 0.1,
    });
    for (const fact of bound) it(fact.title, fact.run);
  }

  it('brings connections of one uid to one worker, whichever reactor has them', () => {
    for (const uid of ['ann', 7, '', 'ÅÉ\u{1f41f}', Number.MIN_SAFE_INTEGER]) {
      const picks = [1, 2, 3].flatMap((reactors) => {
        const policy = new ByUid(5, reactors);
        return [0, 1, 2, 17].map((id) => policy.pick({ id, listenerName: 'lines', remote, uid }));
      });
      expect(new Set(picks).size, String(uid)).to.equal(1);
    }
  });
});

describe('RoundRobin', () => {
  const conformance = dispatchConformance('with a count of its own', {
    create: (workerNum) => new RoundRobin(workerNum, new Int32Array(1)),
    unevenness: 0,
  });
  for (const fact of conformance) it(fact.title, fact.run);
});

describe('IpHash', () => {
  const conformance = dispatchConformance('with an address for each connection', {
    create: (workerNum) => new IpHash(workerNum, new Fixed(workerNum, 1)),
    by: 'address',
  });
  for (const fact of conformance) it(fact.title, fact.run);
});

describe('LeastConnections', () => {
  const conformance = dispatchConformance('with counts of its own', {
    create: (workerNum) => new LeastConnections(new Int32Array(workerNum), new Int32Array(1)),
    by: 'connections',
    unevenness: 0,
  });
  for (const fact of conformance) it(fact.title, fact.run);
});

for (const Policy of [Preemptive, LeastInFlight]) {
  describe(Policy.name, () => {
    const conformance = dispatchConformance('with counts of its own', {
      create: (workerNum) => new Policy(new Int32Array(workerNum), new Int32Array(1)),
      unevenness: 0,
    });
    for (const fact of conformance) it(fact.title, fact.run);
  });
}

describe('ByModule', () => {
  // One for all: to make an error with its stack costs more than to dispatch a packet.
  const failure = new Error('no');
  const around = (title: string, policy: (workerNum: number) => DispatchPolicy, ask: DispatchFunction) =>
    dispatchConformance(title, {
      create: (workerNum) => {
        const { logger } = keptLog();
        return new ByModule(ask, 'file:///mine.js', policy(workerNum), workerNum, new ManualClock(), logger);
      },
    });
  for (const fact of [
    ...around(
      'with a sticky function',
      (workerNum) => new Fixed(workerNum, 1),
      ({ connectionId, workerNum }) => connectionId % workerNum,
    ),
    ...around(
      'with one that falls back',
      (workerNum) => new RoundRobin(workerNum, new Int32Array(1)),
      () => 'fallback',
    ),
    ...around(
      'with one that throws',
      (workerNum) => new RoundRobin(workerNum, new Int32Array(1)),
      () => {
        throw failure;
      },
    ),
  ])
    it(fact.title, fact.run);
});

describe('dispatchConformance', () => {
  /** Titles of the cases that a policy fails, in their order. */
  async function failures(sticky: boolean, policyFor: (workerNum: number) => Pick): Promise<string[]> {
    const cases = dispatchConformance('it', {
      create: (workerNum) => {
        const pick = policyFor(workerNum);
        return { sticky, pick: ({ id }, isReady) => pick(id, isReady) };
      },
    });
    const failed: string[] = [];
    for (const { title, run } of cases) await run().catch(() => failed.push(title.replace(/^it /, '')));
    return failed;
  }

  const stickyTitles = {
    throws: 'never throws, whatever the connection and whoever is ready',
    asks: 'asks about the readiness of existing workers only',
    range: 'answers the id of a worker, ready or not',
    sticky: 'gives a connection the same worker each time, whatever happens to others',
    even: 'spreads many connections evenly, to 10 %',
    pure: 'answers the same calls in the same way, at any time and without chance',
  };
  const packetTitles = {
    range: 'answers the id of a worker, or -1',
    ready: 'never picks a worker that is not ready',
    nobody: 'answers -1 when no worker is ready, and only then',
    even: 'spreads many packets evenly over the workers that are ready, to 10 %',
  };

  /** As right as can be, for the wrong ones below to differ from. */
  const modulo =
    (workers: number): Pick =>
    (id) =>
      id % workers;
  const turns = (workers: number): Pick => {
    let turn = 0;
    return (_id, isReady) => {
      const ready = Array.from({ length: workers }, (_, worker) => worker).filter(isReady);
      return ready[turn++ % ready.length] ?? -1;
    };
  };

  it('passes policies that do all of it, and gives a case for each rule', async () => {
    expect(await failures(true, modulo)).to.deep.equal([]);
    expect(await failures(false, turns)).to.deep.equal([]);
    const titles = dispatchConformance('it', { create: (workers) => new Fixed(workers, 1) });
    expect(titles.map(({ title }) => title)).to.deep.equal(
      Object.values(stickyTitles).map((title) => `it ${title}`),
    );
  });

  it('fails a policy that throws', async () => {
    const failed = await failures(true, (workers) => (id) => {
      if (id > 2 ** 40) throw new RangeError('too large');
      return id % workers;
    });
    expect(failed).to.include(stickyTitles.throws);
  });

  it('fails a policy that asks about a worker that does not exist', async () => {
    const failed = await failures(false, (workers) => (id, isReady) => {
      isReady(workers);
      return turns(workers)(id, isReady);
    });
    expect(failed).to.include(stickyTitles.asks);
  });

  it('fails a sticky policy that answers a worker too many, -1, a fraction or nothing', async () => {
    const wrong: readonly ((workers: number) => Pick)[] = [
      (workers) => (id) => id % (workers + 1),
      (workers) => (id, isReady) => (isReady(id % workers) ? id % workers : -1),
      (workers) => (id) => (id / 2) % workers,
      () => () => undefined as unknown as number,
      // Bit operations see the lower 32 bits of an id, the sign among them.
      (workers) => (id) => (id | 0) % workers,
    ];
    for (const policy of wrong) expect(await failures(true, policy)).to.include(stickyTitles.range);
  });

  it('fails a policy for packets that answers a worker too many or another negative number', async () => {
    const tooMany = await failures(false, (workers) => (id) => id % (workers + 1));
    expect(tooMany).to.include(packetTitles.range);
    const negative = await failures(false, (workers) => (id, isReady) => {
      const worker = turns(workers)(id, isReady);
      return worker === -1 ? -2 : worker;
    });
    expect(negative).to.include(packetTitles.range);
  });

  it('fails a sticky policy that moves a connection when its worker is not ready', async () => {
    const failed = await failures(true, (workers) => (id, isReady) => {
      const worker = id % workers;
      return isReady(worker) ? worker : (worker + 1) % workers;
    });
    expect(failed).to.deep.equal([stickyTitles.sticky]);
  });

  it('fails a sticky policy that takes turns', async () => {
    const failed = await failures(true, (workers) => {
      let turn = 0;
      return () => turn++ % workers;
    });
    expect(failed).to.deep.equal([stickyTitles.sticky]);
  });

  it('fails a policy for packets that picks a worker that is not ready', async () => {
    const failed = await failures(false, (workers) => {
      let turn = 0;
      return (_id, isReady) => {
        const everybody = Array.from({ length: workers }, (_, worker) => worker);
        return everybody.some(isReady) ? turn++ % workers : -1;
      };
    });
    expect(failed).to.include(packetTitles.ready);
  });

  it('fails a policy for packets that gives up while a worker is ready', async () => {
    const failed = await failures(false, (workers) => {
      let turn = 0;
      return (_id, isReady) => {
        const worker = turn++ % workers;
        return isReady(worker) ? worker : -1;
      };
    });
    expect(failed).to.include(packetTitles.nobody);
  });

  it('fails a policy that prefers a worker', async () => {
    const first = await failures(false, (workers) => (_id, isReady) => {
      return Array.from({ length: workers }, (_, worker) => worker).find(isReady) ?? -1;
    });
    expect(first).to.deep.equal([packetTitles.even]);
    const half = await failures(true, (workers) => (id) => (id % 8 === 0 ? 0 : id % workers));
    expect(half).to.deep.equal([stickyTitles.even]);
  });

  it('accepts exactly the unevenness that the subject states', async () => {
    // Of 2000 connections of two workers 20 go astray: 1020 against 980.
    const create = (workerNum: number): DispatchPolicy => ({
      sticky: true,
      pick: ({ id }) => (workerNum === 2 && id % 100 === 1 ? 0 : id % workerNum),
    });
    const even = (unevenness: number): Promise<void> =>
      dispatchConformance('it', { create, unevenness })
        .find(({ title }) => title.includes('evenly'))!
        .run();
    await even(0.02);
    expect(await even(0.019).catch((error: Error) => error.message)).to.equal(
      'worker 0 of 2 was picked 1020 times, expected 981 to 1019; all: {"0":1020,"1":980}',
    );
  });

  it('fails a policy that looks at counts and picks a busy worker, or one with more connections', async () => {
    const failed = async (subject: Parameters<typeof dispatchConformance>[1]): Promise<string[]> => {
      const titles: string[] = [];
      for (const { title, run } of dispatchConformance('it', subject))
        await run().catch(() => titles.push(title));
      return titles;
    };
    const byTurns = (workerNum: number) => new RoundRobin(workerNum, new Int32Array(1));
    const busy = await failed({
      create: (workerNum) => Object.assign(byTurns(workerNum), { inFlight: new Int32Array(workerNum) }),
    });
    expect(busy).to.deep.equal(['it never picks a busy worker while another one is idle']);
    const more = await failed({
      create: (workerNum) => {
        const policy = new Fixed(workerNum, 1);
        return Object.assign(policy, { connections: new Int32Array(workerNum) });
      },
      by: 'connections',
    });
    expect(more).to.deep.equal([
      'it gives a connection to a worker with the fewest of them, to one that is ready if any is',
    ]);
    const byId = await failed({ create: (workerNum) => new Fixed(workerNum, 1), by: 'address' });
    expect(byId).to.include('it gives all connections of one address the same worker, in every reactor');
  });

  it('fails a policy that throws dice', async () => {
    const failed = await failures(true, (workers) => {
      const known = new Map<number, number>();
      return (id) => {
        const worker = known.get(id) ?? Math.floor(Math.random() * workers);
        known.set(id, worker);
        return worker;
      };
    });
    // Dice may be uneven too.
    expect(failed).to.include(stickyTitles.pure);
  });

  it('fails a policy that looks at a clock, and gives the clock back', async () => {
    const clocks = [
      () => Date.now(),
      () => new Date().getTime(),
      () => Math.floor(performance.now()),
      () => Number(process.hrtime.bigint() / 1_000_000n),
    ];
    for (const clock of clocks) {
      const failed = await failures(true, (workers) => {
        const day = Math.floor(clock() / 86_400_000);
        return (id) => ((id % workers) + (day % workers)) % workers;
      });
      expect(failed).to.deep.equal([stickyTitles.pure]);
    }
    expect(Date.name).to.equal('Date');
    expect(Math.abs(Date.now() - performance.timeOrigin - performance.now())).to.be.below(60_000);
    expect(Object.getOwnPropertyNames(performance)).to.deep.equal([]);
  });
});
