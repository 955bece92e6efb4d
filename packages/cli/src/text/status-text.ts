/** A status for people: pure functions of what the server answered. */
import { group } from '@shoal/core/internal/config/reader';
import type { ProcessStatus, ServerStatus } from '@shoal/core/internal/pipe/questions';
import { endpointText } from '@shoal/core/internal/topology/endpoint-text';
import { durationText, memoryText, oneLine, rateText } from './amounts.js';
import { table, type Column } from './table.js';

export interface Line {
  readonly text: string;
  readonly title: boolean;
}

/** Events of connections in a second, by process; absent for one that has just appeared. */
export type Rates = ReadonlyMap<number, number>;

const roles: Readonly<Record<ProcessStatus['role'], string>> = {
  master: 'master',
  manager: 'manager',
  worker: 'worker',
  taskWorker: 'task worker',
  userProcess: 'process',
  queue: 'queue',
  spare: 'spare',
};

const columns: readonly Column[] = [
  { title: 'process', align: 'left' },
  { title: 'pid', align: 'right' },
  { title: 'state', align: 'left' },
  { title: 'gen', align: 'right' },
  { title: 'uptime', align: 'right' },
  { title: 'conns', align: 'right' },
  { title: 'req/s', align: 'right' },
  { title: 'in flight', align: 'right' },
  { title: 'lag p99', align: 'right' },
  { title: 'memory', align: 'right' },
  { title: 'restarts', align: 'right' },
  { title: 'last crash', align: 'left' },
];

/** Why connections are closed before anybody hears of them. */
const atTheDoor = ['CONNECTION_LIMIT', 'ADDRESS_LIMIT', 'CONNECT_RATE'];

/** `now` is ms since the epoch. `rates` take the place of those that the server averaged. */
export function statusLines(status: ServerStatus, now: number, rates?: Rates): Line[] {
  const { name, mode, state, generation, uptime, masterPid, stats, listeners, processes } = status;
  const perSecond = processes.reduce((sum, process) => sum + (rateOf(process, rates) ?? 0), 0);
  const turnedAway = atTheDoor.reduce((sum, reason) => sum + (stats.refused[reason] ?? 0), 0);
  const refused = Object.values(stats.refused).reduce((sum, count) => sum + count, 0) - turnedAway;
  const plain = (text: string): Line => ({ text: text.trimEnd(), title: false });
  const [head = '', ...rows] = table(
    columns,
    processes.map((process) => cells(process, now, rates)),
  );
  return [
    {
      text: `${oneLine(name)} is ${state}: ${mode} mode, generation ${generation}, up ${durationText(uptime)}, pid ${masterPid}`,
      title: true,
    },
    ...listeners.map(({ name: listener, ...endpoint }) => {
      return plain(`listener ${oneLine(listener)} on ${endpointText(endpoint)}`);
    }),
    plain(
      `connections ${group(stats.connections)}${turnedAway > 0 ? ` (${group(turnedAway)} turned away)` : ''}, requests/s ${rateText(perSecond)}, in flight ${group(stats.outstandingPackets)}`,
    ),
    plain(
      `packets ${group(stats.acceptedPackets)} accepted, ${group(stats.handledPackets)} handled, ` +
        `${group(stats.redeliveredPackets)} redelivered, ${group(refused)} refused; ` +
        `${group(stats.failedHandlers)} handlers failed` +
        (stats.failedDispatches > 0 ? `, ${group(stats.failedDispatches)} dispatches failed` : ''),
    ),
    plain(''),
    { text: head, title: true },
    ...rows.map(plain),
  ];
}

/** Events that each process settled between the two, for a second; by pid, which a successor does not share. */
export function ratesBetween(before: ServerStatus, after: ServerStatus): Rates {
  const seconds = (after.startedAt + after.uptime - before.startedAt - before.uptime) / 1_000;
  if (seconds <= 0) return new Map();
  const former = new Map(before.processes.map(({ pid, requests }) => [pid, requests]));
  return new Map(
    after.processes.flatMap(({ pid, requests }) => {
      const base = former.get(pid);
      return base === undefined || pid === 0 ? [] : [[pid, Math.max(0, requests - base) / seconds] as const];
    }),
  );
}

function rateOf(process: ProcessStatus, rates: Rates | undefined): number | undefined {
  return rates === undefined ? process.requestsPerSecond : rates.get(process.pid);
}

function cells(process: ProcessStatus, now: number, rates: Rates | undefined): string[] {
  const { role, pid, state, generation, uptime, connections, inFlight, loopLagP99, rss, restarts } = process;
  const serves = role === 'worker';
  const rate = rateOf(process, rates);
  return [
    titleOf(process),
    pid === 0 ? '-' : String(pid),
    state,
    String(generation),
    uptime === 0 ? '-' : durationText(uptime),
    serves ? String(connections) : '-',
    serves && rate !== undefined ? rateText(rate) : '-',
    serves ? String(inFlight) : '-',
    loopLagP99 === null ? '-' : `${loopLagP99 < 10 ? loopLagP99.toFixed(1) : Math.round(loopLagP99)}ms`,
    rss === 0 ? '-' : memoryText(rss),
    String(restarts),
    crashText(process, now),
  ];
}

/** A user process is known by its name, and addressed by its id as well. */
function titleOf({ role, name, workerId }: ProcessStatus): string {
  if (workerId < 0) return roles[role];
  return name === undefined ? `${roles[role]} ${workerId}` : `${roles[role]} ${oneLine(name)} (${workerId})`;
}

function crashText({ lastCrash }: ProcessStatus, now: number): string {
  if (lastCrash === null) return '';
  return `${durationText(Math.max(0, now - lastCrash.at))} ago: ${oneLine(lastCrash.reason)}`;
}
