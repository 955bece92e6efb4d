import { HandlerError } from '../errors.js';
import { decodePayload, encodePayload } from '../pipe/payload.js';

const MAX_STATE_BYTES = 16 * 1024;

/**
 * `connection.state`: decoded when it is first read, encoded when a handler that
 * touched it settles, and sent on only if that changed anything.
 */
export class ConversationState {
  #value: unknown;
  #decoded = false;
  /** Read or written since it was last encoded: a value that was read may have been changed in place. */
  #touched = false;

  constructor(private encoded: Buffer | undefined) {}

  get touched(): boolean {
    return this.#touched;
  }

  read(): unknown {
    this.#touched = true;
    if (!this.#decoded) {
      this.#value = this.encoded === undefined ? undefined : decodePayload(this.encoded);
      this.#decoded = true;
    }
    return this.#value;
  }

  write(value: unknown): void {
    this.#touched = true;
    this.#decoded = true;
    this.#value = value;
  }

  /** The encoded state if it has changed. Throws `HandlerError`, and the former state stays. */
  takeChange(): Buffer | undefined {
    this.#touched = false;
    if (this.#value === undefined && this.encoded === undefined) return undefined;
    let encoded: Buffer;
    try {
      encoded = encodePayload(this.#value);
    } catch (cause) {
      this.#forget();
      throw new HandlerError('STATE_NOT_CLONEABLE', 'connection.state holds what cannot be cloned', {
        cause,
      });
    }
    if (encoded.length > MAX_STATE_BYTES) {
      this.#forget();
      throw new HandlerError(
        'STATE_TOO_LARGE',
        `connection.state takes ${encoded.length} bytes, the limit is ${MAX_STATE_BYTES}`,
      );
    }
    if (this.encoded?.equals(encoded) === true) return undefined;
    this.encoded = encoded;
    return encoded;
  }

  #forget(): void {
    this.#decoded = false;
    this.#value = undefined;
  }
}

/** Where a connection is served by several workers, none of which knows what the others have written. */
export function stateNotKept(): HandlerError {
  return new HandlerError(
    'STATE_NOT_KEPT',
    "connection.state needs a dispatch mode that serves a connection in one worker, such as 'fixed'",
  );
}

export function stateMovedAway(): HandlerError {
  return new HandlerError(
    'STATE_NOT_KEPT',
    'connection.state cannot be written here any more: another worker serves the connection',
  );
}
