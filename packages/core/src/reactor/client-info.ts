import type { ClientInfo } from '../pipe/questions.js';
import type { Clock } from '../platform/platform.js';
import type { ClientConnection } from './client-connection.js';

/** What an owner of sockets answers who asks for a connection: all that can be told without looking further than the connection. */
export function clientInfoOf(connection: ClientConnection, clock: Clock): ClientInfo {
  const { id, listener, listenerName, slot, standing, lastSent } = connection;
  const { remote, local } = connection.arrival;
  return {
    id,
    listener: listenerName,
    remote,
    local,
    workerId: slot?.workerId ?? null,
    connectedAt: connection.connectedAt,
    state: connection.phase,
    outstandingPackets: connection.backlog.packets,
    queuedBytes: connection.output.buffered,
    partialBytes: connection.intake.partialBytes,
    uid: standing?.uid ?? null,
    groups: standing?.groups.size ?? 0,
    protected: connection.isProtected,
    lastReceivedAt: listener.timed ? wallTime(clock, connection.lastReceived) : null,
    lastSentAt: lastSent === undefined ? null : wallTime(clock, lastSent),
    paused: connection.paused,
    pinned: connection.pinned,
  };
}

/** A time of the platform's clock, in ms since the epoch. */
function wallTime(clock: Clock, time: number): number {
  return Math.round(clock.wallTime() - (clock.now() - time));
}
