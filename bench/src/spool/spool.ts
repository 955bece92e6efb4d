/** Whether large payloads of tasks travel better by the pipe or through a file: `npm run bench -- spool`. */
import { parseArgs } from 'node:util';
import { chosen, positive, wholePositive } from '../harness/arguments.js';
import { median } from '../harness/statistics.js';
import { tableLines } from '../harness/table.js';
import { measure, type Figures } from './measure.js';

const KiB = 1024;
const MiB = 1024 * KiB;
// A byte more than each, because a payload of exactly the bound has no file.
const sizes = [
  { name: '64KiB', size: 64 * KiB + 1 },
  { name: '256KiB', size: 256 * KiB },
  { name: '512KiB', size: 512 * KiB },
  { name: '1MiB', size: MiB },
  { name: '4MiB', size: 4 * MiB },
  { name: '16MiB', size: 16 * MiB },
  { name: '64MiB', size: 64 * MiB },
];

const usage = `npm run bench -- spool [--rounds 3] [--seconds 1.5] [--in-flight 4] [--only 64KiB,1MiB] [--directory <for files>]`;

export async function spool(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '1.5' },
      'in-flight': { type: 'string', default: '4' },
      only: { type: 'string' },
      directory: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const rounds = wholePositive('rounds', values.rounds);
  const seconds = positive('seconds', values.seconds);
  const inFlight = wholePositive('in-flight', values['in-flight']);
  const rows = [['size', 'way', 'tasks/s', 'MiB/s', 'CPU µs/task', 'worker MiB', 'task worker MiB']];
  for (const { name, size } of chosen(values.only, sizes, 'size')) {
    const figures: Record<'pipe' | 'file', Figures[]> = { pipe: [], file: [] };
    for (let round = 0; round < rounds; round++) {
      for (const way of ['pipe', 'file'] as const)
        figures[way].push(await measure(way, { size, seconds, inFlight, directory: values.directory }));
    }
    for (const way of ['pipe', 'file'] as const) rows.push(rowOf(name, size, way, figures[way]));
    console.error(`${name} is measured`);
  }
  for (const line of tableLines(rows)) console.log(line);
  return 0;
}

function rowOf(name: string, size: number, way: string, all: readonly Figures[]): string[] {
  const middle = (pick: (figures: Figures) => number): number => median(all.map(pick));
  const perSecond = middle((each) => each.perSecond);
  return [
    name,
    way,
    perSecond.toFixed(perSecond < 100 ? 1 : 0),
    ((perSecond * size) / MiB).toFixed(0),
    middle((each) => each.cpu).toFixed(0),
    (middle((each) => each.workerRss) / MiB).toFixed(0),
    (middle((each) => each.taskWorkerRss) / MiB).toFixed(0),
  ];
}
