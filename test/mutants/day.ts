/**
 * Explores the office, then the watch and the workshop if nothing was found, in a
 * process of its own, and writes what came of it as one line of JSON: `RUNS` and
 * `EXPLORATION` in the environment are the number of runs of each and the seed
 * they are drawn from. With `PLACE` it explores that one alone.
 */
import { ExplorationError, explore, type ExploreReport } from '@shoal/testing';
import { Office } from './office.js';
import { orders } from './orders.js';
import { rounds } from './rounds.js';
import { visits } from './visits.js';
import { WatchApp } from './watch.js';
import { Workshop } from './workshop.js';

const runs = Number(process.env['RUNS'] ?? 200);
const seed = Number(process.env['EXPLORATION'] ?? 1);
const place = process.env['PLACE'] || undefined;
const isOpen = (name: 'office' | 'watch' | 'workshop'): boolean => (place ?? name) === name;
// Large sends take several trips, and a worker may be back before the last words of the dead one have come.
const options = { runs, seed, kernelBuffer: 32 * 1024, spawnDelay: [2, 50] } as const;

try {
  let report: ExploreReport | undefined;
  if (isOpen('office')) report = await explore(Office, visits, options);
  // Retirements are where a watch changes hands, and a day has few.
  if (isOpen('watch'))
    report = await explore(WatchApp, rounds, { ...options, faults: { reloads: 2, stops: 3 } });
  // So they are where tasks and messages come back.
  if (isOpen('workshop'))
    report = await explore(Workshop, orders, { ...options, faults: { reloads: 2, stops: 6 } });
  console.log(JSON.stringify({ ...report, found: false }));
} catch (error) {
  if (!(error instanceof ExplorationError)) throw error;
  const { run, seed, message } = error;
  console.log(JSON.stringify({ found: true, run, seed, message }));
}
