import type { ListenerSettings } from '../config/load.js';
import type { ListenOptions } from '../platform/platform.js';

/** What differs between the sockets of one listener. */
export interface ListenPlace {
  /** The port that another socket of the listener has got. */
  readonly port?: number;
  /** Other sockets of this server listen on that port too. */
  readonly shares?: boolean;
  /** A socket that came with the start. */
  readonly descriptor?: number | undefined;
}

export function listenOptions(listener: ListenerSettings, place: ListenPlace = {}): ListenOptions {
  const { host, backlog, noDelay, keepAlive, keepAliveIdle, ipv6Only, reusePort } = listener;
  const { port = listener.port, shares = false, descriptor } = place;
  return {
    host,
    port,
    backlog,
    noDelay,
    ...(keepAlive && { keepAliveIdle }),
    ipv6Only,
    reusePort: shares || reusePort,
    ...(descriptor !== undefined && { descriptor }),
  };
}
