/**
 * Explores the office in a process of its own, then the watch if nothing was
 * found, and writes what came of it as one line of JSON: `RUNS` and
 * `EXPLORATION` in the environment are the number of runs of each and the seed
 * they are drawn from.
 */
import { ExplorationError, explore } from '@shoal/testing';
import { Office } from './office.js';
import { rounds } from './rounds.js';
import { visits } from './visits.js';
import { WatchApp } from './watch.js';

const runs = Number(process.env['RUNS'] ?? 200);
const seed = Number(process.env['EXPLORATION'] ?? 1);

try {
  // Large sends take several trips, and a worker may be back before the last words of the dead one have come.
  const world = { kernelBuffer: 32 * 1024, spawnDelay: [2, 50] } as const;
  await explore(Office, visits, { runs, seed, ...world });
  // Retirements are where a watch changes hands, and a day has few.
  const faults = { reloads: 2, stops: 3 };
  const report = await explore(WatchApp, rounds, { runs, seed, faults, ...world });
  console.log(JSON.stringify({ ...report, found: false }));
} catch (error) {
  if (!(error instanceof ExplorationError)) throw error;
  const { run, seed, message } = error;
  console.log(JSON.stringify({ found: true, run, seed, message }));
}
