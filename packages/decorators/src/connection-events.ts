/**
 * Decorators of the events of one connection, all of which run in the worker
 * that serves it. Per listener each event has one handler. A decorator without
 * `listener` serves the listeners that no other handler of the event names.
 */
import {
  ConfigError,
  type AdoptReason,
  type CloseReason,
  type Connection,
  type ConnectionStream,
  type Delivery,
} from '@shoal/core';
import type { AnyFunction, EventName } from '@shoal/core/internal/definition';
import { show } from '@shoal/core/internal/config/show';
import { isDecorated, type Decorated, type MethodMarker } from './method-decorator.js';
import { subscribe } from './registrations.js';

export interface ConnectionEventOptions {
  /** The name of the listener that the method serves. */
  readonly listener?: string;
}

/** `@OnReceive`, `@OnReceive()` and `@OnReceive({ listener: 'admin' })`. */
export interface ConnectionEventDecorator<Event extends AnyFunction> {
  (options?: ConnectionEventOptions): MethodMarker<Event>;
  <Method extends Event>(target: object, method: string, descriptor: TypedPropertyDescriptor<Method>): void;
}

/** A client has connected. The first packet waits until the method has settled. */
export const OnConnect = listenerEvent<(connection: Connection) => unknown>('connect', '@OnConnect');

/**
 * One framed packet has come, delimiter or header included unless the framing
 * strips it. The next packet of the connection waits until the method has
 * settled. A third parameter, which must have neither a default nor `...`,
 * receives how often the packet was delivered and what was answered before.
 */
export const OnReceive = listenerEvent<(connection: Connection, data: Buffer, delivery: Delivery) => unknown>(
  'receive',
  '@OnReceive',
);

/** The connection is gone, after its last packet has settled. */
export const OnClose = listenerEvent<(connection: Connection, reason: CloseReason) => unknown>(
  'close',
  '@OnClose',
);

/** The connection was served by another worker before, and has no packet delivered here yet. */
export const OnAdopt = listenerEvent<(connection: Connection, reason: AdoptReason) => unknown>(
  'adopt',
  '@OnAdopt',
);

/**
 * A client has connected to a listener that is served as streams: what it sends
 * comes from the stream, what is written there goes to it. The listener is raw, and has
 * no `@OnReceive`, `@OnConnect` or `@OnAdopt`. The connection is pinned to its worker from its first byte on, see
 * `connection.toDuplex()`. The method may take as long as the connection lives; if it
 * fails, the stream is destroyed.
 */
export const OnConnection = listenerEvent<(stream: ConnectionStream, connection: Connection) => unknown>(
  'connection',
  '@OnConnection',
);

/**
 * The worker of a pinned connection has to go, or the server stops: the place for
 * the goodbye of a protocol. Once for each such connection. It is served on until it ends, and ended by the
 * server when three quarters of `maxWaitTime` are over.
 */
export const OnDrain = listenerEvent<(connection: Connection) => unknown>('drain', '@OnDrain');

/**
 * As much waits for the client as `bufferHighWatermark` says: `send` returns false from here on. Called once, and again
 * only after `@OnBufferEmpty`. Packets do not wait for it.
 */
export const OnBufferFull = listenerEvent<(connection: Connection) => unknown>('bufferFull', '@OnBufferFull');

/** What waited has fallen to `bufferLowWatermark`; always after an `@OnBufferFull` of this worker. */
export const OnBufferEmpty = listenerEvent<(connection: Connection) => unknown>(
  'bufferEmpty',
  '@OnBufferEmpty',
);

/** A decorator of an event that has one handler for each listener. */
export function listenerEvent<Event extends AnyFunction>(
  event: EventName,
  decorator: string,
): ConnectionEventDecorator<Event> {
  return ((...args: [options?: ConnectionEventOptions] | Decorated) => {
    if (isDecorated(args)) return subscribe(decorator, args, { kind: 'event', event });
    const listener = readListener(decorator, args[0]);
    return (...decorated: Decorated) =>
      subscribe(decorator, decorated, { kind: 'event', event, ...(listener !== undefined && { listener }) });
  }) as ConnectionEventDecorator<Event>;
}

function readListener(decorator: string, options: ConnectionEventOptions = {}): string | undefined {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${decorator} was given ${show(options)}. It takes nothing, or { listener: 'name' }.`,
    );
  }
  const stranger = Object.keys(options).find((key) => key !== 'listener');
  if (stranger !== undefined) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${decorator} has no option '${stranger}'. It takes nothing, or { listener: 'name' }.`,
    );
  }
  const { listener } = options;
  if (listener !== undefined && (typeof listener !== 'string' || listener === '')) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${decorator} was given ${show(listener)} as its listener. Write the name of a listener of the settings, ` +
        'or leave it out to serve the listeners that nobody names.',
    );
  }
  return listener;
}
