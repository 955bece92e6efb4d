/**
 * How long a few well-behaved clients wait for their answers: alone, while hostile
 * ones besiege a neighbour, which is plain node:net, and while they besiege the same
 * server. What the neighbour's siege costs, the machine takes: hostile clients want
 * processors themselves, and there may be two for all of them.
 */
import { parseArgs } from 'node:util';
import { contestants, PLAIN, RunningContestant } from '../echo/contestants.js';
import { positive, wholePositive } from '../harness/arguments.js';
import { Program } from '../harness/program.js';
import { median, quantile } from '../harness/statistics.js';
import { tableLines } from '../harness/table.js';
import { Friends } from './friend.js';

const FRIENDS = 10;
const EVERY_MS = 5;
const GOAL = 2;

/** Who is besieged while the well-behaved clients are measured. */
type Siege = 'alone' | 'neighbour' | 'itself';

const words: Readonly<Record<Siege, string>> = {
  alone: 'nobody besieged',
  neighbour: 'a neighbour besieged',
  itself: 'besieged',
};

const plain = contestants.find(({ name }) => name === PLAIN)!;

const usage = `Usage: npm run bench -- hostile [options]

  --seconds <n>       measured time of each turn, default 3
  --rounds <n>        turns alone and turns besieged, default 3
  --connections <n>   that are opened and dropped each second, default 300
  --packets <n>       of garbage each second, default 20000
  --help`;

export async function hostile(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '3' },
      connections: { type: 'string', default: '300' },
      packets: { type: 'string', default: '20000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const duration = positive('seconds', values.seconds) * 1_000;
  const rounds = wholePositive('rounds', values.rounds);
  const rates = [values.connections, values.packets];
  const rows = [['', '', 'p50', 'p99', 'p99 / alone', 'p99 / neighbour']];
  let worst = 0;
  const neighbour = await RunningContestant.start(plain, false);
  for (const contestant of contestants) {
    // Plain node:net has no framing to be besieged.
    if (contestant === plain) continue;
    const server = await RunningContestant.start(contestant, true);
    const turns: Record<Siege, (readonly number[])[]> = { alone: [], neighbour: [], itself: [] };
    try {
      const friends = await Friends.connect(server.port, FRIENDS);
      await friends.measure(duration, EVERY_MS);
      for (let round = 0; round < rounds; round++) {
        turns.alone.push(await friends.measure(duration, EVERY_MS));
        for (const besieged of ['neighbour', 'itself'] as const) {
          const { port } = besieged === 'itself' ? server : neighbour;
          const vandals = new Program('the vandals', new URL('./vandals.js', import.meta.url), [
            String(port),
            ...rates,
          ]);
          await vandals.next('beginning', 10_000, (message) => (message as { began?: boolean }).began);
          turns[besieged].push(await friends.measure(duration, EVERY_MS));
          await vandals.leave();
        }
      }
      friends.leave();
    } finally {
      await server.leave();
    }
    const at = (part: number, siege: Siege): number =>
      median(turns[siege].map((turn) => quantile(turn, part)));
    worst = Math.max(worst, at(0.99, 'itself') / at(0.99, 'alone'));
    for (const siege of ['alone', 'neighbour', 'itself'] as const) {
      rows.push([
        contestant.name,
        words[siege],
        `${at(0.5, siege).toFixed(2)} ms`,
        `${at(0.99, siege).toFixed(2)} ms`,
        (at(0.99, siege) / at(0.99, 'alone')).toFixed(2),
        (at(0.99, siege) / at(0.99, 'neighbour')).toFixed(2),
      ]);
    }
  }
  await neighbour.leave();
  for (const line of tableLines(rows)) console.log(line);
  console.log(`\ngoal: p99 at most ${GOAL} times as long: ${worst <= GOAL ? 'met' : 'missed'}`);
  return 0;
}
