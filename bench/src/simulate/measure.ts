/** Lets the rows take turns in this process, on its one thread of JavaScript. */
import { availableParallelism } from 'node:os';
import { cpuOfMachine } from '../harness/process-tree.js';
import { median } from '../harness/statistics.js';
import type { Row } from './rows.js';

/** One row, one turn. */
export interface Turn {
  readonly row: string;
  readonly round: number;
  /** Boots or messages. */
  readonly perSecond: number;
  /** Processor time of this process for each, in µs. */
  readonly cpu: number;
  /** Events of the simulation for each. */
  readonly events: number;
  /** What other programs and other machines used meanwhile, as a part of the whole machine; NaN where it is not known. */
  readonly others: number;
}

export interface MeasureOptions {
  readonly rounds: number;
  /** Measured time of a turn, in ms. */
  readonly duration: number;
  /** Unmeasured time of each row before the first round, in ms. */
  readonly warmUp: number;
}

/** All turns, round by round. */
export async function measure(
  rows: readonly Row[],
  { rounds, duration, warmUp }: MeasureOptions,
  progress: (turn: Turn) => void,
): Promise<Turn[]> {
  const turns: Turn[] = [];
  for (const row of rows) await row.run(warmUp);
  for (let round = 1; round <= rounds; round++) {
    for (const row of rows) {
      const turn = await measureTurn(row, round, duration);
      turns.push(turn);
      progress(turn);
    }
  }
  return turns;
}

async function measureTurn(row: Row, round: number, duration: number): Promise<Turn> {
  const before = sample();
  const { count, elapsed, cpu, events } = await row.run(duration);
  const after = sample();
  const strange = after.machine - before.machine - (after.own - before.own);
  const whole = (after.at - before.at) * 1000 * availableParallelism();
  return {
    row: row.name,
    round,
    perSecond: (count / elapsed) * 1000,
    cpu: cpu / count,
    events: events / count,
    others: Math.max(0, strange / whole),
  };
}

function sample(): { at: number; own: number; machine: number } {
  const { user, system } = process.cpuUsage();
  const machine = process.platform === 'linux' ? cpuOfMachine() : Number.NaN;
  return { at: performance.now(), own: user + system, machine };
}

export type Summary = Omit<Turn, 'round'>;

/** Medians over the rounds, in the order of the rows. */
export function summarize(rows: readonly Row[], turns: readonly Turn[]): Summary[] {
  return rows.map(({ name }) => {
    const own = turns.filter(({ row }) => row === name);
    const middle = (field: Exclude<keyof Summary, 'row'>): number => median(own.map((turn) => turn[field]));
    return {
      row: name,
      perSecond: middle('perSecond'),
      cpu: middle('cpu'),
      events: middle('events'),
      others: middle('others'),
    };
  });
}
