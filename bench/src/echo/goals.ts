import type { Summary } from './summary.js';
import { PLAIN } from './contestants.js';

export interface Verdict {
  readonly goal: string;
  readonly wanted: number;
  readonly got: number;
  readonly pass: boolean;
  /** What is compared, and what to keep in mind. */
  readonly note: string;
}

interface RatioGoal {
  readonly case: string;
  readonly server: string;
  readonly wanted: number;
}

/** Rates against the plain server under the same load. */
const ratioGoals: readonly RatioGoal[] = [
  { case: '64B', server: 'process', wanted: 0.85 },
  { case: '64B', server: 'base', wanted: 0.95 },
  { case: '16KiB', server: 'process', wanted: 0.6 },
  { case: '16KiB', server: 'base', wanted: 0.95 },
];

/** Framed messages against the plain server's 64 B without framing: 600 k where that does 190 k. */
const FRAMED_WANTED = 3.15;

/** The verdict on every goal whose cases and servers were measured. */
export function judge(results: ReadonlyMap<string, readonly Summary[]>): Verdict[] {
  const find = (name: string, server: string): Summary | undefined => {
    return results.get(name)?.find((summary) => summary.server === server);
  };
  const verdicts: Verdict[] = [];
  for (const { case: name, server, wanted } of ratioGoals) {
    const plain = find(name, PLAIN);
    const own = find(name, server);
    if (plain !== undefined && own !== undefined)
      verdicts.push(judgeRatio(`${name} ${server}`, wanted, plain, own));
  }
  const plain = find('64B', PLAIN);
  const framed = find('framed', 'process');
  if (plain !== undefined && framed !== undefined) {
    const got = framed.messagesPerSecond / plain.messagesPerSecond;
    verdicts.push({
      goal: `framed process against 64B ${PLAIN}`,
      wanted: FRAMED_WANTED,
      got,
      pass: got >= FRAMED_WANTED,
      note: `rate${boundNote(plain, framed)}`,
    });
  }
  return verdicts;
}

/**
 * Rates mean nothing while the client is the limit of both. A server of one
 * process is then judged by what a message costs it. Process mode always costs
 * more than one process, and is judged by what it does with the whole machine.
 */
function judgeRatio(goal: string, wanted: number, plain: Summary, own: Summary): Verdict {
  const byCost = own.server === 'base' && (plain.bound === 'client' || own.bound === 'client');
  const got = byCost ? own.cpuRatio : own.rateRatio;
  return { goal, wanted, got, pass: got >= wanted, note: (byCost ? 'cost' : 'rate') + boundNote(plain, own) };
}

function boundNote(plain: Summary, own: Summary): string {
  return `; bound by: ${PLAIN} ${plain.bound}, ${own.server} ${own.bound}`;
}
