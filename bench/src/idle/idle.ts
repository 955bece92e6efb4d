/** What an idle connection costs in memory: `npm run bench -- idle`. */
import { parseArgs } from 'node:util';
import { wholePositive } from '../harness/arguments.js';
import { median } from '../harness/statistics.js';
import { tableLines } from '../harness/table.js';
import { measure, type Figures } from './measure.js';

const modes = ['plain', 'base', 'process'] as const;

const usage = `npm run bench -- idle [--connections 10000] [--rounds 3]

Needs as many file descriptors in each of two processes: ulimit -n.`;

export async function idle(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      connections: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '3' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const connections = wholePositive('connections', values.connections);
  const rounds = wholePositive('rounds', values.rounds);
  const all: Record<(typeof modes)[number], Figures[]> = { plain: [], base: [], process: [] };
  for (let round = 0; round < rounds; round++) {
    for (const mode of modes) all[mode].push(await measure(mode, connections));
    console.error(`round ${round + 1} of ${rounds} is measured`);
  }
  const middle = (mode: (typeof modes)[number], pick: (figures: Figures) => number): number =>
    median(all[mode].map(pick));
  const plain = middle('plain', ({ rss }) => rss);
  const rows = [['bytes a connection', 'resident', 'of plain', 'heap', 'other processes']];
  for (const mode of modes) {
    const rss = middle(mode, (figures) => figures.rss);
    rows.push([
      mode,
      rss.toFixed(0),
      `${(rss / plain).toFixed(2)} ×`,
      mode === 'process' ? '-' : middle(mode, ({ heap }) => heap).toFixed(0),
      mode === 'process' ? middle(mode, ({ others }) => others).toFixed(0) : '-',
    ]);
  }
  for (const line of tableLines(rows)) console.log(line);
  return 0;
}
