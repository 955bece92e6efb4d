import { expect } from 'chai';
import type { TimerSpec } from '@shoal/core/internal/definition';
import type { KernelFact } from '@shoal/core/internal/events/facts';
import { bind } from '@shoal/core/internal/events/handler-table';
import { Invoker } from '@shoal/core/internal/events/invoke';
import { DeclaredTimers } from '@shoal/core/internal/timers/declared-timers';
import { Timers } from '@shoal/core/internal/timers/timers';
import { keptLog } from './log-lines.js';
import { ManualClock, promiseJobs } from './pipe/manual-clock.js';

type Run = () => unknown;

/** Timers of one process, with what the manager hears of them and what a trace has of the holder. */
class Process {
  readonly clock = new ManualClock();
  readonly heard: string[] = [];
  readonly facts: string[] = [];
  readonly timers: Timers;
  readonly declared: DeclaredTimers;

  constructor(...specs: readonly TimerSpec[]) {
    const observe = (fact: KernelFact): void => {
      if (fact.kind === 'holds') this.facts.push(`holds ${fact.timers.join(' ')}`);
      if (fact.kind === 'releases') this.facts.push('releases');
    };
    this.timers = new Timers(this.clock, new Invoker(keptLog().logger, observe));
    this.declared = new DeclaredTimers(this.timers, (spec) => bind(spec, undefined), observe);
    this.declared.start(specs);
  }

  hold(...ran: readonly string[]): void {
    this.declared.hold(ran, {
      ran: (timer) => this.heard.push(`ran ${timer}`),
      released: () => this.heard.push('released'),
    });
  }
}

function timer(run: Run, rest: Partial<TimerSpec> = {}): TimerSpec {
  return { interval: 10, label: 'Chat.beat', target: { kind: 'function', run }, ...rest };
}

/** Counts its runs; each is pending until it is ended. */
function slow(): { readonly run: Run; runs: number; end: (error?: Error) => void } {
  const it = {
    runs: 0,
    end: (_error?: Error): void => {},
    run: () => {
      it.runs++;
      return new Promise<void>((resolve, reject) => {
        it.end = (error) => (error === undefined ? resolve() : reject(error));
      });
    },
  };
  return it;
}

describe('DeclaredTimers', () => {
  it('run again and again, or once, from the start of the process on', () => {
    const runs: string[] = [];
    const it = new Process(
      timer(() => runs.push('tick')),
      timer(() => runs.push('after'), { once: true, on: 'task' }),
    );
    it.clock.advance(35);
    expect(runs).to.deep.equal(['tick', 'after', 'tick', 'tick']);
    expect(it.declared.mayHold).to.equal(false);
  });

  it('end with the process: no run begins, and what ran once is none that has to be cleared', () => {
    let runs = 0;
    const it = new Process(
      timer(() => runs++),
      timer(() => runs++, { interval: 20, once: true }),
    );
    const other = it.timers.after(50, () => {});
    it.declared.end();
    it.declared.end();
    it.clock.advance(100);
    expect(runs).to.equal(0);
    expect(it.timers.clear(other)).to.equal(false);
    expect(it.heard).to.deep.equal([]);
  });

  it('of one worker run in the holder only, and are released when it ends', () => {
    let runs = 0;
    const it = new Process(timer(() => runs++, { on: 'one' }));
    expect(it.declared.mayHold).to.equal(true);
    it.clock.advance(100);
    expect(runs).to.equal(0);
    it.hold();
    it.clock.advance(25);
    expect(runs).to.equal(2);
    it.declared.end();
    it.clock.advance(100);
    expect(runs).to.equal(2);
    expect(it.heard).to.deep.equal(['released']);
    expect(it.facts).to.deep.equal(['holds 1', 'releases']);
  });

  for (const [how, error] of [['settles'], ['fails', new Error('no')]] as const)
    it(`are not released before the last pending run ${how}`, async () => {
      const [one, two] = [slow(), slow()];
      const it = new Process(timer(one.run, { on: 'one' }), timer(two.run, { on: 'one' }));
      it.hold();
      it.clock.advance(10);
      it.declared.end();
      one.end(error);
      await promiseJobs();
      expect(it.heard).to.deep.equal([]);
      two.end(error);
      await promiseJobs();
      expect(it.heard).to.deep.equal(['released']);
      it.clock.advance(100);
      expect([one.runs, two.runs]).to.deep.equal([1, 1]);
    });

  it('are released at once by a process that was named while it began to leave', () => {
    const it = new Process(timer(() => expect.fail('it runs'), { on: 'one' }));
    it.declared.end();
    expect(it.heard).to.deep.equal([]);
    it.hold();
    it.clock.advance(100);
    expect(it.heard).to.deep.equal(['released']);
    expect(it.facts).to.deep.equal([]);
  });

  it('that run once in one worker tell that they have when they have settled, and not before', async () => {
    const once = slow();
    const it = new Process(timer(once.run, { on: 'one', once: true }));
    it.hold();
    it.clock.advance(10);
    await promiseJobs();
    expect([once.runs, it.heard]).to.deep.equal([1, []]);
    once.end(new Error('a failure is an end too'));
    await promiseJobs();
    expect(it.heard).to.deep.equal(['ran Chat.beat after 10 ms']);
  });

  it('that have run in an earlier holder do not again; another one of the same method does', () => {
    const runs: number[] = [];
    const it = new Process(
      timer(() => runs.push(10), { on: 'one', once: true }),
      timer(() => runs.push(20), { on: 'one', once: true, interval: 20 }),
    );
    it.hold('Chat.beat after 10 ms');
    it.clock.advance(100);
    expect(runs).to.deep.equal([20]);
    expect(it.heard).to.deep.equal(['ran Chat.beat after 20 ms']);
  });
});
