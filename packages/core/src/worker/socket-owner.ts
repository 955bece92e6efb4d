import type { DatagramTarget } from '../config/datagram-target.js';
import type { Part } from '../pipe/parts.js';
import type { FileRequest, Introduction, Settlement } from '../pipe/messages.js';

/** Who settles events, as their owner sees it: what it has sent in one lane goes before its settlements. */
export interface Settler {
  /** Of a connection, or `DATAGRAM_LANE`. */
  readonly id: number;
  /** Bytes that were sent and that the owner has not taken yet; the owner counts them. */
  unacknowledged: number;
  /** So much of it waited that it wants to hear when that becomes less. */
  readonly pressed: boolean;
  /** Something of it was taken while it is pressed. */
  eased(): void;
}

/** A connection that sends, as the owner of its socket sees it. */
export interface Sender extends Settler {
  readonly introduction: Introduction;
}

/** The owner of a connection's socket, as the worker sees it: a reactor behind a pipe, or in this process. */
export interface SocketOwner {
  /** It is in another process, and gives what a lost worker had to the next one. */
  readonly outlives: boolean;
  /** The owner is behind with what it was sent: no further handler should start for its connections. */
  readonly congested: boolean;
  /** It gives no further events: another worker has the place of this one. */
  readonly retired: boolean;
  /** Whether a connection may send that many bytes more, beside what the owner has not taken yet. */
  admits(sender: Sender, bytes: number): boolean;
  /** The event with that number has been handled, dropped, or given back without having been started. */
  settle(sender: Settler, seq: number, how: Settlement): void;
  /** Settles a packet, sends, and then `ends` the connection; the owner applies all of it or nothing. */
  answer(
    sender: Settler,
    seq: number,
    parts: readonly Part[],
    bytes: number,
    state: Buffer | undefined,
    ends: boolean,
  ): void;
  send(sender: Sender, parts: readonly Part[], bytes: number): void;
  /** The connection lives and dies with this worker. */
  pin(connectionId: number): void;
  /** As `send`, on a pinned connection: the bytes stay unacknowledged until the system has taken them for the client. */
  write(sender: Sender, parts: readonly Part[], bytes: number): void;
  /** The client sees the end of what is sent, after what was sent before; what it sends goes on. */
  endOutput(connectionId: number): void;
  /** Ends a pinned connection whose worker must go, and counts it as lost. */
  endLate(connectionId: number): void;
  /** Ends a connection: flushes first, unless `reset`. */
  end(connectionId: number, reset: boolean): void;
  /** The handler of event `seq` took longer than it may: refuses the event if it is a packet, and resets the connection. */
  giveUp(sender: Settler, seq: number): void;
  /** Ends a connection without flushing, because more would have waited than may. */
  overflow(connectionId: number): void;
  keepState(sender: Sender, state: Buffer): void;
  /** Sends to a connection that this worker does not serve; says whether there was room. */
  sendTo(connectionId: number, data: Part, bytes: number): boolean;
  /** Whether a datagram of so many bytes may be sent, beside what is on its way; if so it counts from here on. */
  reserveDatagram(bytes: number): boolean;
  /** Sends a datagram that was reserved, in reply to number `seq` of this owner if there is one; `settles` that, too: both, or nothing. */
  sendDatagram(
    to: DatagramTarget,
    data: Part,
    bytes: number,
    seq: number | undefined,
    settles: boolean,
  ): void;
  /** Sends; resolves when the bytes are with the system, see `Receipt`; or an error when nothing was sent. */
  sendWait(connectionId: number, data: Part, bytes: number): Promise<void> | Error;
  /** Sends a part of a file, likewise. */
  sendFile(connectionId: number, request: FileRequest): Promise<void> | Error;
  /** Stops the reading of a client's socket, or starts it again. */
  read(connectionId: number, paused: boolean): boolean;
  /** The handler of that number is still running at the end of its turn: what waits behind it has not been started. */
  notePending(seq: number): void;
  /** The next handler runs with nothing beside it: packet `seq` of this owner, or one of another owner's. */
  announceAlone(seq: number | undefined): void;
  announceAloneOver(): void;
  /** Writes what has gathered, before the end of the turn. */
  flush(): void;
  /** Whether everything that was announced is with the system, and would survive this process. */
  readonly flushed: boolean;
}
