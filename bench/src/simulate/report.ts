import { tableLines } from '../harness/table.js';
import type { Summary } from './measure.js';
import type { Row } from './rows.js';

const header = ['row', 'per second', 'µs each', 'µs CPU each', 'events each', 'others'];

export function resultLines(summaries: readonly Summary[]): string[] {
  return tableLines([
    header,
    ...summaries.map(({ row, perSecond, cpu, events, others }) => [
      row,
      whole(perSecond),
      figure(1_000_000 / perSecond),
      figure(cpu),
      figure(events),
      Number.isNaN(others) ? '?' : `${Math.round(others * 100)} %`,
    ]),
  ]);
}

/** Above this part of all cores, other programs have taken time from the one core that we want. */
const OTHERS_BOUND = 0.1;

/** By rate, or on a machine that others use by what a second of processor time is enough for. */
export function goalLines(rows: readonly Row[], summaries: readonly Summary[]): string[] {
  return tableLines(
    rows.flatMap(({ name, goal, unit }) => {
      const summary = summaries.find(({ row }) => row === name);
      if (goal === undefined || summary === undefined) return [];
      const byCost = summary.others > OTHERS_BOUND;
      const got = byCost ? 1_000_000 / summary.cpu : summary.perSecond;
      return [
        [
          `${got >= goal ? 'pass' : 'MISS'}  ${name}`,
          `${whole(got)} of ${whole(goal)} ${unit}/s`,
          byCost ? 'by processor time; the machine was busy' : 'by rate',
        ],
      ];
    }),
  );
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** Three digits that count, or all before the point. */
function figure(value: number): string {
  return value >= 100 ? whole(value) : value.toPrecision(3);
}
