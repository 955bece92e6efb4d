import type { EventName } from '../definition.js';
import type { Logger } from '../log.js';
import { factText, type Observe } from './facts.js';

/** A handler with its `this`, ready to be called. */
export interface BoundHandler {
  readonly event: EventName | 'tick';
  /** `Chat.line`: what logs call it. */
  readonly label: string;
  readonly run: (a?: unknown, b?: unknown, c?: unknown) => unknown;
  /** Declared parameters; a third one of `receive` asks for the delivery. */
  readonly parameters: number;
}

/**
 * The one place through which every handler call of a process passes.
 *
 * A handler that throws or rejects is logged with class and method and counted,
 * and has settled like any other. A handler that returns no promise has settled
 * when it returns, without a microtask.
 */
export class Invoker {
  /** Handlers that threw or rejected. */
  failed = 0;
  /** Handlers whose promise is pending. */
  running = 0;

  constructor(
    private readonly logger: Logger,
    readonly observe: Observe | undefined,
  ) {}

  /**
   * Calls the handler. Returns true when it has settled; else calls `settled`
   * with `token` once it has. For traces, `subject` is its connection or timer,
   * and `seq` the number under which the event came.
   */
  call<Token>(
    handler: BoundHandler,
    subject: number,
    seq: number,
    settled: (token: Token) => void,
    token: Token,
    a?: unknown,
    b?: unknown,
    c?: unknown,
  ): boolean {
    if (this.observe !== undefined) this.#started(handler, subject, seq, b);
    let result: unknown;
    let pends: boolean;
    try {
      result = handler.run(a, b, c);
      pends = isThenable(result);
    } catch (error) {
      this.#fail(handler, subject, seq, error);
      return true;
    }
    if (!pends) {
      if (this.observe !== undefined) this.#settled(handler, subject, seq);
      return true;
    }
    this.running++;
    // Another kind of promise may settle twice, at once, or throw: a real one around it does not.
    Promise.resolve(result).then(
      () => {
        this.running--;
        if (this.observe !== undefined) this.#settled(handler, subject, seq);
        settled(token);
      },
      (error: unknown) => {
        this.running--;
        this.#fail(handler, subject, seq, error);
        settled(token);
      },
    );
    return false;
  }

  /** Calls hooks one after the other, each awaited; the first that fails rejects. */
  async hooks(handlers: readonly BoundHandler[], argument?: unknown): Promise<void> {
    for (const handler of handlers) {
      this.#started(handler, 0, 0, undefined);
      await handler.run(argument);
      this.#settled(handler, 0, 0);
    }
  }

  /** Calls hooks one after the other; what fails is logged and the next one runs. */
  async hooksSafely(handlers: readonly BoundHandler[], argument?: unknown): Promise<void> {
    for (const handler of handlers) {
      try {
        await this.hooks([handler], argument);
      } catch (error) {
        this.#fail(handler, 0, 0, error);
      }
    }
  }

  /** Notes for traces that a handler sends. */
  sent(connection: number, data: string | Uint8Array, bytes: number): void {
    if (this.observe === undefined) return;
    this.observe({ kind: 'sent', connection, bytes, data: factText(data) });
  }

  /** Notes for traces that a handler closes a connection. */
  ended(connection: number, reset: boolean): void {
    this.observe?.({ kind: 'ended', connection, reset });
  }

  /** Counts and logs what failed outside a call: an object that could not be built, a state that cannot be kept. */
  report(label: string, event: string, error: unknown): void {
    this.failed++;
    this.logger.error(`${label} failed in ${event}`, { handler: label, error });
  }

  /** Names a handler that is still running when its process must leave. */
  abandon(label: string, calls: number): void {
    this.logger.warn(`${label} had not settled when its process had to leave`, { handler: label, calls });
  }

  #started({ event, label }: BoundHandler, subject: number, seq: number, data: unknown): void {
    const shown = data instanceof Uint8Array ? { data: factText(data) } : undefined;
    this.observe?.({ kind: 'started', event, handler: label, subject, seq, ...shown });
  }

  #settled({ event, label }: BoundHandler, subject: number, seq: number): void {
    this.observe?.({ kind: 'settled', event, handler: label, subject, seq });
  }

  #fail(handler: BoundHandler, subject: number, seq: number, error: unknown): void {
    this.observe?.({ kind: 'failed', event: handler.event, handler: handler.label, subject, seq });
    this.report(handler.label, handler.event, error);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
