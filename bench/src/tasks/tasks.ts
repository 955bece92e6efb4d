/**
 * Tasks, and messages between workers, per second: the server, and for tasks
 * piscina with one thread, get the same turns one after the other, so that what
 * else the machine does hits both alike.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chosen, wholePositive } from '../harness/arguments.js';
import { cpuOfTree } from '../harness/process-tree.js';
import { median } from '../harness/statistics.js';
import { tableLines } from '../harness/table.js';
import { durableCases, messageCases, taskCases, type TaskCase } from './cases.js';
import { startDurable, startPiscina, startShoal, type Contestant } from './contestants.js';

interface Figure {
  readonly rate: number;
  /** Processor time for each, in µs, of all processes and threads together. */
  readonly cpu: number;
}

export async function tasks(args: string[]): Promise<number> {
  return run('tasks', args, taskCases, async () => [await startShoal(), await startPiscina()]);
}

/** In a directory below the working one: where temporary files are may be memory. */
export async function durable(args: string[]): Promise<number> {
  const directory = mkdtempSync(join(process.cwd(), '.bench-queue-'));
  try {
    return await run('durable', args, durableCases, async () => startDurable(directory));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function messages(args: string[]): Promise<number> {
  return run('messages', args, messageCases, async () => [await startShoal()]);
}

/** Exit code 0 also when a goal is missed: the figures are the result. */
async function run(
  name: string,
  args: string[],
  known: readonly TaskCase[],
  start: () => Promise<readonly Contestant[]>,
): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      only: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(`Usage: npm run bench -- ${name} [options]

  --rounds <n>    turns of each contestant, a second each, default 5
  --only <names>  of the cases ${known.map((each) => each.name).join(', ')}; a comma between them
  --help`);
    return 0;
  }
  const rounds = wholePositive('rounds', values.rounds);
  const cases = chosen(values.only, known, 'case');
  console.log(
    `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, Node ${process.versions.node}; ${rounds} turns of each, one after the other; medians, and the lowest and highest rate`,
  );
  const contestants = await start();
  try {
    const rows: string[][] = [['case', 'contestant', 'per second', 'range', 'CPU µs', 'ratio', 'goal']];
    for (const each of cases) rows.push(...(await measureCase(each, contestants, rounds)));
    for (const line of tableLines(rows)) console.log(line);
  } finally {
    await Promise.all(contestants.map(async (contestant) => contestant.leave()));
  }
  return 0;
}

async function measureCase(
  { name, turn, goal }: TaskCase,
  contestants: readonly Contestant[],
  rounds: number,
): Promise<string[][]> {
  const figures = new Map<Contestant, Figure[]>(contestants.map((contestant) => [contestant, []]));
  // The first turn of each is not counted: code is compiled in it.
  for (let round = 0; round <= rounds; round++) {
    for (const contestant of contestants) {
      const before = cpuOfTree(contestant.pid);
      const { done, elapsed } = await contestant.play(turn);
      const cpu = (cpuOfTree(contestant.pid) - before) / done;
      if (round > 0) figures.get(contestant)!.push({ rate: (done / elapsed) * 1_000, cpu });
    }
  }
  const [first] = contestants;
  const own = median(figures.get(first!)!.map(({ rate }) => rate));
  return contestants.map((contestant) => {
    const all = figures.get(contestant)!;
    const rates = all.map(({ rate }) => rate);
    const rate = median(rates);
    return [
      name,
      contestant.name,
      thousands(rate),
      `${thousands(Math.min(...rates))}–${thousands(Math.max(...rates))}`,
      median(all.map(({ cpu }) => cpu)).toFixed(2),
      contestant === first ? '' : `${(own / rate).toFixed(1)}×`,
      goal === undefined || contestant !== first
        ? ''
        : `${thousands(goal)} ${rate >= goal ? 'met' : 'missed'}`,
    ];
  });
}

function thousands(rate: number): string {
  return `${(rate / 1_000).toFixed(1)} k`;
}
