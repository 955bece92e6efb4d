/** How long a few well-behaved clients wait for their answers, alone and among hostile ones. */
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
  const rows = [['', 'p50 alone', 'p50 besieged', 'p99 alone', 'p99 besieged', 'ratio']];
  let worst = 0;
  for (const contestant of contestants) {
    // Plain node:net has no framing to be besieged.
    if (contestant.name === PLAIN) continue;
    const server = await RunningContestant.start(contestant, true);
    const alone: (readonly number[])[] = [];
    const besieged: (readonly number[])[] = [];
    try {
      const friends = await Friends.connect(server.port, FRIENDS);
      await friends.measure(duration, EVERY_MS);
      for (let round = 0; round < rounds; round++) {
        alone.push(await friends.measure(duration, EVERY_MS));
        const vandals = new Program('the vandals', new URL('./vandals.js', import.meta.url), [
          String(server.port),
          ...rates,
        ]);
        await vandals.next('beginning', 10_000, (message) => (message as { began?: boolean }).began);
        besieged.push(await friends.measure(duration, EVERY_MS));
        await vandals.leave();
      }
      friends.leave();
    } finally {
      await server.leave();
    }
    const at = (part: number, turns: typeof alone): number =>
      median(turns.map((turn) => quantile(turn, part)));
    const ratio = at(0.99, besieged) / at(0.99, alone);
    worst = Math.max(worst, ratio);
    const times = [at(0.5, alone), at(0.5, besieged), at(0.99, alone), at(0.99, besieged)];
    rows.push([contestant.name, ...times.map((ms) => `${ms.toFixed(2)} ms`), ratio.toFixed(2)]);
  }
  for (const line of tableLines(rows)) console.log(line);
  console.log(`\ngoal: p99 at most ${GOAL} times as long: ${worst <= GOAL ? 'met' : 'missed'}`);
  return 0;
}
