import type { HandlerError } from '../errors.js';
import type { BoundHandler } from './bound-handler.js';

/** Hears that a call has settled, or was given up with an error and may still be running. */
export type Settled<Token> = (token: Token, error: HandlerError | undefined, seq: number) => void;

/** A handler call whose promise is pending: an entry of the list that `HandlerWatch` keeps. */
export class PendingCall<Token = unknown> {
  previous: PendingCall | undefined;
  next: PendingCall | undefined;
  /** Sweeps of the watch that had happened when it began. */
  since = 0;
  /** A warning has named it. */
  named = false;
  /** It has settled or was given up. */
  over = false;

  constructor(
    readonly handler: BoundHandler,
    readonly subject: number,
    readonly seq: number,
    private readonly settled: Settled<Token>,
    private readonly token: Token,
  ) {}

  settle(error?: HandlerError): void {
    this.settled(this.token, error, this.seq);
  }
}
