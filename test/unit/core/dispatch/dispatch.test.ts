import { expect } from 'chai';
import fc from 'fast-check';
import { isSticky } from '@shoal/core/internal/config/dispatch-modes';
import { ByModule } from '@shoal/core/internal/dispatch/by-module';
import { createDispatch } from '@shoal/core/internal/dispatch/create-dispatch';
import { Fixed } from '@shoal/core/internal/dispatch/fixed';
import { IpHash } from '@shoal/core/internal/dispatch/ip-hash';
import { LeastConnections } from '@shoal/core/internal/dispatch/least-connections';
import { LeastInFlight } from '@shoal/core/internal/dispatch/least-in-flight';
import { Preemptive } from '@shoal/core/internal/dispatch/preemptive';
import { SharedCounts } from '@shoal/core/internal/dispatch/shared-counts';
import { RoundRobin } from '@shoal/core/internal/dispatch/round-robin';
import { ConnectionIds } from '@shoal/core/internal/pipe/connection-ids';
import { keptLog } from '../log-lines.js';
import { ManualClock } from '../pipe/manual-clock.js';
import { settingsOf } from '../settings.js';

const connection = (id: number) => ({
  id,
  listenerName: 'lines',
  remote: { address: '10.0.0.1', port: 4_000 },
});
const always = (): boolean => true;

describe('Fixed', () => {
  it('gives a connection the same worker each time, whoever is ready', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 100 }),
        (id, step, workers) => {
          const dispatch = new Fixed(workers, step);
          const worker = dispatch.pick(connection(id));
          expect(worker).to.be.within(0, workers - 1);
          expect(dispatch.pick(connection(id))).to.equal(worker);
        },
      ),
    );
  });

  it('spreads the connections of one reactor evenly, to one', () => {
    fc.assert(
      fc.property(fc.nat(7), fc.integer({ min: 1, max: 9 }), fc.nat(200), (index, workers, count) => {
        const ids = ConnectionIds.ofReactor(index, 8);
        const dispatch = new Fixed(workers, ids.step);
        const each = new Array<number>(workers).fill(0);
        for (let made = 0; made < count; made++) each[dispatch.pick(connection(ids.next()!))]!++;
        expect(Math.max(...each) - Math.min(...each)).to.be.at.most(1);
      }),
    );
  });

  it('does not send the first connections of all reactors to one worker', () => {
    const first = Array.from({ length: 4 }, (_, index) => {
      const ids = ConnectionIds.ofReactor(index, 4);
      return new Fixed(4, ids.step).pick(connection(ids.next()!));
    });
    expect(new Set(first).size).to.equal(4);
  });
});

describe('RoundRobin', () => {
  it('splits exactly over the workers, across reactors and the wrap of the count', () => {
    const count = new Int32Array(new SharedArrayBuffer(4));
    count[0] = 2 ** 31 - 500;
    const reactors = [new RoundRobin(4, count), new RoundRobin(4, count)];
    const each = [0, 0, 0, 0];
    for (let packet = 0; packet < 1_000; packet++)
      each[reactors[packet % 2]!.pick(connection(packet), always)]!++;
    expect(each).to.deep.equal([250, 250, 250, 250]);
  });

  it('passes over workers that are not ready, and says -1 when none is', () => {
    const dispatch = new RoundRobin(3, new Int32Array(1));
    const picks = Array.from({ length: 6 }, () => dispatch.pick(connection(1), (worker) => worker !== 1));
    expect(picks).to.not.include(1);
    expect(new Set(picks)).to.deep.equal(new Set([0, 2]));
    expect(dispatch.pick(connection(1), () => false)).to.equal(-1);
  });
});

describe('IpHash', () => {
  const hash = (address: string, id = 1): number =>
    new IpHash(1_000, new Fixed(1_000, 1)).pick(
      { id, listenerName: 'lines', remote: { address, port: 1 } },
      always,
    );

  it('takes all spellings of an address for the same, and leaves out the zone', () => {
    expect(hash('2001:DB8:0:0:0:0:0:1')).to.equal(hash('2001:db8::1'));
    expect(hash('fe80::1%eth0')).to.equal(hash('fe80::1'));
    expect(hash('::ffff:0a00:0001')).to.equal(hash('10.0.0.1'));
    expect(hash('10.0.0.1')).to.not.equal(hash('10.0.0.2'));
    expect(hash('::')).to.not.equal(hash('::1'));
  });

  it('gives connections without an address to the workers in turn', () => {
    for (const address of [
      '',
      '/run/app.sock',
      'host',
      '1.2.3',
      '1.2.3.256',
      '1::2::3',
      '1:2:3',
      '::1.2.3.4:5',
    ])
      expect(
        [1, 2, 3].map((id) => hash(address, id)),
        address,
      ).to.deep.equal([1, 2, 3]);
  });
});

