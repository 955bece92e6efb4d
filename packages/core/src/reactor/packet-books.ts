/**
 * The books of an owner of sockets: of each packet it is noted once that it was
 * accepted, and once what became of it. All who let go of a packet come here, so
 * that none of them forgets one of the accounts.
 */
import type { Observe } from '../events/facts.js';
import type { Ledger } from '../pipe/ledger.js';
import type { Delivery } from './delivery.js';

export interface PacketBooks {
  readonly observe: Observe | undefined;
  readonly counters: { acceptedPackets: number; handledPackets: number };
  readonly ledger: Ledger;
  /** Counts what is refused: an error code, CLOSED for packets of a connection that was closed, WORKER_LOST, or what a dispatch module refuses. */
  refuse(reason: string): void;
}

export function bookAccepted(books: PacketBooks, connection: number, packet: number, bytes: number): void {
  books.counters.acceptedPackets++;
  books.ledger.accepted++;
  books.observe?.({ kind: 'packet', connection, packet, bytes });
}

export function bookHandled({ counters, ledger }: PacketBooks, delivery: Delivery): void {
  counters.handledPackets++;
  if (delivery.attempt === 1) ledger.handled++;
  else ledger.redeliveredAndHandled++;
}

/** It will not be handled. */
export function bookRefused(books: PacketBooks, delivery: Delivery, reason: string): void {
  books.refuse(reason);
  bookFault(books, delivery, reason);
}

/** The same where the fault of its client is counted apart. */
export function bookFault({ ledger, observe }: PacketBooks, delivery: Delivery, reason: string): void {
  const { connection, packet } = delivery;
  ledger.refused[reason] = (ledger.refused[reason] ?? 0) + 1;
  observe?.({ kind: 'refused', connection: connection.id, packet, reason });
}

/** A worker had it, and the next one gets it. `planned`: no worker has started it. */
export function bookReturned(
  { observe }: PacketBooks,
  { connection, packet }: Delivery,
  planned: boolean,
): void {
  observe?.({ kind: 'returned', connection: connection.id, packet, planned });
}
