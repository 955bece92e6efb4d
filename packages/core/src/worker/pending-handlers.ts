import type { SocketOwner } from './socket-owner.js';

/**
 * What the owner of the socket knows of handlers of one connection that pend.
 *
 * It is told of those that outlast the turn in which they began, and takes what
 * is behind a pending handler for not started: if this worker is lost, that is no
 * second attempt. So the owner must be able to hear that the handler has settled
 * before the next one starts. Made for the first handler that pends.
 */
export class PendingHandlers {
  /** Numbers that pend and began in this turn. */
  readonly #begun: number[] = [];
  /** The owner may take a handler for pending that has settled. */
  #ownerLags = false;

  constructor(private readonly owner: SocketOwner) {}

  /** It pends; unless it settles in this turn, the owner is told. */
  add(seq: number): void {
    this.#begun.push(seq);
  }

  /** It has settled. Says whether the owner was told of it. */
  delete(seq: number): boolean {
    const index = this.#begun.indexOf(seq);
    if (index < 0) return true;
    this.#begun.splice(index, 1);
    return false;
  }

  /** Another handler must not start before the owner can hear of this settlement. */
  lag(): void {
    this.#ownerLags = this.owner.outlives;
  }

  /** Whether the owner hears of every settlement before whatever starts now. */
  ownerKnows(): boolean {
    if (!this.#ownerLags) return true;
    this.owner.flush();
    if (!this.owner.flushed) return false;
    this.#ownerLags = false;
    return true;
  }

  /** The turn is over. */
  tell(): void {
    for (const seq of this.#begun) this.owner.notePending(seq);
    this.#begun.length = 0;
  }
}
