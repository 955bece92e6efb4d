/**
 * What became of the packets that were accepted: at any moment
 *
 *   accepted = handled + redeliveredAndHandled + all of refused + outstanding
 *
 * Each term is counted where it happens. `outstanding` is no count: it is looked
 * up in the tables of what is not settled, so that a packet that was lost on the
 * way shows as a difference.
 */
export interface Ledger {
  /** Framed and taken. */
  accepted: number;
  /** Settled by the first worker that had them. */
  handled: number;
  /** Settled by a worker after one that may have started them was lost. */
  redeliveredAndHandled: number;
  /**
   * By reason: CLOSED, PACKET_POISON, WORKER_LOST, HANDLER_TIMEOUT, PINNED_LOST, DISPATCH_DISCARDED, DISPATCH_CLOSED; of
   * datagrams also NO_WORKER, WINDOW_FULL.
   */
  readonly refused: Record<string, number>;
}

export function emptyLedger(): Ledger {
  return { accepted: 0, handled: 0, redeliveredAndHandled: 0, refused: {} };
}

/** The same of several owners of sockets together. */
export function addLedgers(ledgers: readonly Ledger[]): Ledger {
  const total = emptyLedger();
  for (const { accepted, handled, redeliveredAndHandled, refused } of ledgers) {
    total.accepted += accepted;
    total.handled += handled;
    total.redeliveredAndHandled += redeliveredAndHandled;
    for (const [reason, count] of Object.entries(refused))
      total.refused[reason] = (total.refused[reason] ?? 0) + count;
  }
  return total;
}
