import { addLedgers } from './ledger.js';
import type { ReactorCounters, WorkerCounters } from './counters.js';
import type { ServerStats } from './server-stats.js';
import type { TaskCounts } from './queued-tasks.js';
import { noTasks, type TaskCounters } from './task-counters.js';

type CountField = Exclude<keyof ReactorCounters, 'closedBy' | 'refused' | 'ledger' | 'connectionsOfWorkers'>;

/** Adds the counters of all owners of sockets and of all processes. */
export function addStats(
  reactors: readonly ReactorCounters[],
  workers: readonly WorkerCounters[],
): ServerStats {
  const owners = [...reactors, ...workers.flatMap((worker) => worker.sockets ?? [])];
  const { connectionsOfWorkers: _, ledger, ...counters } = addOwners(owners);
  const refused = addCounts([counters.refused, ...workers.map((worker) => worker.refused ?? {})]);
  return {
    ...counters,
    refused,
    failedHandlers: workers.reduce((total, worker) => total + worker.failedHandlers, 0),
    tasks: { ...addTasks(workers.map(({ tasks }) => tasks)), ...queueOf(workers) },
    ledger: { ...ledger, outstanding: counters.outstandingPackets },
  };
}

/** There is one at most. */
function queueOf(workers: readonly WorkerCounters[]): { readonly queue?: TaskCounts } {
  const queue = workers.find((worker) => worker.queue !== undefined)?.queue;
  return queue === undefined ? {} : { queue };
}

/**
 * What remains of the counters of a process that is gone. What it held when it
 * was killed is lost in base mode, where the sockets die with it; of what it
 * took after it was last heard nobody knows.
 */
export function ofTheDead(last: { readonly of: WorkerCounters } | undefined): WorkerCounters | undefined {
  if (last === undefined) return undefined;
  const { sockets, queue: _, ...rest } = last.of;
  const tasks = tasksOfTheDead(last.of.tasks);
  if (sockets === undefined) return { ...rest, tasks };
  const { outstandingPackets: lost, connections, closedBy, refused, ledger } = sockets;
  const plus = (counts: Record<string, number>): Record<string, number> => more(counts, 'WORKER_LOST', lost);
  return {
    ...rest,
    tasks,
    sockets: {
      ...sockets,
      connections: 0,
      closedConnections: sockets.acceptedConnections,
      outstandingPackets: 0,
      closedBy: more(closedBy, 'workerLost', connections),
      refused: plus(refused),
      ledger: { ...ledger, refused: plus(ledger.refused) },
      connectionsOfWorkers: [],
    },
  };
}

function more(counts: Record<string, number>, name: string, by: number): Record<string, number> {
  return by === 0 ? counts : { ...counts, [name]: (counts[name] ?? 0) + by };
}

/** The counters of two processes as if they were one. */
export function addCounters(a: WorkerCounters | undefined, b: WorkerCounters): WorkerCounters;
export function addCounters(
  a: WorkerCounters | undefined,
  b: WorkerCounters | undefined,
): WorkerCounters | undefined;
export function addCounters(
  a: WorkerCounters | undefined,
  b: WorkerCounters | undefined,
): WorkerCounters | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const owners = [a.sockets, b.sockets].filter((sockets) => sockets !== undefined);
  return {
    failedHandlers: a.failedHandlers + b.failedHandlers,
    tasks: addTasks([a.tasks, b.tasks]),
    ...((a.refused ?? b.refused) && { refused: addCounts([a.refused ?? {}, b.refused ?? {}]) }),
    ...(owners.length > 0 && { sockets: addOwners(owners) }),
    ...queueOf([a, b]),
  };
}

/** Whoever waited for them is gone; those that a task worker had are done nevertheless. */
function tasksOfTheDead(tasks: TaskCounters): TaskCounters {
  const { outstanding, lostWithPoster } = tasks;
  return { ...tasks, outstanding: 0, lostWithPoster: lostWithPoster + outstanding };
}

function addTasks(all: readonly TaskCounters[]): TaskCounters {
  const total: TaskCounters = { ...noTasks };
  for (const counters of all) {
    for (const field of Object.keys(noTasks) as (keyof TaskCounters)[]) total[field] += counters[field];
  }
  return total;
}

function addCounts(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const counts of all)
    for (const [reason, count] of Object.entries(counts)) total[reason] = (total[reason] ?? 0) + count;
  return total;
}

function addOwners(owners: readonly ReactorCounters[]): ReactorCounters {
  const sum = (field: CountField): number => owners.reduce((total, counters) => total + counters[field], 0);
  return {
    connections: sum('connections'),
    acceptedConnections: sum('acceptedConnections'),
    closedConnections: sum('closedConnections'),
    acceptedPackets: sum('acceptedPackets'),
    handledPackets: sum('handledPackets'),
    redeliveredPackets: sum('redeliveredPackets'),
    pinnedLost: sum('pinnedLost'),
    failedDispatches: sum('failedDispatches'),
    outstandingPackets: sum('outstandingPackets'),
    closedBy: addNamed(owners.map(({ closedBy }) => closedBy)),
    refused: addNamed(owners.map(({ refused }) => refused)),
    ledger: addLedgers(owners.map(({ ledger }) => ledger)),
    connectionsOfWorkers: [],
  };
}

function addNamed(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const counts of all)
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  return total;
}
