/** What is dispatched: a connection, or an event of one. */
export interface Dispatched {
  /** Of the connection. */
  readonly id: number;
  /** The name of its listener. */
  readonly listenerName: string;
  /** Where its client is. */
  readonly remote: { readonly address: string; readonly port: number };
}

/** An event that needs a worker of its own, in modes that are not sticky. */
export interface DispatchedEvent {
  readonly kind: 'introduction' | 'packet' | 'close';
  /** The packet is `buffer[start, end)`. */
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
  /** What a dispatch module has said of it, which is not asked twice: a worker id, or one of the words below. */
  choice: number;
}

/** No worker can take it now. As `choice`: nobody was asked. */
export const NOBODY = -1;
/** The packet is refused. */
export const DISCARD = -2;
/** The connection is closed. */
export const CLOSE = -3;
/** As `choice`: the module leaves it to `dispatchMode`. */
export const FALLBACK = -4;

/** Chooses the worker for a connection or a packet. Runs in the reactor. */
export interface DispatchPolicy {
  /**
   * Whether all events of a connection go to one worker. Without it there is no
   * order within a connection, and there are no adopt events.
   */
  readonly sticky: boolean;
  /** For policies that look at it: by worker id, packets of all reactors that the worker has and has not settled. The reactors count them. */
  readonly inFlight?: Int32Array | undefined;
  /** For policies that look at it: by worker id, connections of all reactors that the worker serves. The reactors count them. */
  readonly connections?: Int32Array | undefined;
  /** How often a dispatch module has failed. */
  readonly failures?: number;
  /**
   * The worker id for a connection that was just accepted (sticky), or for the
   * next event of one. `isReady` tells who can take it now. A sticky policy may
   * choose a worker that is being replaced: the connection waits for it. Others
   * return `NOBODY` then, or when everybody has as much as the windows admit.
   * `DISCARD` and `CLOSE` come of dispatch modules alone.
   */
  pick(what: Dispatched, isReady: (workerId: number) => boolean, event?: DispatchedEvent): number;
}
