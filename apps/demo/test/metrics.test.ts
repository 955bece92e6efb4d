import { expect } from 'chai';
import { Metrics, NAMES_KEPT, TIMINGS_KEPT } from '@shoal/demo/metrics';
import { parseLine } from '@shoal/demo/statsd-line';

function metricsOf(...lines: readonly string[]): Metrics {
  const metrics = new Metrics();
  for (const line of lines) metrics.record(parseLine(line));
  return metrics;
}

describe('Metrics', () => {
  it('adds up a counter, sampled and negative values included', () => {
    const { counters } = metricsOf('hits:1|c', 'hits:2|c:-1|c', 'hits:1|c|@0.1');
    expect(counters.get('hits')).to.equal(12);
  });

  it('moves a gauge from where it stands, or from 0', () => {
    expect(metricsOf('load:5|g', 'load:+3|g', 'load:-1|g').gauges.get('load')).to.equal(7);
    expect(metricsOf('load:-3|g').gauges.get('load')).to.equal(-3);
    expect(metricsOf('load:5|g', 'load:0|g:-3|g').gauges.get('load')).to.equal(-3);
  });

  it('counts the different members of each set', () => {
    const { sets } = metricsOf('a:anna|s:ben|s:anna|s', 'b:anna|s');
    expect([...sets]).to.deep.equal([
      ['a', 2],
      ['b', 1],
    ]);
  });

  it('counts lines, and each value that is malformed', () => {
    const { counters, badLinesSeen } = metricsOf('hits:1|c', '', 'hits:x|c:1|c:y|c', 'nonsense');
    expect(counters.get('statsd.metrics_received')).to.equal(3);
    expect(counters.get('statsd.bad_lines_seen')).to.equal(3);
    expect(badLinesSeen).to.equal(3);
    expect(counters.get('hits')).to.equal(2);
  });

  it('keeps one name in each kind of metric without mixing them', () => {
    const { counters, gauges, timers, sets } = metricsOf('x:1|c', 'x:2|g', 'x:3|ms', 'x:4|s');
    expect([counters.get('x'), gauges.get('x'), timers.get('x'), sets.get('x')]).to.deep.equal([
      1,
      2,
      [3],
      1,
    ]);
  });

  it('keeps the first value of a timer until one more than it keeps has come', () => {
    const metrics = new Metrics();
    for (let ms = 1; ms <= TIMINGS_KEPT; ms++) metrics.record(parseLine(`t:${ms}|ms`));
    expect(metrics.timers.get('t')).to.have.length(TIMINGS_KEPT).and.include(1);
    metrics.record(parseLine(`t:${TIMINGS_KEPT + 1}|ms`));
    expect(metrics.timers.get('t'))
      .to.have.length(TIMINGS_KEPT)
      .and.include(TIMINGS_KEPT + 1)
      .and.not.include(1);
  });

  for (const [kind, group] of [
    ['g', 'gauges'],
    ['ms', 'timers'],
    ['s', 'sets'],
  ] as const) {
    it(`keeps ${NAMES_KEPT} names of ${group}, and drops and counts one more`, () => {
      const metrics = new Metrics();
      for (let index = 0; index < NAMES_KEPT; index++) metrics.record(parseLine(`n${index}:1|${kind}`));
      expect(metrics[group].size).to.equal(NAMES_KEPT);
      expect(metrics.counters.get('statsd.metrics_dropped')).to.equal(0);
      metrics.record(parseLine(`more:1|${kind}`));
      metrics.record(parseLine(`n0:1|${kind}`));
      expect(metrics[group].size).to.equal(NAMES_KEPT);
      expect(metrics.counters.get('statsd.metrics_dropped')).to.equal(1);
    });
  }

  it('keeps no more counters than names, its own included, and still counts those it has', () => {
    const metrics = new Metrics();
    const free = NAMES_KEPT - metrics.counters.size;
    for (let index = 0; index < free; index++) metrics.record(parseLine(`n${index}:1|c`));
    expect(metrics.counters.get('statsd.metrics_dropped')).to.equal(0);
    metrics.record(parseLine('more:1|c'));
    metrics.record(parseLine('n0:1|c'));
    expect(metrics.counters.get('statsd.metrics_dropped')).to.equal(1);
    expect(metrics.counters.has('more')).to.be.false;
    expect(metrics.counters.get('n0')).to.equal(2);
  });

  it('knows the seconds since the start and since the last line', () => {
    const metrics = new Metrics();
    for (let second = 0; second < 3; second++) metrics.tick();
    expect([metrics.uptime, metrics.silence]).to.deep.equal([3, 3]);
    metrics.record(parseLine('hits:1|c'));
    metrics.tick();
    metrics.record(parseLine(''));
    expect([metrics.uptime, metrics.silence]).to.deep.equal([4, 1]);
  });
});
