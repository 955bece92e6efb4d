import type { TraceOrigin } from '../trace/trace-event.js';

/** A worker that lost its manager or its master has said that its end is no fault. */
const ORPHANED = 74;
/** A process may send to one that has died for so long, in virtual ms: it has not heard of that, or its event loop is blocked. */
const NEWS_MS = 150;

/** Which processes have ended, and how. */
export class Deaths {
  readonly #inOrder = new Map<number, boolean>();
  /** By worker id: when processes were killed, or ended by an error that nobody caught. */
  readonly #violent = new Map<number, number[]>();

  exited({ time, pid, process }: TraceOrigin, code: number | null): void {
    const inOrder = code === 0 || code === ORPHANED;
    this.#inOrder.set(pid, inOrder);
    if (inOrder) return;
    const workerId = Number(/^(?:task )?worker (\d+)$/.exec(process)?.[1] ?? -1);
    const times = this.#violent.get(workerId);
    if (times === undefined) this.#violent.set(workerId, [time]);
    else times.push(time);
  }

  lives(pid: number): boolean {
    return !this.#inOrder.has(pid);
  }

  /** Whether it was killed, or ended by an error that nobody caught. */
  wasViolent(pid: number): boolean {
    return this.#inOrder.get(pid) === false;
  }

  /** How many processes with that worker id have ended so that may have had what was sent at that time. */
  violentSince(workerId: number, time: number): number {
    return (this.#violent.get(workerId) ?? []).filter((each) => each >= time - NEWS_MS).length;
  }

  /** Whether every process that has ended did so in order. */
  get none(): boolean {
    return this.#violent.size === 0;
  }
}
