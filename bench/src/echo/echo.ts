/**
 * The echo benchmark: process mode, base mode and a plain node:net server get
 * the same load in turns, round by round, so that what else the machine does
 * hits all of them alike.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { contestants } from './contestants.js';
import { judge } from './goals.js';
import { measure, type Turn } from './measure.js';
import { readOptions, usage } from './options.js';
import { caseLines, verdictLines } from './report.js';
import { summarize, type Summary } from './summary.js';

/** Unmeasured time before each turn, in ms. */
const WARM_UP_MS = 500;

/** Exit code 0 also when a goal is missed: the figures are the result. */
export async function echo(args: string[]): Promise<number> {
  if (process.platform !== 'linux') throw new Error('the echo benchmark reads /proc and needs Linux');
  const options = readOptions(args);
  if (options === undefined) {
    console.log(usage);
    return 0;
  }
  const { seconds, rounds } = options;
  const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, Node ${process.versions.node}`;
  console.log(`${machine}; ${rounds} rounds of ${seconds} s for each server, in turns; medians`);

  const turns: Record<string, Turn[]> = {};
  const results = new Map<string, Summary[]>();
  for (const echoCase of options.cases) {
    console.log(`\n${echoCase.name}: ${echoCase.about}`);
    const measured = await measure(
      contestants,
      echoCase,
      { rounds, duration: seconds * 1000, warmUp: WARM_UP_MS },
      showProgress,
    );
    clearProgress();
    const summaries = summarize(measured);
    turns[echoCase.name] = measured;
    results.set(echoCase.name, summaries);
    for (const line of caseLines(summaries)) console.log(line);
  }

  const verdicts = judge(results);
  if (verdicts.length > 0) console.log('\nGoals');
  for (const line of verdictLines(verdicts)) console.log(line);
  if (options.json !== undefined) {
    const report = { machine, rounds, seconds, turns, medians: Object.fromEntries(results), verdicts };
    writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  return 0;
}

function showProgress({ server, round, messagesPerSecond }: Turn): void {
  if (process.stdout.isTTY)
    process.stdout.write(`\r\x1b[Kround ${round}: ${server} ${Math.round(messagesPerSecond)} msg/s`);
}

function clearProgress(): void {
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
}
