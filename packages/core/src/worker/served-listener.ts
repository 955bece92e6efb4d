import type { ListenerHandlers } from '../events/handler-table.js';

/** A listener as the worker serves it. */
export interface ServedListener {
  readonly name: string;
  readonly concurrency: number;
  /** ms; 0 is off. */
  readonly handlerTimeout: number;
  /** The kind of its framing. */
  readonly framing: string;
  /** Bytes of a stream that may be on their way to a client. */
  readonly streamWindow: number;
  readonly outputOverflow: 'close' | 'reject' | 'dropNewest';
  /** Bytes. */
  readonly bufferHighWatermark: number;
  readonly bufferLowWatermark: number;
  readonly handlers: ListenerHandlers;
}
