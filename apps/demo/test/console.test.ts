import { expect } from 'chai';
import { answerOf } from '@shoal/demo/console';
import { remoteCommands } from '@shoal/demo/remote-control';
import type { Totals } from '@shoal/demo/totals';
import { shareOf, totalsOf } from './counting.js';

function answer(totals: Totals, line: string): string {
  const [command = '', ...words] = line.split(' ');
  return answerOf(totals, { kind: 'command', command, words });
}

/** A console over totals of these lines; it takes whole commands. */
function consoleAfter(...lines: readonly string[]): (command: string) => string {
  const totals = totalsOf(...lines);
  return (line) => answer(totals, line);
}

function jsonOf(answer: string): unknown {
  const [json = '', ...rest] = answer.split('\n');
  expect(rest).to.deep.equal(['END', '', '']);
  return JSON.parse(json);
}

describe('The console', () => {
  it('names every command in its help', () => {
    const ask = consoleAfter();
    const [, commands = ''] = /^Commands: (.*)\n\n$/.exec(ask('help')) ?? [];
    const elsewhere = ['quit', ...remoteCommands];
    for (const command of commands.split(', ').filter((name) => !elsewhere.includes(name))) {
      expect(ask(command), command).not.to.equal('ERROR\n');
    }
    expect(commands.split(', ')).to.include.members(['stats', 'counters', 'deltimers', ...elsewhere]);
  });

  it('answers ERROR to everything else', () => {
    const ask = consoleAfter();
    for (const command of ['', 'nonsense', 'COUNTERS', 'constructor']) {
      expect(ask(command)).to.equal('ERROR\n');
    }
  });

  it('shows each kind of metric as one line of JSON, then END and an empty line', () => {
    const ask = consoleAfter('hits:2|c', 'load:5|g', 'answer:320|ms:12.5|ms', 'users:anna|s');
    expect(jsonOf(ask('counters'))).to.deep.equal({
      'statsd.metrics_received': 4,
      'statsd.metrics_dropped': 0,
      'statsd.bad_lines_seen': 0,
      hits: 2,
    });
    expect(jsonOf(ask('gauges'))).to.deep.equal({ load: 5 });
    expect(jsonOf(ask('timers'))).to.deep.equal({ answer: [320, 12.5] });
    expect(jsonOf(ask('sets'))).to.deep.equal({ users: 1 });
  });

  it('shows a metric with the name of an object property', () => {
    const ask = consoleAfter('__proto__:1|g', 'toString:2|g');
    expect(ask('gauges')).to.equal('{"__proto__":1,"toString":2}\nEND\n\n');
  });

  it('tells uptime, silence and malformed lines in its stats', () => {
    const totals = totalsOf('nonsense');
    for (let second = 0; second < 65; second++) totals.tick();
    expect(answer(totals, 'stats')).to.equal(
      'uptime: 65\nmessages.last_msg_seen: 65\nmessages.bad_lines_seen: 1\nEND\n\n',
    );
  });

  it('is up, until it is told to say something else', () => {
    const ask = consoleAfter();
    expect(ask('health')).to.equal('health: up\n');
    expect(ask('health DOWN')).to.equal('health: down\n');
    expect(ask('health')).to.equal('health: down\n');
    expect(ask('health sideways')).to.equal('health: down\n');
    expect(ask('health up')).to.equal('health: up\n');
  });

  for (const [command, show, type] of [
    ['delcounters', 'counters', 'c'],
    ['delgauges', 'gauges', 'g'],
    ['deltimers', 'timers', 'ms'],
  ] as const) {
    it(`deletes by ${command}, and says what it did not find`, () => {
      const ask = consoleAfter(`one:1|${type}`, `two:1|${type}`, `three:1|${type}`);
      expect(ask(`${command} one two four`)).to.equal(
        'deleted: one\ndeleted: two\nmetric four not found\nEND\n\n',
      );
      expect(jsonOf(ask(show))).to.have.property('three');
      expect(jsonOf(ask(show))).not.to.have.any.keys('one', 'two');
    });
  }

  it('deletes what is below a folder, and neither the folder nor its namesakes', () => {
    const ask = consoleAfter('a.b:1|g', 'a.b.c:1|g', 'a.b.c.d:1|g', 'a.bc:1|g');
    expect(ask('delgauges a.b.*')).to.equal('deleted: a.b.c\ndeleted: a.b.c.d\nEND\n\n');
    expect(jsonOf(ask('gauges'))).to.deep.equal({ 'a.b': 1, 'a.bc': 1 });
    expect(ask('delgauges a.b.*')).to.equal('metric a.b.* not found\nEND\n\n');
  });

  it('counts on from 0 after a counter was deleted, its own included', () => {
    const totals = totalsOf('hits:1|c');
    answer(totals, 'delcounters statsd.* hits');
    totals.add(shareOf(['nonsense', 'hits:2|c'], 2));
    expect(jsonOf(answer(totals, 'counters'))).to.deep.equal({
      'statsd.metrics_received': 2,
      'statsd.metrics_dropped': 0,
      'statsd.bad_lines_seen': 1,
      hits: 2,
    });
  });
});
