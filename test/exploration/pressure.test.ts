import { expect } from 'chai';
import { explore, type ExploreOptions } from '@shoal/testing';
import { PressureApp } from '../fixtures/apps/pressure.js';
import { flood, narrowListeners as listeners } from '../mutants/floods.js';
import { played } from './breadth.js';
import { seedOfTheDay } from './day.js';

const seed = seedOfTheDay();
/** Bounds, whole bytes in order, and marks in turn are checked after each run; the scenario only has to make things happen. */
describe(`What slow clients are promised, explored with the seed of the day ${seed}`, () => {
  for (const mode of ['process', 'base'] as const) {
    holds(`in ${mode} mode`, { settings: { mode, listeners } });
    holds(`when workers are replaced all the time, in ${mode} mode`, {
      settings: { mode, listeners, bakeTime: 0 },
      faults: { reloads: 2, stops: 3 },
    });
  }
});

function holds(when: string, options: Omit<ExploreOptions, 'runs'>): void {
  const runs = played(20);
  it(`holds ${when} (${runs} runs)`, async () => {
    const report = await explore(PressureApp, flood, { seed, runs, kernelBuffer: 4 * 1024, ...options });
    expect(report.interleavings).to.be.above(report.runs / 2);
  });
}
