import type { ClientConnection } from './client-connection.js';

/**
 * What was seen of one connection when it was looked at last. From the changes
 * it follows how long the client has been at one packet, and how long nothing has
 * moved in either direction; nothing is noted when something does.
 */
export class ConnectionWatch {
  /** Packets that had come; with them the time since when the next one is not whole. */
  #packets = -1;
  #partialSince = 0;
  /** Bytes that the client's system had taken; with them the time since when it takes no more. */
  #taken = 0;
  #takenAt: number;

  constructor(now: number) {
    this.#takenAt = now;
  }

  /** Closes the connection if one of its times is over. */
  look(connection: ClientConnection, now: number): void {
    const { partialPacketTimeout, maxIdleTime } = connection.listener.settings;
    if (!connection.open) return;
    if (partialPacketTimeout > 0) this.#lookAtPacket(connection, partialPacketTimeout, now);
    if (maxIdleTime > 0 && connection.open) this.#lookAtProgress(connection, maxIdleTime, now);
  }

  /** While we do not read, or a window is full, it is not the client who lets the packet wait. */
  #lookAtPacket(connection: ClientConnection, limit: number, now: number): void {
    if (connection.intake.partialBytes === 0 || connection.deaf) {
      this.#packets = -1;
      return;
    }
    if (this.#packets !== connection.intake.packets) {
      this.#packets = connection.intake.packets;
      this.#partialSince = now;
      return;
    }
    const time = now - this.#partialSince;
    if (time < limit) return;
    const { partialBytes } = connection.intake;
    const what = `${partialBytes} bytes of a packet have not become a whole one in ${Math.round(time)} ms`;
    connection.expire('PARTIAL_PACKET_TIMEOUT', what, 'partialPacket');
  }

  #lookAtProgress(connection: ClientConnection, limit: number, now: number): void {
    const taken = connection.output.taken - connection.output.unsent;
    if (taken !== this.#taken) {
      this.#taken = taken;
      this.#takenAt = now;
    }
    const time = now - Math.max(connection.lastReceived, this.#takenAt);
    if (time < limit || connection.isProtected) return;
    const what = `nothing has come or been taken for ${Math.round(time)} ms`;
    connection.expire('IDLE_TIMEOUT', what, 'idle');
  }
}
