import { expect } from 'chai';
import { explore, type SimulatedServer } from '@shoal/testing';
import { DoormanApp } from '../fixtures/apps/clerks.js';
import { AsyncEchoApp, SyncEchoApp } from '../fixtures/apps/echo.js';
import { comeAndGo, scatter, visit } from '../mutants/dispatch.js';
import { played } from './breadth.js';
import { seedOfTheDay } from './day.js';

const seed = seedOfTheDay();
const faults = { reloads: 2, stops: 3 };
const RUNS = 30;

type Mode = 'preemptive' | 'leastInFlight' | 'leastConnections';

/**
 * Two reactors that choose by counts which they share, while workers crash and
 * are replaced. What was asked of the counters at any time is compared with what
 * was seen.
 */
describe(`Dispatch by what reactors count together, explored with the seed of the day ${seed}`, () => {
  for (const dispatchMode of ['preemptive', 'leastInFlight'] as const) {
    holds(
      `when each packet goes by '${dispatchMode}' and is answered later`,
      AsyncEchoApp,
      scatter,
      dispatchMode,
    );
    holds(
      `when each packet goes by '${dispatchMode}' and is answered at once`,
      SyncEchoApp,
      scatter,
      dispatchMode,
    );
    holds(`when connect and close go by '${dispatchMode}' too`, DoormanApp, visit, dispatchMode);
  }
  holds("when connections go by 'leastConnections'", SyncEchoApp, comeAndGo, 'leastConnections');
});

function holds(
  when: string,
  App: new () => object,
  scenario: (server: SimulatedServer) => Promise<void>,
  dispatchMode: Mode,
): void {
  const runs = played(RUNS);
  it(`holds ${when} (${runs} runs)`, async () => {
    const settings = { dispatchMode, reactorNum: 2, bakeTime: 0 };
    const report = await explore(App, scenario, { seed, runs, faults, settings });
    expect(report.interleavings).to.be.above(report.runs / 2);
  });
}
