import type { Ledger } from './ledger.js';
import type { TaskCounts } from './queued-tasks.js';
import type { TaskCounters } from './task-counters.js';

/** The terms of `Ledger`, and the packets that are not settled. */
export interface LedgerView extends Readonly<Omit<Ledger, 'refused'>> {
  readonly refused: Readonly<Record<string, number>>;
  /** From the live tables. */
  readonly outstanding: number;
}

/** Counters of the whole server since its start. */
export interface ServerStats {
  readonly connections: number;
  readonly acceptedConnections: number;
  readonly closedConnections: number;
  /** Framed packets taken from clients. */
  readonly acceptedPackets: number;
  /** Packets whose handler settled, thrown errors included. */
  readonly handledPackets: number;
  /** Deliveries that followed the death of a worker. */
  readonly redeliveredPackets: number;
  /** Pinned connections that were closed because their worker was lost, or had to go before they ended. */
  readonly pinnedLost: number;
  /** How often a dispatch module has thrown, or answered what it may not, so that `dispatchMode` decided. */
  readonly failedDispatches: number;
  /** Packets taken and not settled yet, from the live tables. */
  readonly outstandingPackets: number;
  /** By reason, as `@OnClose` gets it: how many connections were closed. */
  readonly closedBy: Readonly<Record<string, number>>;
  /**
   * What was refused, connections at the door too: by error code, CLOSED for packets of connections that were closed,
   * DISPATCH_DISCARDED and DISPATCH_CLOSED for what a dispatch module refused. Datagrams: NO_WORKER and WINDOW_FULL for those
   * that found no room to wait, DATAGRAM_NOT_SENT and OUTPUT_OVERFLOW for those sent that the system did not take.
   */
  readonly refused: Readonly<Record<string, number>>;
  /** Handlers and hooks that threw or rejected, in all processes. Of those that were killed, what they had told of. */
  readonly failedHandlers: number;
  /** Of all processes, master and manager included: what became of tasks and messages. Of those that were killed, what they had told of. */
  readonly tasks: Readonly<TaskCounters> & {
    /** In the queue modes, while the process that has the queue serves. */
    readonly queue?: TaskCounts;
  };
  /** What became of every accepted packet; its terms add up to `accepted` at any moment. */
  readonly ledger: LedgerView;
}
