import { tableLines } from '../harness/table.js';
import type { Verdict } from './goals.js';
import type { Summary } from './summary.js';

const header = [
  'server',
  'msg/s',
  'of plain',
  'p50 ms',
  'p99 ms',
  'server µs/msg',
  'cost ×',
  'server CPU',
  'busiest thread',
  'client CPU',
  'others',
  'bound by',
];

export function caseLines(summaries: readonly Summary[]): string[] {
  return tableLines([header, ...summaries.map(cells)]);
}

function cells(summary: Summary): string[] {
  return [
    summary.server,
    Math.round(summary.messagesPerSecond).toLocaleString('en'),
    summary.rateRatio.toFixed(2),
    (summary.p50 / 1000).toFixed(2),
    (summary.p99 / 1000).toFixed(2),
    summary.serverCpu.toFixed(2),
    (1 / summary.cpuRatio).toFixed(2),
    percent(summary.serverLoad),
    percent(summary.busiestThread),
    percent(summary.clientLoad),
    percent(summary.others),
    summary.bound,
  ];
}

export function verdictLines(verdicts: readonly Verdict[]): string[] {
  return tableLines(
    verdicts.map(({ goal, wanted, got, pass, note }) => {
      return [`${pass ? 'pass' : 'MISS'}  ${goal}`, `${got.toFixed(2)} of ${wanted.toFixed(2)}`, note];
    }),
  );
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}
