import { expect } from 'chai';
import fc from 'fast-check';
import { Fifo } from '@shoal/core/internal/tasks/fifo';

type Step = ['push', number] | ['unshift', number[]] | ['shift'] | ['remove', number] | ['takeAll'];

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('push' as const), fc.nat(9)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('unshift' as const), fc.array(fc.nat(9), { maxLength: 4 })) },
  { weight: 5, arbitrary: fc.constant(['shift'] as ['shift']) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('remove' as const), fc.nat(9)) },
  { weight: 1, arbitrary: fc.constant(['takeAll'] as ['takeAll']) },
);

describe('Fifo', () => {
  it('does what an array would do, whatever is asked of it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const fifo = new Fifo<number>();
        let model: number[] = [];
        for (const each of steps) {
          if (each[0] === 'push') {
            fifo.push(each[1]);
            model.push(each[1]);
          } else if (each[0] === 'unshift') {
            fifo.unshift(each[1]);
            model.unshift(...each[1]);
          } else if (each[0] === 'shift') expect(fifo.shift()).to.equal(model.shift());
          else if (each[0] === 'remove') {
            const at = model.indexOf(each[1]);
            if (at >= 0) model.splice(at, 1);
            expect(fifo.remove(each[1])).to.equal(at >= 0);
          } else {
            expect(fifo.takeAll()).to.deep.equal(model);
            model = [];
          }
          expect(fifo.length).to.equal(model.length);
        }
      }),
    );
  });

  it('keeps its order across the places at which it makes itself smaller', () => {
    const fifo = new Fifo<number>();
    for (let item = 0; item < 5_000; item++) fifo.push(item);
    for (let item = 0; item < 5_000; item++) expect(fifo.shift()).to.equal(item);
    expect(fifo.shift()).to.equal(undefined);
    expect(fifo.length).to.equal(0);
  });
});
