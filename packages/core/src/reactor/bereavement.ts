import type { Backlog } from './backlog.js';
import type { Delivery, Loss } from './delivery.js';
import { bookFault, bookRefused, bookReturned, type PacketBooks } from './packet-books.js';
import type { Whereabouts } from './whereabouts.js';

/**
 * What becomes of what a worker had of one connection and gives back, because it
 * retires or is lost: it waits again, in order, or is refused. Made when that
 * happens; whether the connection goes on is left to the connection.
 */
export class Bereavement {
  constructor(
    private readonly books: PacketBooks,
    private readonly backlog: Backlog,
    private readonly whereabouts: Whereabouts,
    /** Its connection handles no packet any more, also none that comes back. */
    private readonly closed: boolean,
  ) {}

  /** A worker that retires gives back, in order, what it has not started: as if it had never been given. */
  unstarted(delivery: Delivery): void {
    delivery.pending = false;
    if (delivery.kind !== 'packet') {
      this.whereabouts.returned(delivery);
    } else if (this.closed) {
      bookRefused(this.books, delivery, 'CLOSED');
    } else {
      this.backlog.insert(delivery);
      bookReturned(this.books, delivery, true);
    }
  }

  /**
   * Its worker is lost: these deliveries, in order, have not been settled, and
   * the packets among the first `dropped` of them are given to nobody else. Says
   * whether one of them is poison.
   */
  lost(deliveries: readonly Delivery[], loss: Loss, dropped: number): boolean {
    const { books, backlog, whereabouts } = this;
    const returned: Delivery[] = [];
    let poisoned = false;
    whereabouts.bereave(loss.port);
    for (const [index, delivery] of deliveries.entries()) {
      const alone = loss.alone === delivery;
      backlog.over(delivery);
      if (delivery.kind !== 'packet') {
        whereabouts.lost(delivery, alone);
      } else if (alone) {
        bookFault(books, delivery, 'PACKET_POISON');
      } else if (index < dropped) {
        bookRefused(books, delivery, 'WORKER_LOST');
      } else if (!poisoned && !this.closed) {
        if (returned.length === 0) delivery.answered += backlog.answered;
        returned.push(delivery);
        bookReturned(books, delivery, !loss.started);
      } else {
        bookRefused(books, delivery, 'CLOSED');
      }
      poisoned ||= alone;
    }
    backlog.answered = 0;
    backlog.putBack(returned);
    return poisoned;
  }

  /** The same of a connection that was pinned to it: nobody can go on with a protocol that has died. */
  lostPinned(deliveries: readonly Delivery[], loss: Loss): void {
    const { books, backlog, whereabouts } = this;
    whereabouts.bereave(loss.port);
    backlog.answered = 0;
    for (const delivery of deliveries) {
      backlog.over(delivery);
      if (delivery.kind === 'packet') bookRefused(books, delivery, 'PINNED_LOST');
      else whereabouts.lost(delivery, loss.alone === delivery);
    }
    for (const delivery of backlog.clear()) bookRefused(books, delivery, 'PINNED_LOST');
  }
}
