import type { Uid } from '../pipe/orders.js';

/** What is dispatched: a connection, or a packet of one. */
export interface Dispatched {
  /** Of the connection. */
  readonly id: number;
  /** Where its client is. */
  readonly remote: { readonly address: string; readonly port: number };
  /** Whose it is, once it was bound. */
  readonly uid?: Uid | undefined;
}

/** Chooses the worker for a connection or a packet. Runs in the reactor. */
export interface DispatchPolicy {
  /**
   * Whether all events of a connection go to one worker. Without it there is no
   * order within a connection and there are no connect, close and adopt events.
   */
  readonly sticky: boolean;
  /**
   * The worker id for the connection (sticky) or for its next packet. A sticky
   * policy may choose a worker that is being replaced: the connection waits for
   * it. Others return -1 when no worker is ready.
   */
  pick(what: Dispatched, isReady: (workerId: number) => boolean): number;
}
