import type { Logger } from '../log.js';
import type { Clock } from '../platform/platform.js';
import {
  CLOSE,
  DISCARD,
  FALLBACK,
  NOBODY,
  type Dispatched,
  type DispatchedEvent,
  type DispatchPolicy,
} from './dispatch.js';
import { DispatchRequest, type DispatchFunction } from './dispatch-function.js';

/** One line for so many ms, however often the module fails. */
const LOG_INTERVAL_MS = 10_000;

const words: Readonly<Record<string, number>> = { fallback: FALLBACK, discard: DISCARD, close: CLOSE };

/**
 * Asks a module of the user first. Where that has no opinion, throws or answers
 * nonsense, the policy of `dispatchMode` decides, so that a fault in it costs
 * the balance and not the server.
 */
export class ByModule implements DispatchPolicy {
  readonly sticky: boolean;
  failures = 0;
  #lastLog: number | undefined;

  constructor(
    private readonly ask: DispatchFunction,
    /** Names the module in the log. */
    private readonly source: string,
    private readonly others: DispatchPolicy,
    private readonly workerNum: number,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.sticky = others.sticky;
  }

  get followsUid(): boolean | undefined {
    return this.others.followsUid;
  }

  get inFlight(): Int32Array | undefined {
    return this.others.inFlight;
  }

  get connections(): Int32Array | undefined {
    return this.others.connections;
  }

  pick(what: Dispatched, isReady: (workerId: number) => boolean, event?: DispatchedEvent): number {
    let choice = event?.choice ?? NOBODY;
    if (choice === NOBODY) {
      choice = this.#ask(new DispatchRequest(what, event, this.workerNum, isReady));
      if (event !== undefined) event.choice = choice;
    }
    if (choice === FALLBACK) return this.others.pick(what, isReady, event);
    return choice < 0 || this.sticky || isReady(choice) ? choice : NOBODY;
  }

  #ask(request: DispatchRequest): number {
    let answer: unknown;
    try {
      answer = this.ask(request);
    } catch (error) {
      return this.#failed('threw', error);
    }
    if (typeof answer === 'number' && Number.isInteger(answer) && answer >= 0 && answer < this.workerNum)
      return answer;
    if (typeof answer === 'string' && Object.hasOwn(words, answer)) return words[answer]!;
    return this.#failed(`answered ${isPromise(answer) ? 'a promise' : show(answer)}`);
  }

  #failed(how: string, error?: unknown): number {
    this.failures++;
    const now = this.clock.now();
    if (this.#lastLog === undefined || now - this.#lastLog >= LOG_INTERVAL_MS) {
      this.#lastLog = now;
      this.logger.error(
        `the dispatch module ${this.source} ${how}: it must answer a worker id from 0 to ${this.workerNum - 1}, ` +
          `'fallback', 'discard' or 'close'; dispatchMode has decided instead`,
        { count: this.failures, ...(error !== undefined && { error }) },
      );
    }
    return FALLBACK;
  }
}

/**
 * Hears its rejection from here on, too: nobody waits for it, and one that nobody
 * hears would end the reactor. So would a look at an object that does not like it.
 */
function isPromise(value: unknown): boolean {
  try {
    if (!(value instanceof Promise)) return false;
    void Promise.prototype.then.call(value, undefined, () => undefined);
    return true;
  } catch {
    return false;
  }
}

function show(value: unknown): string {
  return typeof value === 'number' || value === undefined || value === null
    ? String(value)
    : typeof value === 'string'
      ? `'${value.slice(0, 40)}'`
      : `a value of type ${typeof value}`;
}
