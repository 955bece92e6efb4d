import { HandlerError } from '../errors.js';

/**
 * `connection.signal`, made when somebody asks for it: before that, only the
 * reason is kept, and its error is not made either.
 */
export class ConnectionSignal {
  #controller: AbortController | undefined;
  #reason: string | Error | undefined;

  constructor(private readonly connectionId: number) {}

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#error(this.#reason));
    }
    return this.#controller.signal;
  }

  /** Only the first reason counts: an error, or a sentence on why the connection is closed. */
  abort(reason: string | Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(this.#error(reason));
  }

  #error(reason: string | Error): Error {
    if (typeof reason !== 'string') return reason;
    return new HandlerError('CONNECTION_CLOSED', `connection ${this.connectionId} is closed: ${reason}`);
  }
}
