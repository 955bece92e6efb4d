/** What processes have counted since their start, as they tell each other: `stats.ts` makes one answer of it. */
import type { Ledger } from './ledger.js';
import type { TaskCounts } from './queued-tasks.js';
import type { TaskCounters } from './task-counters.js';

/** What one owner of sockets has counted since its start. */
export interface ReactorCounters {
  connections: number;
  acceptedConnections: number;
  closedConnections: number;
  acceptedPackets: number;
  handledPackets: number;
  redeliveredPackets: number;
  /** Pinned connections that were closed because their worker was lost, or had to go. */
  pinnedLost: number;
  /** Answers of a dispatch module that were none. */
  failedDispatches: number;
  outstandingPackets: number;
  /** By `CloseReason`: closed connections. */
  closedBy: Record<string, number>;
  refused: Record<string, number>;
  ledger: Ledger;
  /** By worker id: the connections that it serves, in sticky dispatch modes. */
  connectionsOfWorkers: readonly number[];
}

/** What one process of a server has counted since its start. */
export interface WorkerCounters {
  failedHandlers: number;
  tasks: TaskCounters;
  /** Sends that did not fit and were not sent to the owner of the socket, by OUTPUT_REFUSED and OUTPUT_DROPPED. */
  refused?: Readonly<Record<string, number>>;
  /** Of the process that has the queue. */
  queue?: TaskCounts;
  /** base mode: the counters of the sockets that it owns. */
  sockets?: ReactorCounters;
}
