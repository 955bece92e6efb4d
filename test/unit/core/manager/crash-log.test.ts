import { expect } from 'chai';
import { CrashLog, type Crash } from '@shoal/core/internal/manager/crash-log';

const stack = 'Error: no database\n    at connect (file:///srv/chat/app.js:10:5)';

function crash(some: Partial<Crash> = {}): Crash {
  return { title: 'worker 0', reason: 'Error: no database', stack, ...some };
}

describe('CrashLog', () => {
  it('tells the first of a kind whole and counts those that follow', () => {
    const log = new CrashLog();
    const run = log.note(crash())!;
    for (let count = 0; count < 42; count++)
      expect(log.note(crash({ title: `worker ${count % 4}` }))).to.equal(undefined);
    expect(log.summarize(run)).to.equal('worker 0 and 3 others ended 42 more times: Error: no database');
  });

  it('says it of one and of two workers in their words', () => {
    const log = new CrashLog();
    const run = log.note(crash())!;
    log.note(crash());
    expect(log.summarize(run)).to.equal('worker 0 ended 1 more time: Error: no database');
    log.note(crash());
    log.note(crash({ title: 'worker 1' }));
    expect(log.summarize(run)).to.equal('worker 0 and 1 other ended 2 more times: Error: no database');
  });

  it('leaves numbers aside: pids, ids, addresses and lines', () => {
    const log = new CrashLog();
    const reason = (pid: number): string => `Error: job ${pid} of 7f3a9c2e failed`;
    expect(log.note(crash({ reason: reason(4711), stack: 'at a.js:1:2' }))).to.not.equal(undefined);
    expect(log.note(crash({ reason: reason(9), stack: 'at a.js:30:4' }))).to.equal(undefined);
  });

  it('tells apart what differs in role, reason or stack', () => {
    const log = new CrashLog();
    const others = [
      crash(),
      crash({ title: 'task worker 0' }),
      crash({ title: 'process poller' }),
      crash({ reason: 'Error: no cache' }),
      crash({ stack: undefined }),
      crash({ stack: stack.replace('connect', 'query') }),
    ];
    for (const other of others) expect(log.note(other), JSON.stringify(other)).to.not.equal(undefined);
    for (const other of others) expect(log.note(other), JSON.stringify(other)).to.equal(undefined);
  });

  it('grows the interval from 10 s to 10 min while they come', () => {
    const log = new CrashLog();
    const run = log.note(crash())!;
    const intervals = Array.from({ length: 8 }, () => {
      const { interval } = run;
      log.note(crash());
      log.summarize(run);
      return interval / 1_000;
    });
    expect(intervals).to.deep.equal([10, 20, 40, 80, 160, 320, 600, 600]);
  });

  it('tells a kind whole again that stayed away for an interval', () => {
    const log = new CrashLog();
    const run = log.note(crash())!;
    log.note(crash());
    expect(log.summarize(run)).to.be.a('string');
    expect(log.summarize(run)).to.equal(undefined);
    expect(log.note(crash())).to.not.equal(undefined);
  });

  it('tells what was not told yet at its end', () => {
    const log = new CrashLog();
    log.note(crash());
    log.note(crash({ reason: 'another' }));
    log.note(crash({ title: 'worker 3' }));
    expect(log.end()).to.deep.equal(['worker 3 ended 1 more time: Error: no database']);
    expect(log.end()).to.deep.equal([]);
  });

  it('remembers a hundred kinds, and tells each crash of a further kind whole', () => {
    const log = new CrashLog();
    const word = (index: number): string => String.fromCharCode(0x4e00 + index);
    for (let index = 0; index < 101; index++) log.note(crash({ reason: word(index) }));
    expect(log.note(crash({ reason: word(99) }))).to.equal(undefined);
    expect(log.note(crash({ reason: word(100) }))).to.not.equal(undefined);
  });

  it('takes texts that differ only beyond 16384 characters for one', () => {
    const log = new CrashLog();
    const reason = (same: number, end: string): string => `${'n'.repeat(same)}${end}`;
    expect(log.note(crash({ reason: reason(16_383, 'x') }))).to.not.equal(undefined);
    expect(log.note(crash({ reason: reason(16_383, 'y') }))).to.not.equal(undefined);
    expect(log.note(crash({ reason: reason(16_384, 'x') }))).to.not.equal(undefined);
    expect(log.note(crash({ reason: reason(16_384, 'y') }))).to.equal(undefined);
  });

  it('does not keep its process busy with a text that is nothing but digits', () => {
    const log = new CrashLog();
    const begun = performance.now();
    log.note(crash({ reason: `${'1'.repeat(50_000)}z` }));
    expect(performance.now() - begun).to.be.below(1_000);
  });
});
