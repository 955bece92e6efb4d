import { codeOf, HandlerError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Clock } from '../platform/platform.js';
import type { BoundHandler } from './bound-handler.js';
import { factText, type Observe } from './facts.js';
import { HandlerWatch } from './handler-watch.js';
import { PendingCall, type Settled } from './pending-call.js';

/** Who waits for what a handler returns. Told once, at once if the handler returns no promise. */
export interface Receiver {
  /** `error` is undefined for one that has gone well. */
  produced(error: unknown, value: unknown): void;
}

/**
 * The one place through which every handler call of a process passes.
 *
 * A handler that throws or rejects is logged with class and method and counted,
 * and has settled like any other. A handler that returns no promise has settled
 * when it returns, without a microtask. One that does not settle is named, and
 * given up after its timeout; what becomes of it after that is nobody's business.
 */
export class Invoker {
  /** Handlers that threw or rejected. */
  failed = 0;
  /** Handlers whose promise is pending. */
  running = 0;
  readonly #watch: HandlerWatch | undefined;

  constructor(
    private readonly logger: Logger,
    readonly observe: Observe | undefined,
    /** Without a clock pending handlers are not watched. */
    clock?: Clock,
    /** The shortest timeout of any handler, in ms; 0 when none has one. */
    shortestTimeout = 0,
  ) {
    this.#watch = clock && new HandlerWatch(clock, logger, shortestTimeout, (call) => this.#giveUp(call));
  }

  /**
   * Calls the handler. Returns true when it has settled; else calls `settled`
   * with `token` and `seq` once it has, and with an error when it is given up
   * instead. For traces, `subject` is its connection or timer, and `seq` the number
   * under which the event came.
   */
  call<Token>(
    handler: BoundHandler,
    subject: number,
    seq: number,
    settled: Settled<Token>,
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
    const call = new PendingCall(handler, subject, seq, settled, token);
    this.#watch?.add(call as PendingCall);
    // Another kind of promise may settle twice, at once, or throw: a real one around it does not.
    Promise.resolve(result).then(
      () => {
        if (call.over) return;
        this.#end(call as PendingCall);
        if (this.observe !== undefined) this.#settled(handler, subject, seq);
        settled(token, undefined, seq);
      },
      (error: unknown) => {
        if (call.over) return;
        this.#end(call as PendingCall);
        this.#fail(handler, subject, seq, error);
        settled(token, undefined, seq);
      },
    );
    return false;
  }

  /**
   * Calls a handler whose value, or error, somebody waits for. `quiet`: whoever
   * gets the error tells it; it is counted here and not logged. A task takes as
   * long as it takes, and is not watched.
   */
  produce(
    handler: BoundHandler,
    subject: number,
    seq: number,
    argument: unknown,
    receiver: Receiver,
    failure: 'quiet' | 'loud',
  ): void {
    if (this.observe !== undefined) this.#started(handler, subject, seq, undefined);
    let result: unknown;
    let pends: boolean;
    try {
      result = handler.run(argument);
      pends = isThenable(result);
    } catch (error) {
      this.#failAloud(handler, subject, seq, error, failure);
      receiver.produced(error ?? new Error('undefined was thrown'), undefined);
      return;
    }
    if (!pends) {
      if (this.observe !== undefined) this.#settled(handler, subject, seq);
      receiver.produced(undefined, result);
      return;
    }
    this.running++;
    const call = new PendingCall(handler, subject, seq, () => {}, undefined);
    const watch = handler.event === 'task' ? undefined : this.#watch;
    watch?.add(call as PendingCall);
    const end = (): void => {
      this.running--;
      watch?.remove(call as PendingCall);
    };
    Promise.resolve(result).then(
      (value) => {
        end();
        if (this.observe !== undefined) this.#settled(handler, subject, seq);
        receiver.produced(undefined, value);
      },
      (error: unknown) => {
        end();
        this.#failAloud(handler, subject, seq, error, failure);
        receiver.produced(error ?? new Error('undefined was thrown'), undefined);
      },
    );
  }

  #failAloud(
    handler: BoundHandler,
    subject: number,
    seq: number,
    error: unknown,
    failure: 'quiet' | 'loud',
  ): void {
    if (failure === 'loud') {
      this.#fail(handler, subject, seq, error);
      return;
    }
    const { event, label } = handler;
    this.observe?.({ kind: 'failed', event, handler: label, subject, seq });
    this.failed++;
  }

  /** Calls a handler whose answer somebody waits for: as `call`, and what it returns or throws is handed on. */
  async ask(handler: BoundHandler, argument: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const run = (): unknown => {
        try {
          const result = handler.run(argument);
          Promise.resolve(result).then(resolve, reject);
          return result;
        } catch (error) {
          reject(error);
          throw error;
        }
      };
      this.call({ ...handler, run }, 0, 0, () => {}, undefined);
    });
  }

  /** No pending handler is watched any more. */
  close(): void {
    this.#watch?.close();
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

  /** Notes for traces that the reader of a stream has taken a packet, or that nobody will. */
  taken(connection: number, seq: number, how: 'handled' | 'discarded'): void {
    this.observe?.({ kind: 'taken', connection, seq, discarded: how === 'discarded' });
  }

  /** Notes for traces that a datagram is sent. */
  sentDatagram(
    listener: string,
    address: string,
    port: number,
    data: string | Uint8Array,
    bytes: number,
  ): void {
    if (this.observe === undefined) return;
    this.observe({ kind: 'datagramSent', listener, address, port, bytes, data: factText(data) });
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

  /** Tells something that nobody's handler has done. */
  readonly warn: Logger['warn'] = (message, fields) => this.logger.warn(message, fields);

  /** Names a handler that is still running when its process must leave. */
  abandon(label: string, calls: number): void {
    this.logger.warn(`${label} had not settled when its process had to leave`, { handler: label, calls });
  }

  #end(call: PendingCall): void {
    call.over = true;
    this.running--;
    this.#watch?.remove(call);
  }

  #giveUp(call: PendingCall): void {
    const { handler, subject, seq } = call;
    const { label, event, timeout } = handler;
    this.#end(call);
    this.observe?.({ kind: 'failed', event, handler: label, subject, seq, timedOut: true });
    const message = `${label} has not settled within handlerTimeout, ${timeout} ms`;
    const error = new HandlerError('HANDLER_TIMEOUT', message);
    this.report(label, event, error);
    call.settle(error);
  }

  #started({ event, label }: BoundHandler, subject: number, seq: number, data: unknown): void {
    const shown = data instanceof Uint8Array ? { data: factText(data) } : undefined;
    this.observe?.({ kind: 'started', event, handler: label, subject, seq, ...shown });
  }

  #settled({ event, label }: BoundHandler, subject: number, seq: number): void {
    this.observe?.({ kind: 'settled', event, handler: label, subject, seq });
  }

  #fail(handler: BoundHandler, subject: number, seq: number, error: unknown): void {
    const { event, label } = handler;
    this.observe?.({ kind: 'failed', event, handler: label, subject, seq });
    if (isOfClosedConnection(error)) this.logger.debug(`${label} has stopped, as its connection is closed`);
    else this.report(label, event, error);
  }
}

/** What passes `connection.signal` on rejects with its reason, or with an error that has it as cause: nobody is at fault then. */
function isOfClosedConnection(error: unknown): boolean {
  const { cause } = error instanceof Error ? error : {};
  return codeOf(error) === 'CONNECTION_CLOSED' || codeOf(cause) === 'CONNECTION_CLOSED';
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
