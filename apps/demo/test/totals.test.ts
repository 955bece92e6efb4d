import { expect } from 'chai';
import fc from 'fast-check';
import { TIMINGS_KEPT } from '@shoal/demo/share';
import { LONGEST_NAME, NAMES_KEPT, Totals } from '@shoal/demo/totals';
import { shareOf, totalsOf } from './counting.js';

/** What the process would be told that comes after this one. */
function restored(totals: Totals): Totals {
  return new Totals(JSON.parse(JSON.stringify(totals.snapshot())) as ReturnType<Totals['snapshot']>);
}

const names = fc.constantFrom('a', 'b', 'c');
const lines = fc.array(
  fc.oneof(
    fc.tuple(names, fc.integer({ min: -9, max: 9 })).map(([name, n]) => `${name}:${n}|c`),
    fc.tuple(names, fc.constantFrom('5', '+3', '-2')).map(([name, n]) => `${name}:${n}|g`),
    fc.tuple(names, fc.nat(99)).map(([name, n]) => `${name}:${n}|ms`),
    fc.tuple(names, fc.nat(5)).map(([name, n]) => `${name}:${n}|s`),
    fc.constant('nonsense'),
  ),
);

describe('Totals', () => {
  it('are the same however the lines are cut into shares', () => {
    fc.assert(
      fc.property(fc.array(lines, { minLength: 1 }), (parts) => {
        const inParts = new Totals();
        for (const [index, part] of parts.entries()) inParts.add(shareOf(part, index + 1));
        const whole = { ...totalsOf(...parts.flat()).snapshot(), shares: {} };
        expect({ ...inParts.snapshot(), shares: {} }).to.deep.equal(whole);
      }),
    );
  });

  it('add up a counter, sampled and negative values included', () => {
    const { counters } = totalsOf('hits:1|c', 'hits:2|c:-1|c', 'hits:1|c|@0.1');
    expect(counters.get('hits')).to.equal(12);
  });

  it('move a gauge from where it stands, or from 0', () => {
    expect(totalsOf('load:5|g', 'load:+3|g', 'load:-1|g').gauges.get('load')).to.equal(7);
    expect(totalsOf('load:-3|g').gauges.get('load')).to.equal(-3);
    expect(totalsOf('load:5|g', 'load:0|g:-3|g').gauges.get('load')).to.equal(-3);
  });

  it('count the different members of each set', () => {
    const { sets } = totalsOf('a:anna|s:ben|s:anna|s', 'b:anna|s');
    expect([...sets]).to.deep.equal([
      ['a', 2],
      ['b', 1],
    ]);
  });

  it('count lines, and each value that is malformed', () => {
    const { counters, badLinesSeen } = totalsOf('hits:1|c', '', 'hits:x|c:1|c:y|c', 'nonsense');
    expect(counters.get('statsd.metrics_received')).to.equal(3);
    expect(counters.get('statsd.bad_lines_seen')).to.equal(3);
    expect(badLinesSeen).to.equal(3);
    expect(counters.get('hits')).to.equal(2);
  });

  it('keep one name in each kind of metric without mixing them', () => {
    const { counters, gauges, timers, sets } = totalsOf('x:1|c', 'x:2|g', 'x:3|ms', 'x:4|s');
    expect([counters.get('x'), gauges.get('x'), timers.get('x'), sets.get('x')]).to.deep.equal([
      1,
      2,
      [3],
      1,
    ]);
  });

  it('keep the first value of a timer until one more than they keep has come, in one share or in two', () => {
    const timings = Array.from({ length: TIMINGS_KEPT + 1 }, (_, ms) => `t:${ms}|ms`);
    expect(totalsOf(...timings.slice(0, -1)).timers.get('t'))
      .to.have.length(TIMINGS_KEPT)
      .and.include(0);
    const inTwo = totalsOf(...timings.slice(0, -1));
    inTwo.add(shareOf(timings.slice(-1), 2));
    for (const totals of [totalsOf(...timings), inTwo])
      expect(totals.timers.get('t'))
        .to.have.length(TIMINGS_KEPT)
        .and.include(TIMINGS_KEPT)
        .and.not.include(0);
  });

  for (const [kind, group] of [
    ['c', 'counters'],
    ['g', 'gauges'],
    ['ms', 'timers'],
    ['s', 'sets'],
  ] as const) {
    it(`keep ${NAMES_KEPT} names of ${group}, and drop and count one more`, () => {
      const free = NAMES_KEPT - new Totals()[group].size;
      const totals = totalsOf(...Array.from({ length: free }, (_, index) => `n${index}:1|${kind}`));
      expect(totals[group].size).to.equal(NAMES_KEPT);
      expect(totals.counters.get('statsd.metrics_dropped')).to.equal(0);
      totals.add(shareOf([`more:1|${kind}`, `n0:1|${kind}`], 2));
      expect(totals[group].size).to.equal(NAMES_KEPT);
      expect(totals[group].has('more')).to.be.false;
      expect(totals.counters.get('statsd.metrics_dropped')).to.equal(1);
    });

    it(`keep a name of ${LONGEST_NAME} characters of ${group}, and drop one that is longer`, () => {
      const [fits, long] = ['n'.repeat(LONGEST_NAME), 'n'.repeat(LONGEST_NAME + 1)];
      const totals = totalsOf(`${fits}:1|${kind}`, `${long}:1|${kind}:2|${kind}`);
      expect(totals[group].has(fits)).to.be.true;
      expect(totals[group].has(long)).to.be.false;
      expect(totals.counters.get('statsd.metrics_dropped')).to.equal(2);
    });
  }

  it('keep a member of as many characters as a name has, and drop one that is longer', () => {
    const totals = totalsOf(`s:${'m'.repeat(LONGEST_NAME)}|s:${'m'.repeat(LONGEST_NAME + 1)}|s`);
    expect(totals.sets.get('s')).to.equal(1);
    expect(totals.counters.get('statsd.metrics_dropped')).to.equal(1);
  });

  it('are what they were when they are made from a snapshot, names of object properties included', () => {
    const totals = totalsOf('__proto__:1|c', 'load:5|g', '__proto__:1|g', 't:1|ms', 'u:x|s', 'nonsense');
    totals.health = 'down';
    expect(restored(totals).snapshot()).to.deep.equal(totals.snapshot());
    expect(restored(totals).counters.get('__proto__')).to.equal(1);
    const more = restored(totals);
    more.add(shareOf(['u:x|s:y|s'], 2));
    expect(more.sets.get('u')).to.equal(2);
  });

  it('know a share that comes again, also from a snapshot, and take the next one', () => {
    let totals = totalsOf('hits:1|c');
    totals.add(shareOf(['hits:1|c'], 1));
    totals = restored(totals);
    totals.add(shareOf(['hits:1|c'], 1));
    expect(totals.counters.get('hits')).to.equal(1);
    totals.add(shareOf(['hits:1|c'], 2));
    totals.add(shareOf(['hits:1|c'], 1, 'another worker'));
    expect(totals.counters.get('hits')).to.equal(3);
  });

  it('know the shares of the latest 100 workers', () => {
    const totals = new Totals();
    const come = (workers: number): void => {
      for (let worker = 1; worker <= workers; worker++) totals.add(shareOf(['hits:1|c'], 1, `w${worker}`));
    };
    come(100);
    come(100);
    expect(totals.counters.get('hits')).to.equal(100);
    totals.add(shareOf(['hits:1|c'], 1, 'w101'));
    totals.add(shareOf(['hits:1|c'], 1, 'w2'));
    expect(totals.counters.get('hits')).to.equal(101);
    totals.add(shareOf(['hits:1|c'], 1, 'w1'));
    expect(totals.counters.get('hits')).to.equal(102);
  });

  it('know the seconds since the start and since the last line', () => {
    const totals = new Totals();
    for (let second = 0; second < 3; second++) totals.tick();
    expect([totals.uptime, totals.silence]).to.deep.equal([3, 3]);
    totals.add(shareOf(['hits:1|c']));
    totals.tick();
    expect([totals.uptime, totals.silence]).to.deep.equal([4, 1]);
  });
});
