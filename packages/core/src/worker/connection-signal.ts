import { HandlerError } from '../errors.js';

/** The reason of a connection that another worker serves. */
export const MOVED = Symbol('moved');

/**
 * `connection.signal`, made when somebody asks for it: before that, only the
 * reason is kept, and its error is not made either.
 */
export class ConnectionSignal {
  #controller: AbortController | undefined;
  #reason: string | Error | typeof MOVED | undefined;

  constructor(private readonly connectionId: number) {}

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#error(this.#reason));
    }
    return this.#controller.signal;
  }

  /** Only the first reason counts: an error, a sentence on why the connection is closed, or that it is served elsewhere. */
  abort(reason: string | Error | typeof MOVED): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(this.#error(reason));
  }

  #error(reason: string | Error | typeof MOVED): Error {
    if (reason === MOVED)
      return new HandlerError(
        'CONNECTION_MOVED',
        `connection ${this.connectionId} is served by another worker by now: what is done with it here is done by its id`,
      );
    if (typeof reason !== 'string') return reason;
    return new HandlerError('CONNECTION_CLOSED', `connection ${this.connectionId} is closed: ${reason}`);
  }
}
