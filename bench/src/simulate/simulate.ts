/**
 * The simulation benchmark: how many simulated servers boot and stop in a
 * second, and how many messages go through one, on one thread of JavaScript.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { measure, summarize, type Turn } from './measure.js';
import { readOptions, usage } from './options.js';
import { goalLines, resultLines } from './report.js';

/** Unmeasured time of each row before the first round, in ms. */
const WARM_UP_MS = 1000;

/** Exit code 0 also when a goal is missed: the figures are the result. */
export async function simulate(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (options === undefined) {
    console.log(usage);
    return 0;
  }
  const { seconds, rounds, rows } = options;
  const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, Node ${process.versions.node}`;
  console.log(`${machine}; ${rounds} rounds of ${seconds} s for each row, in turns; medians\n`);
  for (const { name, about } of rows) console.log(`${name}: ${about}`);

  const turns = await measure(rows, { rounds, duration: seconds * 1000, warmUp: WARM_UP_MS }, showProgress);
  clearProgress();
  const summaries = summarize(rows, turns);
  console.log();
  for (const line of resultLines(summaries)) console.log(line);
  const verdicts = goalLines(rows, summaries);
  if (verdicts.length > 0) console.log('\nGoals');
  for (const line of verdicts) console.log(line);
  if (options.json !== undefined) {
    const report = { machine, rounds, seconds, turns, medians: summaries };
    writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  return 0;
}

function showProgress({ row, round, perSecond }: Turn): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[Kround ${round}: ${row} ${Math.round(perSecond)}/s`);
}

function clearProgress(): void {
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
}