describe('Preemptive', () => {
  it('passes over busy workers, and takes turns when all are busy', () => {
    const inFlight = new Int32Array([5, 0, 1]);
    const dispatch = new Preemptive(inFlight, new Int32Array(1));
    expect(dispatch.pick(connection(1), always)).to.equal(1);
    inFlight[1] = 1;
    const picks = Array.from({ length: 6 }, () => dispatch.pick(connection(1), always));
    expect(picks).to.deep.equal([0, 1, 2, 0, 1, 2]);
  });
});

describe('LeastInFlight', () => {
  it('takes the smallest count, and turns among those that are equal', () => {
    const inFlight = new Int32Array([5, 2, 2, 3]);
    const dispatch = new LeastInFlight(inFlight, new Int32Array(1));
    expect([1, 2, 3, 4].map(() => dispatch.pick(connection(1), always))).to.deep.equal([1, 2, 1, 2]);
    expect(dispatch.pick(connection(1), (worker) => worker === 0 || worker === 3)).to.equal(3);
    expect(dispatch.pick(connection(1), () => false)).to.equal(-1);
  });
});

describe('LeastConnections', () => {
  it('prefers workers that are ready, and takes the others when none is', () => {
    const dispatch = new LeastConnections(new Int32Array([0, 4, 3]), new Int32Array(1));
    expect(dispatch.pick(connection(1), (worker) => worker !== 0)).to.equal(2);
    expect(dispatch.pick(connection(1), () => false)).to.equal(0);
  });
});

describe('SharedCounts', () => {
  it('has a place of its own for each count', () => {
    const counts = new SharedCounts(SharedCounts.memoryFor(3), 3);
    counts.turn[0] = 7;
    counts.inFlight.set([1, 2, 3]);
    counts.connections.set([4, 5, 6]);
    const others = new SharedCounts(counts.turn.buffer as SharedArrayBuffer, 3);
    expect([...others.turn, ...others.inFlight, ...others.connections]).to.deep.equal([7, 1, 2, 3, 4, 5, 6]);
  });
});

describe('createDispatch', () => {
  const make = async (input: Parameters<typeof settingsOf>[0]) => {
    const counts = new SharedCounts(SharedCounts.memoryFor(2), 2);
    return createDispatch(settingsOf(input), 1, counts, new ManualClock(), keptLog().logger);
  };

  it('makes the policy that dispatchMode names', async () => {
    const policies = [
      ['fixed', Fixed, true],
      ['ipHash', IpHash, true],
      ['leastConnections', LeastConnections, true],
      ['roundRobin', RoundRobin, false],
      ['preemptive', Preemptive, false],
      ['leastInFlight', LeastInFlight, false],
    ] as const;
    for (const [dispatchMode, Policy, sticky] of policies) {
      expect(await make({ dispatchMode }))
        .to.be.instanceOf(Policy)
        .with.property('sticky', sticky);
      expect(isSticky(settingsOf({ dispatchMode })), dispatchMode).to.equal(sticky);
      expect(isSticky(settingsOf({ dispatchMode, mode: 'base' })), dispatchMode).to.equal(true);
    }
  });

  it('puts a dispatch module before it', async () => {
    const dispatchModule = new URL('../../../fixtures/dispatch/by-key.js', import.meta.url);
    const policy = await make({ dispatchMode: 'leastInFlight', dispatchModule });
    expect(policy).to.be.instanceOf(ByModule).with.property('sticky', false);
    expect(policy.inFlight).to.have.length(2);
  });
});

describe('ConnectionIds', () => {
  it('never gives two reactors the same id', () => {
    const ids = [0, 1, 2].map((index) => ConnectionIds.ofReactor(index, 3));
    const all = ids.flatMap((each) => Array.from({ length: 100 }, () => each.next()!));
    expect(new Set(all).size).to.equal(300);
    for (const id of all) expect(id).to.be.above(0);
    expect(all.slice(0, 100).every((id) => id % 3 === 0)).to.equal(true);
  });

  it('names the incarnation of the worker that owns a connection', () => {
    for (const incarnation of [0, 1, 77, 2 ** 22]) {
      const ids = ConnectionIds.ofWorker(incarnation);
      const id = ids.next()!;
      expect(Number.isSafeInteger(id)).to.equal(true);
      expect(ConnectionIds.incarnationOf(id)).to.equal(incarnation);
    }
  });
});
