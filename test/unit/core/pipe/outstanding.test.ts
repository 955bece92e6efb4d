import { expect } from 'chai';
import fc from 'fast-check';
import { Outstanding } from '@shoal/core/internal/pipe/outstanding';

interface Entry {
  readonly name: number;
}

type Step = { readonly add: number } | { readonly settle: number } | 'takeAll';

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 150 }) }) },
  { weight: 8, arbitrary: fc.record({ settle: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 1, arbitrary: fc.constant('takeAll' as const) },
);

describe('Outstanding', () => {
  for (const [where, first] of [
    ['from 0 on', 0],
    ['across the wrap at 2^32', 2 ** 32 - 200],
  ] as const) {
    it(`is a map from numbers to entries in the order of adding, ${where}`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, newestFirst) => {
          const model = new Map<number, Entry>();
          const outstanding = new Outstanding<Entry>(first);
          let name = 0;
          let last = (first - 1) >>> 0;
          for (const each of steps) {
            if (each === 'takeAll') {
              expect(outstanding.takeAll()).to.deep.equal([...model.values()]);
              model.clear();
            } else if ('add' in each) {
              for (let count = 0; count < each.add; count++) {
                const entry = { name: name++ };
                const seq = outstanding.add(entry);
                expect(seq).to.equal((last + 1) >>> 0);
                last = seq;
                model.set(seq, entry);
              }
            } else {
              // Mostly the newest go, so that old ones stay behind for long.
              const keys = [...model.keys()];
              const count = Math.floor(each.settle * keys.length);
              const chosen = newestFirst
                ? keys.slice(keys.length - count)
                : keys.filter((_, at) => at % 3 !== 0);
              for (const seq of chosen.reverse()) {
                expect(outstanding.get(seq)).to.equal(model.get(seq));
                expect(outstanding.settle(seq)).to.equal(model.get(seq));
                expect(outstanding.settle(seq)).to.equal(undefined);
                expect(outstanding.get(seq)).to.equal(undefined);
                model.delete(seq);
              }
            }
            expect(outstanding.size).to.equal(model.size);
          }
          for (const [seq, entry] of model) expect(outstanding.get(seq)).to.equal(entry);
          expect(outstanding.takeAll()).to.deep.equal([...model.values()]);
        }),
        { numRuns: 100 },
      );
    });
  }

  it('knows no number that was never given', () => {
    const outstanding = new Outstanding<Entry>();
    const seq = outstanding.add({ name: 1 });
    for (const other of [seq + 1, 63, 64, 65, 2 ** 32 - 1]) {
      expect(outstanding.get(other)).to.equal(undefined);
      expect(outstanding.settle(other)).to.equal(undefined);
    }
    expect(outstanding.size).to.equal(1);
  });

  it('keeps an oldest entry that never settles while a million come and go, in bounded memory', () => {
    const outstanding = new Outstanding<Entry>();
    const oldest = outstanding.add({ name: -1 });
    const one = { name: 0 };
    const before = process.memoryUsage().heapUsed;
    for (let count = 0; count < 1_000_000; count++) outstanding.settle(outstanding.add(one));
    // A ring that spans them all would take 8 MiB.
    expect(process.memoryUsage().heapUsed - before).to.be.below(4 * 1024 * 1024);
    expect(outstanding.size).to.equal(1);
    expect(outstanding.get(oldest)).to.deep.equal({ name: -1 });
    expect(outstanding.takeAll()).to.deep.equal([{ name: -1 }]);
  });
});
