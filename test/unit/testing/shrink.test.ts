import { expect } from 'chai';
import fc from 'fast-check';
import { shrink } from '@shoal/testing/internal/exploration/shrink';

type Fails = (subset: readonly number[]) => boolean;

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Shrinks, and keeps what was tried. */
async function shrinking(
  items: readonly number[],
  fails: Fails,
  budget = 100_000,
): Promise<{ result: readonly number[]; tried: readonly (readonly number[])[] }> {
  const tried: (readonly number[])[] = [];
  const result = await shrink(
    items,
    async (subset) => {
      tried.push(subset);
      return fails(subset);
    },
    budget,
  );
  return { result, tried };
}

/** Fails as soon as all items of one of the groups are there. */
const anyOf =
  (groups: readonly (readonly number[])[]): Fails =>
  (subset) =>
    groups.some((group) => group.every((item) => subset.includes(item)));

/** Fails as it likes, the same for the same items: leaving one out may mend it and leaving out two may not. */
const whimsical =
  (seed: number): Fails =>
  (subset) => {
    let hash = seed;
    for (const item of subset) hash = Math.imul(hash ^ (item + 1), 0x01000193) ^ (hash >>> 13);
    return (hash & 3) !== 0;
  };

function without(items: readonly number[], index: number): number[] {
  return items.filter((_, each) => each !== index);
}

const groups = fc.array(fc.uniqueArray(fc.nat(24), { minLength: 1, maxLength: 5 }), {
  minLength: 1,
  maxLength: 4,
});

describe('shrink', () => {
  it('finds exactly the 2 of 30 items that matter, wherever they are', async () => {
    for (let first = 0; first < 30; first++) {
      for (let second = first + 1; second < 30; second++) {
        const { result } = await shrinking(numbers(30), anyOf([[first, second]]));
        expect(result).to.deep.equal([first, second]);
      }
    }
  });

  it('gives a part that fails, from which no single item can be left out', async () => {
    await fc.assert(
      fc.asyncProperty(groups, async (needed) => {
        const fails = anyOf(needed);
        const items = numbers(25);
        const { result } = await shrinking(items, fails);
        expect(fails(result)).to.equal(true);
        for (const index of result.keys()) expect(fails(without(result, index))).to.equal(false);
      }),
      { numRuns: 300 },
    );
  });

  it('does so where leaving out more makes it fail again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 12 }), async (seed, count) => {
        const fails = whimsical(seed);
        const items = numbers(count);
        fc.pre(fails(items));
        const { result } = await shrinking(items, fails);
        expect(fails(result)).to.equal(true);
        for (const index of result.keys()) expect(fails(without(result, index))).to.equal(false);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps the order of the items, and gives back items that were given', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(numbers(25), { minLength: 1 }), groups, async (items, needed) => {
        const { result, tried } = await shrinking(items, anyOf(needed));
        for (const part of [...tried, result])
          expect(part).to.deep.equal(items.filter((item) => part.includes(item)));
      }),
      { numRuns: 200 },
    );
  });

  it('takes as many tries as the budget allows, not one more, and gives the best so far', async () => {
    await fc.assert(
      fc.asyncProperty(groups, fc.nat(60), async (needed, budget) => {
        const fails = anyOf(needed);
        const items = numbers(25);
        fc.pre(fails(items));
        const whole = await shrinking(items, fails);
        const { result, tried } = await shrinking(items, fails, budget);
        expect(tried).to.deep.equal(whole.tried.slice(0, budget));
        expect(result).to.deep.equal(tried.findLast((subset) => fails(subset)) ?? items);
      }),
      { numRuns: 300 },
    );
  });

  it('tries nothing with a budget of 0, and once with a budget of 1', async () => {
    expect(await shrinking([1, 2], () => true, 0)).to.deep.equal({ result: [1, 2], tried: [] });
    expect(await shrinking([1, 2], () => true, 1)).to.deep.equal({ result: [], tried: [[]] });
  });

  it('gives nothing after one try when it fails without any item', async () => {
    expect(await shrinking(numbers(30), () => true)).to.deep.equal({ result: [], tried: [[]] });
  });

  it('keeps a single item that matters, and tries nothing for no items', async () => {
    expect((await shrinking([7], (subset) => subset.length > 0)).result).to.deep.equal([7]);
    expect(await shrinking([], () => true)).to.deep.equal({ result: [], tried: [] });
  });

  it('keeps all items when all matter', async () => {
    const { result, tried } = await shrinking(numbers(30), (subset) => subset.length === 30);
    expect(result).to.deep.equal(numbers(30));
    expect(tried.length).to.be.below(100);
  });

  it('takes few tries for a few of many', async () => {
    const { tried } = await shrinking(numbers(1_000), anyOf([[17, 512, 900]]));
    expect(tried.length).to.be.below(200);
  });

  it('rejects with what the try rejects with', async () => {
    const outcome = await shrink([1, 2], () => Promise.reject(new Error('a try that breaks')), 10).catch(
      (error: Error) => error.message,
    );
    expect(outcome).to.equal('a try that breaks');
  });
});
