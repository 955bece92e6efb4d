import type { Uid } from '../pipe/orders.js';
import type { Dispatched, DispatchedEvent } from './dispatch.js';

/**
 * What a dispatch module answers: the id of a worker, or a word.
 *
 * - `'fallback'`: `dispatchMode` decides;
 * - `'discard'`: the event is refused, and a packet counted as DISPATCH_DISCARDED. Of a connection that is to have one worker: as
 *   `'close'`;
 * - `'close'`: the same, counted as DISPATCH_CLOSED, and the connection is closed, after what was sent to it so far.
 */
export type DispatchDecision = number | 'fallback' | 'discard' | 'close';

/**
 * What a dispatch module exports as `dispatch`, or as its default. It runs in
 * the reactors, between two packets, so it has to be quick, must not wait and
 * knows nothing of the application.
 *
 * Under a `dispatchMode` that gives a connection one worker it is asked once for
 * each connection, when that is accepted, and under 'uid' again when that is bound; else for each packet. It may name a
 * worker that is being replaced, or whose pipe is full: what was asked for waits.
 */
export type DispatchFunction = (request: DispatchRequest) => DispatchDecision;

const NO_BYTES = Buffer.alloc(0);

/** What a dispatch module is asked. */
export class DispatchRequest {
  constructor(
    private readonly what: Dispatched,
    private readonly event: DispatchedEvent | undefined,
    /** Ids of workers are 0 to one less. */
    readonly workerNum: number,
    /** Whether a worker could take it now: it is ready, and its pipe has room. */
    readonly isReady: (workerId: number) => boolean,
  ) {}

  /** `'close'` only with `enableUnsafeEvent`, and so `'connect'` where packets are dispatched. */
  get kind(): 'connect' | 'packet' | 'close' {
    const { event } = this;
    return event === undefined || event.kind === 'introduction' ? 'connect' : event.kind;
  }

  /** Of a datagram, which has no connection: a number that all datagrams of one sender have in common. */
  get connectionId(): number {
    return this.what.id;
  }

  /** The name of the listener. */
  get listener(): string {
    return this.what.listenerName;
  }

  /** Where the client is. */
  get remote(): Dispatched['remote'] {
    return this.what.remote;
  }

  /** Under `dispatchMode: 'uid'`, when it is asked again because the connection was bound: to whom. */
  get uid(): Uid | undefined {
    return this.what.uid;
  }

  /** The packet as its handler gets it; empty for other events. It must not be changed, and not be kept. */
  get data(): Buffer {
    const { event } = this;
    return event?.kind === 'packet' ? event.buffer.subarray(event.start, event.end) : NO_BYTES;
  }
}
