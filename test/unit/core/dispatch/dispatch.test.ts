import { expect } from 'chai';
import fc from 'fast-check';
import { createDispatch } from '@shoal/core/internal/dispatch/create-dispatch';
import { Fixed } from '@shoal/core/internal/dispatch/fixed';
import { RoundRobin } from '@shoal/core/internal/dispatch/round-robin';
import { ConnectionIds } from '@shoal/core/internal/pipe/connection-ids';
import { settingsOf } from '../settings.js';

const connection = (id: number) => ({ id, remote: { address: '10.0.0.1', port: 4_000 } });
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

describe('createDispatch', () => {
  it('makes the policy that dispatchMode names', () => {
    const make = (dispatchMode: 'fixed' | 'roundRobin') =>
      createDispatch(settingsOf({ dispatchMode }), 1, new Int32Array(1));
    expect(make('fixed')).to.be.instanceOf(Fixed).with.property('sticky', true);
    expect(make('roundRobin')).to.be.instanceOf(RoundRobin).with.property('sticky', false);
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
