import { Window } from '../pipe/window.js';
import type { Client, Delivery } from './delivery.js';

/**
 * A window of a worker's pipe, and the connections that wait for room in it.
 *
 * Whoever finds others waiting waits behind them, even if there would be room:
 * else connections that settle and send all the time would take each byte that
 * becomes free, and one that waits would wait for ever.
 */
export class Turnstile {
  readonly window: Window;
  /** The longest wait first. */
  #waiting = new Set<Client>();
  /** Whose turn it is while they are woken. */
  #served: Client | undefined;

  constructor(limit: number) {
    this.window = new Window(limit);
  }

  admits({ connection, charge }: Delivery): boolean {
    if (this.#waiting.size > 0 && this.#served !== connection) return false;
    return this.window.admits(charge);
  }

  /** Calls the connection's `pump` when it is its turn and there is room again. */
  block(connection: Client): void {
    this.#waiting.add(connection);
  }

  /** Wakes those that wait once the window is half empty, so that they do not wake up one packet at a time. */
  wake(): void {
    if (this.#waiting.size === 0 || this.#served !== undefined) return;
    if (this.window.used * 2 > this.window.limit) return;
    for (const connection of this.#waiting) {
      this.#waiting.delete(connection);
      const before = this.window.used;
      this.#served = connection;
      connection.pump();
      this.#served = undefined;
      if (!this.#waiting.has(connection)) continue;
      // It waits again: behind the others, unless there was no room for anything of it.
      if (this.window.used === before) this.#putFirst(connection);
      return;
    }
  }

  /** The worker is gone: nobody waits for it. Returns those that did. */
  release(): Iterable<Client> {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    return waiting;
  }

  #putFirst(connection: Client): void {
    this.#waiting.delete(connection);
    this.#waiting = new Set([connection, ...this.#waiting]);
  }
}
