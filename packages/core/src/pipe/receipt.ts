import { HandlerError } from '../errors.js';
import type { Settlement } from './messages.js';

/** The word of a connection's owner that what was sent is with the system, or why it never will be. */
export class Receipt {
  /** May be left alone: a client that is gone ends nobody's process. Rejects with `HandlerError`. */
  readonly promise: Promise<void>;
  #resolve!: () => void;
  #reject!: (error: Error) => void;
  #failure: Error | undefined;

  constructor(private readonly connectionId: number) {
    this.promise = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.promise.catch(() => {});
  }

  /** Why it cannot be sent; the settlement follows. */
  failed(error: Error): void {
    this.#failure = error;
  }

  settled(how: Settlement): void {
    if (how === 'handled') this.#resolve();
    else if (how === 'returned') this.#reject(refused(this.connectionId));
    else this.#reject(this.#failure ?? gone(this.connectionId));
  }
}

/** What was never sent, as a promise that may be left alone. */
export function promised(sent: Promise<void> | Error): Promise<void> {
  if (!(sent instanceof Error)) return sent;
  const promise = Promise.reject<void>(sent);
  promise.catch(() => {});
  return promise;
}

/** The same for what may throw before anything is sent. */
export function attempted(send: () => Promise<void>): Promise<void> {
  try {
    return send();
  } catch (error) {
    return promised(error as Error);
  }
}

export function refused(connectionId: number): HandlerError {
  return new HandlerError(
    'SEND_REFUSED',
    `connection ${connectionId} did not take a send: it would have exceeded what may wait for it`,
  );
}

export function gone(connectionId: number): HandlerError {
  return new HandlerError(
    'CONNECTION_CLOSED',
    `connection ${connectionId} was closed before what was sent had got through`,
  );
}
