import { ProcessError } from '../errors.js';
import type { Clock, Timer } from '../platform/platform.js';
import type { Request } from './orders.js';

/** How long an owner of sockets may take to answer, in ms. */
const PATIENCE_MS = 5_000;
/** Requests of one process that wait for their answer. */
export const MOST_REQUESTS = 10_000;
const HIGHEST_NUMBER = 0xffff_ffff;

interface Waiting {
  readonly whom: object;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly deadline: Timer;
}

/** The requests of one process that owners of sockets have not answered yet. */
export class PendingRequests {
  #last = 0;
  readonly #waiting = new Map<number, Waiting>();

  constructor(private readonly clock: Clock) {}

  /**
   * Puts a request on its way by `send`, under a number. Rejects with `ProcessError`
   * ASK_OVERFLOW at 10 000 of them, or when `send` says that there is no room;
   * ASK_TIMEOUT after 5 s; ASK_LOST when the other end is gone.
   */
  async ask({ what }: Request, whom: object, send: (number: number) => boolean): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const number = (this.#last = this.#last === HIGHEST_NUMBER ? 1 : this.#last + 1);
      if (this.#waiting.size >= MOST_REQUESTS || this.#waiting.has(number) || !send(number)) {
        reject(overflow(what));
        return;
      }
      const deadline = this.clock.setTimer(PATIENCE_MS, () => {
        this.#waiting.delete(number);
        const message = `the owner of the sockets has not answered '${what}' within ${PATIENCE_MS} ms`;
        reject(new ProcessError('ASK_TIMEOUT', message));
      });
      this.#waiting.set(number, { whom, resolve, reject, deadline });
    });
  }

  /** An answer that comes too late finds nobody. */
  answered(number: number, buffer: Buffer, start: number, end: number): void {
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) return;
    this.#waiting.delete(number);
    waiting.deadline.cancel();
    waiting.resolve(JSON.parse(buffer.toString('utf8', start, end)));
  }

  /** Whoever was asked is gone. */
  lost(whom: object): void {
    for (const [number, waiting] of this.#waiting) {
      if (waiting.whom !== whom) continue;
      this.#waiting.delete(number);
      waiting.deadline.cancel();
      waiting.reject(ownerGone());
    }
  }
}

export function ownerGone(): ProcessError {
  return new ProcessError('ASK_LOST', 'the owner of the sockets is gone');
}

function overflow(what: string): ProcessError {
  return new ProcessError(
    'ASK_OVERFLOW',
    `'${what}' cannot be asked: ${MOST_REQUESTS} requests wait for their answer, or reactorMemoryLimit for their owner is used up; await some before asking more`,
  );
}
