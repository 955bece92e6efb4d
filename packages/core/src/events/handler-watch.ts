import type { Logger } from '../log.js';
import type { Clock, Timer } from '../platform/platform.js';
import type { PendingCall } from './pending-call.js';

/** A handler that has not settled for so long is named in a warning, in ms. */
const WARN_AFTER_MS = 10_000;
/** Warnings of one handler are at least so far apart, in ms. */
const WARNING_INTERVAL_MS = 1_000;
/** So many sweeps happen in the shortest time that is watched: what is overdue is found a tenth of it later. */
const SWEEPS = 10;
const OF_CONNECTIONS: ReadonlySet<string> = new Set([
  'connect',
  'adopt',
  'receive',
  'close',
  'bufferFull',
  'bufferEmpty',
]);
/** How many connections a warning lists. */
const NAMED_CONNECTIONS = 10;

/**
 * Looks through the pending handler calls of one process from time to time: names
 * those that do not settle, and gives up those that exceed their timeout.
 *
 *   first ⇄ … ⇄ last        in the order in which they began
 *
 * One timer serves them all, and only while there are any. An age is counted in
 * sweeps and not on a clock: a call costs no look at the time, and a pause of the
 * whole process ages it by one sweep and not by the length of the pause. A call
 * that begins between two sweeps has certainly lived through all but the first.
 */
export class HandlerWatch {
  #first: PendingCall | undefined;
  #last: PendingCall | undefined;
  #sweeps = 0;
  #timer: Timer | undefined;
  #closed = false;
  /** Younger calls are of no interest, in ms. */
  readonly #shortest: number;
  /** ms between two sweeps. */
  readonly #interval: number;
  readonly #sweepsPerWarning: number;

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
    /** The shortest timeout of any handler, in ms; 0 when none has one. */
    shortestTimeout: number,
    private readonly expired: (call: PendingCall) => void,
  ) {
    this.#shortest = shortestTimeout === 0 ? WARN_AFTER_MS : Math.min(shortestTimeout, WARN_AFTER_MS);
    this.#interval = Math.floor(this.#shortest / SWEEPS);
    this.#sweepsPerWarning = Math.ceil(WARNING_INTERVAL_MS / this.#interval);
  }

  add(call: PendingCall): void {
    call.since = this.#sweeps;
    call.previous = this.#last;
    if (this.#last === undefined) this.#first = call;
    else this.#last.next = call;
    this.#last = call;
    if (this.#timer === undefined) this.#arm();
  }

  remove(call: PendingCall): void {
    const { previous, next } = call;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    call.previous = call.next = undefined;
  }

  /** Sweeps no more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    if (!this.#closed) this.#timer = this.clock.setTimer(this.#interval, this.#sweep);
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    this.#sweeps++;
    const warns = this.#sweeps % this.#sweepsPerWarning === 0;
    const overdue: PendingCall[] = [];
    const slow = new Map<string, PendingCall[]>();
    for (let call = this.#first; call !== undefined; call = call.next) {
      const age = (this.#sweeps - call.since - 1) * this.#interval;
      if (age < this.#shortest) break;
      const { label, timeout = 0 } = call.handler;
      if (timeout > 0 && age >= timeout) {
        overdue.push(call);
      } else if (warns && !call.named && age >= WARN_AFTER_MS) {
        call.named = true;
        const calls = slow.get(label);
        if (calls === undefined) slow.set(label, [call]);
        else calls.push(call);
      }
    }
    for (const [label, calls] of slow) this.#warn(label, calls);
    // Giving one up runs code of the application, which may settle another.
    for (const call of overdue) if (!call.over) this.expired(call);
    if (this.#first !== undefined && this.#timer === undefined) this.#arm();
  };

  #warn(label: string, calls: readonly PendingCall[]): void {
    const message = `${label} has not settled for ${WARN_AFTER_MS / 1_000} s`;
    if (!OF_CONNECTIONS.has(calls[0]!.handler.event)) {
      this.logger.warn(message, { handler: label });
      return;
    }
    const all = [...new Set(calls.map(({ subject }) => subject))];
    const connections = all.slice(0, NAMED_CONNECTIONS);
    this.logger.warn(`${message}, on ${all.length} connection${all.length === 1 ? '' : 's'}`, {
      handler: label,
      connections,
    });
  }
}
