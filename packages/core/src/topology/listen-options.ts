import type { DatagramListenerSettings, StreamListenerSettings } from '../config/load.js';
import type { DatagramOptions, ListenOptions } from '../platform/platform.js';

/** What differs between the sockets of one listener. */
export interface ListenPlace {
  /** The port that another socket of the listener has got. */
  readonly port?: number | undefined;
  /** Other sockets of this server listen on that port too. */
  readonly shares?: boolean;
  /** A socket that came with the start. */
  readonly descriptor?: number | undefined;
}

export function listenOptions(listener: StreamListenerSettings, place: ListenPlace = {}): ListenOptions {
  const { backlog } = listener;
  const { descriptor, shares = false } = place;
  const passed = descriptor === undefined ? {} : { descriptor };
  if (listener.type === 'unix') return { path: listener.path, mode: listener.mode, backlog, ...passed };
  const { host, noDelay, keepAlive, keepAliveIdle, ipv6Only, tls } = listener;
  return {
    host,
    port: place.port ?? listener.port,
    backlog,
    noDelay,
    ...(keepAlive && { keepAliveIdle }),
    ipv6Only,
    ...(tls !== undefined && { secured: true }),
    reusePort: shares || listener.reusePort,
    ...passed,
  };
}

export function datagramOptions(
  { host, port, ipv6Only, recvBufferSize }: DatagramListenerSettings,
  place: ListenPlace = {},
): DatagramOptions {
  const { descriptor, shares = false } = place;
  return {
    host,
    port: place.port ?? port,
    ipv6Only,
    reusePort: shares,
    ...(recvBufferSize !== undefined && { recvBufferSize }),
    ...(descriptor !== undefined && { descriptor }),
  };
}
