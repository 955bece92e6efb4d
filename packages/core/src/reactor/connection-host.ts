import type { StreamListenerSettings } from '../config/load.js';
import type { Dispatched } from '../dispatch/dispatch.js';
import type { ProtocolError } from '../errors.js';
import type { ReaderPool } from '../framing/reader-pool.js';
import type { CloseReason } from '../pipe/messages.js';
import type { Window } from '../pipe/window.js';
import type { Clock } from '../platform/platform.js';
import type { Client, Delivery } from './delivery.js';
import type { OutletRules } from './outlet.js';
import type { PacketBooks } from './packet-books.js';
import type { Standing } from './standing.js';
import type { WorkerSlot } from './worker-slot.js';

/** What connections of one listener share. */
export interface ListenerContext {
  readonly index: number;
  readonly settings: StreamListenerSettings;
  readonly readers: ReaderPool;
  /** Bytes of partial packets, on all connections of its reactor together. */
  readonly inputTotal: Window;
  readonly outlet: OutletRules;
  /** Whether it matters when bytes come and go. */
  readonly timed: boolean;
}

/** A connection, as the reactor that owns it is told of it. */
export interface Hosted extends Client, Dispatched {
  readonly listener: ListenerContext;
  /** The worker that serves it, in sticky dispatch modes. */
  readonly slot: WorkerSlot | undefined;
}

/** What a connection asks of the reactor that owns it. */
export interface ConnectionHost extends PacketBooks {
  readonly clock: Clock;
  readonly counters: PacketBooks['counters'] & { pinnedLost: number };
  /** The server stops, and not only in base mode the worker. */
  readonly stopping: boolean;
  /** Whether one worker at a time gets the events of a connection. */
  readonly sticky: boolean;
  /** In dispatch modes that are not sticky: connect and close are delivered, each to some worker. */
  readonly unorderedEvents: boolean;
  /** The worker for an event, in dispatch modes that are not sticky; `'wait'`: `pump` is called when one can take it. */
  route(connection: Hosted, delivery: Delivery): WorkerSlot | 'wait' | 'discard' | 'close';
  peerFault(error: ProtocolError, connection: Hosted): void;
  /** A file has ended before what was promised of it. */
  brokenFile(error: Error, connection: Hosted): void;
  /** The socket is closed; the connection stays known until its last event is settled. */
  closed(connection: Hosted, reason: CloseReason): void;
  forget(connection: Hosted): void;
  /** It takes nothing more for its client: nobody finds it by its uid or its groups any longer. */
  left(standing: Standing): void;
}
