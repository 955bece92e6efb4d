/**
 * Looks through the connections of a reactor for those that have been silent or
 * slow for longer than their listener allows: a timer for all, instead of one for
 * each, which every packet would have to move.
 *
 * - `heartbeatIdleTime` is looked at every `heartbeatCheckInterval`.
 * - `partialPacketTimeout` and `maxIdleTime` are looked at eight times in the
 *   shortest of them that a listener has, so that a connection goes after its
 *   time, and at most a quarter of it later.
 */
import { isStream } from '../config/limits.js';
import type { Settings, StreamListenerSettings } from '../config/load.js';
import type { Clock, Timer } from '../platform/platform.js';
import type { ClientConnection } from './client-connection.js';
import { ConnectionWatch } from './connection-watch.js';

const LOOKS_IN_A_TIME = 8;
const SHORTEST_INTERVAL_MS = 10;

export class Sweeps {
  /** Those whose listener limits the time of a packet or of idleness. */
  readonly #watches = new Map<ClientConnection, ConnectionWatch>();
  #heartbeat: Timer | undefined;
  #looking: Timer | undefined;
  readonly #interval: number;

  constructor(
    private readonly clock: Clock,
    private readonly settings: Settings,
    private readonly connections: ReadonlyMap<number, ClientConnection>,
  ) {
    const listeners = settings.listeners.filter(isStream);
    this.#interval = intervalFor(listeners);
    if (listeners.some(({ heartbeatIdleTime }) => heartbeatIdleTime > 0)) this.#watchHeartbeats();
  }

  /** A connection was accepted. */
  add(connection: ClientConnection): void {
    const { partialPacketTimeout, maxIdleTime } = connection.listener.settings;
    if (partialPacketTimeout === 0 && maxIdleTime === 0) return;
    this.#watches.set(connection, new ConnectionWatch(this.clock.now()));
    this.#looking ??= this.#lookLater();
  }

  /** Its socket is closed. */
  remove(connection: ClientConnection): void {
    this.#watches.delete(connection);
  }

  stop(): void {
    this.#heartbeat?.cancel();
    this.#looking?.cancel();
  }

  #lookLater(): Timer {
    return this.clock.setTimer(this.#interval, () => {
      const now = this.clock.now();
      for (const [connection, watch] of this.#watches) watch.look(connection, now);
      this.#looking = this.#watches.size > 0 ? this.#lookLater() : undefined;
    });
  }

  #watchHeartbeats(): void {
    this.#heartbeat = this.clock.setTimer(this.settings.heartbeatCheckInterval, () => {
      this.#closeSilent();
      this.#watchHeartbeats();
    });
  }

  #closeSilent(): void {
    const now = this.clock.now();
    for (const connection of this.connections.values()) {
      if (isSilent(connection, now)) closeSilent(connection, now);
    }
  }
}

/** Longer than it may be. One from which nothing can come is not: its client may be waiting for us. */
export function isSilent(connection: ClientConnection, now: number): boolean {
  const { heartbeatIdleTime } = connection.listener.settings;
  if (heartbeatIdleTime === 0 || connection.isProtected || connection.deaf || connection.closed) return false;
  return now - connection.lastReceived > heartbeatIdleTime;
}

export function closeSilent(connection: ClientConnection, now: number): void {
  const silence = Math.round(now - connection.lastReceived);
  connection.expire('HEARTBEAT_TIMEOUT', `nothing has come for ${silence} ms`, 'heartbeat');
}

function intervalFor(listeners: readonly StreamListenerSettings[]): number {
  const times = listeners.flatMap(({ partialPacketTimeout, maxIdleTime }) => [
    partialPacketTimeout,
    maxIdleTime,
  ]);
  const shortest = Math.min(...times.filter((time) => time > 0));
  return Math.max(SHORTEST_INTERVAL_MS, Math.floor(shortest / LOOKS_IN_A_TIME));
}
