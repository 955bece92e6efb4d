import type { SocketOwner } from './socket-owner.js';

/** A connection whose packet wants to run alone. */
export interface Lonely {
  readonly owner: SocketOwner;
  /** Starts what may start. */
  advance(): void;
}

/**
 * Lets a packet that may be poison run with nothing beside it.
 *
 *   free ──enter──▶ waiting ──nothing runs──▶ announced ──all owners know──▶ alone ──leave──▶ free
 *                      └────────────────────── leave ───────────────────────────────────▶
 *
 * The owners of the sockets must know before the handler starts: if the worker
 * dies then, they charge this packet and no other. While it is not free, no
 * other handler starts.
 */
export class Isolation {
  #state: 'free' | 'waiting' | 'announced' | 'alone' = 'free';
  #conversation: Lonely | undefined;
  #seq = 0;

  constructor(
    /** Handlers of connections that are pending in this worker. */
    private readonly running: () => number,
    private readonly owners: () => Iterable<SocketOwner>,
    /** The way is free again. */
    private readonly released: () => void,
  ) {}

  /** Whether that connection may start a handler as far as isolation is concerned. */
  admits(conversation: Lonely): boolean {
    return this.#state === 'free' || (this.#conversation === conversation && this.#state !== 'alone');
  }

  /** Asks for the way; true once the packet may start. Ask again after `step`. */
  enter(conversation: Lonely, seq: number): boolean {
    if (this.#state === 'free') {
      this.#state = 'waiting';
      this.#conversation = conversation;
      this.#seq = seq;
    }
    if (this.#conversation !== conversation || this.#seq !== seq) return false;
    this.#progress();
    return this.#state === 'alone';
  }

  /** Something has settled or was flushed: the packet that waits may go on. */
  step(): void {
    if (this.#state === 'waiting' || this.#state === 'announced') this.#conversation!.advance();
  }

  /** The packet has settled, or was given up before it started: the others may go on. */
  leave(conversation: Lonely, seq: number): void {
    if (this.#conversation !== conversation || this.#seq !== seq) return;
    if (this.#state !== 'waiting') {
      for (const owner of this.owners()) {
        owner.announceAloneOver();
        // Or the death of the next handler, in this turn, would be charged to the one that was alone.
        owner.flush();
      }
    }
    this.#state = 'free';
    this.#conversation = undefined;
    this.released();
  }

  #progress(): void {
    if (this.#state === 'waiting' && this.running() === 0) {
      for (const owner of this.owners()) {
        owner.announceAlone(owner === this.#conversation!.owner ? this.#seq : undefined);
      }
      this.#state = 'announced';
    }
    if (this.#state !== 'announced') return;
    for (const owner of this.owners()) if (!owner.flushed) return;
    this.#state = 'alone';
  }
}
