import type { ReactorCounters, ServerStats, WorkerCounters } from './messages.js';

/** Adds the counters of all owners of sockets and of all workers. */
export function addStats(
  reactors: readonly ReactorCounters[],
  workers: readonly WorkerCounters[],
): ServerStats {
  const owners = [...reactors, ...workers.flatMap((worker) => worker.sockets ?? [])];
  const sum = (field: Exclude<keyof ReactorCounters, 'refused'>): number => {
    return owners.reduce((total, counters) => total + counters[field], 0);
  };
  const refused: Record<string, number> = {};
  for (const counters of owners) {
    for (const [reason, count] of Object.entries(counters.refused))
      refused[reason] = (refused[reason] ?? 0) + count;
  }
  return {
    connections: sum('connections'),
    acceptedConnections: sum('acceptedConnections'),
    closedConnections: sum('closedConnections'),
    acceptedPackets: sum('acceptedPackets'),
    handledPackets: sum('handledPackets'),
    redeliveredPackets: sum('redeliveredPackets'),
    outstandingPackets: sum('outstandingPackets'),
    refused,
    failedHandlers: workers.reduce((total, worker) => total + worker.failedHandlers, 0),
  };
}
