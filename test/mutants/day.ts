/**
 * Explores one place after the other until something is found, in a process of
 * its own, and writes what came of it as one line of JSON: `RUNS` and
 * `EXPLORATION` in the environment are the number of runs of each and the seed
 * they are drawn from. With `PLACE` it explores that one alone.
 */
import { ExplorationError, explore } from '@shoal/testing';
import { places } from './places.js';

const runs = Number(process.env['RUNS'] ?? 200);
const seed = Number(process.env['EXPLORATION'] ?? 1);
const place = process.env['PLACE'] || undefined;
const open = place === undefined ? Object.values(places) : [places[place]!];

try {
  let played = 0;
  for (const [App, scenario, options] of open.flat()) {
    const report = await explore(App, scenario, { runs, seed, ...options });
    played += report.runs;
  }
  console.log(JSON.stringify({ found: false, runs: played }));
} catch (error) {
  if (!(error instanceof ExplorationError)) throw error;
  const { run, seed, message } = error;
  console.log(JSON.stringify({ found: true, run, seed, message }));
}
