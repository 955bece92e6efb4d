import type { Logger } from '../log.js';
import type { Clock, Timer } from '../platform/platform.js';

/** Of the time that pinned connections get to end, the part after which they are ended. */
const PATIENT_PART = 0.75;
/** The part after which the worker leaves, whatever is left. */
const LAST_PART = 0.95;
/** Ids that a log line names. */
const NAMED = 10;

export interface Pinned {
  readonly id: number;
  /** Tells the application, once, that the connection should end. */
  drain(): void;
  /** Flushes and ends. */
  endLate(): void;
}

/**
 * The connections whose protocol lives in this worker. When it has to go they
 * are not given to another one: the application says goodbye to their clients in
 * `@OnDrain`, and the worker waits until they have ended.
 */
export class PinnedConnections {
  readonly #open = new Set<Pinned>();
  #draining = false;
  /** They have been ended, or will be: also those that come later. */
  #end: 'due' | 'over' | undefined;
  #timer: Timer | undefined;
  /** Who waits until none is left: the server may stop while the worker leaves. */
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly clock: Clock,
    private readonly warn: Logger['warn'],
  ) {}

  get size(): number {
    return this.#open.size;
  }

  add(connection: Pinned): void {
    this.#open.add(connection);
    // The handler that has pinned it is still running.
    if (this.#draining) this.clock.defer(() => connection.drain());
    if (this.#end === 'over') this.clock.defer(() => connection.endLate());
  }

  delete(connection: Pinned): void {
    if (!this.#open.delete(connection) || this.#open.size > 0) return;
    for (const emptied of this.#waiting) emptied();
  }

  /** The worker has to go, or the server stops. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    for (const connection of [...this.#open]) connection.drain();
  }

  /**
   * Resolves when none is left, which takes at most `deadline` ms; near the end of
   * that those that have not ended are ended, and named. Whoever asks again, because
   * a handler may have pinned one since, asks within the first deadline.
   */
  async outlast(deadline: number): Promise<void> {
    if (this.#end === undefined) {
      this.#end = 'due';
      this.#timer = this.clock.setTimer(deadline * PATIENT_PART, () =>
        this.#endLate(deadline * PATIENT_PART),
      );
    }
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      const over = (): void => {
        last.cancel();
        this.#waiting.delete(over);
        resolve();
      };
      const last = this.clock.setTimer(deadline * LAST_PART, over);
      this.#waiting.add(over);
    });
  }

  /** The worker has left. */
  stop(): void {
    this.#timer?.cancel();
  }

  #endLate(patience: number): void {
    this.#end = 'over';
    if (this.#open.size === 0) return;
    const open = [...this.#open];
    this.warn(lateText(open, patience), { connections: open.slice(0, NAMED).map(({ id }) => id) });
    for (const connection of open) connection.endLate();
  }
}

function lateText({ length }: readonly unknown[], patience: number): string {
  const what = length === 1 ? 'a pinned connection' : `${length} pinned connections`;
  const left = `had not ended ${Math.round(patience)} ms after the server or its worker had to go`;
  return `ended ${what} that ${left}: end them in @OnDrain, or raise maxWaitTime`;
}
