import type { ConnectionActs } from '../directory/connection-acts.js';
import type { Invoker } from '../events/invoke.js';
import type { Clock } from '../platform/platform.js';
import type { ById } from '../role-actions.js';
import type { Connection } from './connection.js';
import type { ConnectionObjects, ObjectsHost } from './connection-objects.js';
import type { Isolation, Lonely } from './isolation.js';
import type { Pinned } from './pinned-connections.js';
import type { SocketOwner } from './socket-owner.js';

/** A conversation as those know it who only list it. */
export interface Hosted extends Lonely {
  readonly id: number;
  /** Its part that is served as a stream, if there is one. */
  readonly pinned: Pinned | undefined;
}

/** What the connections and datagrams of one worker share, and ask of it. */
export interface ConversationHost extends ObjectsHost {
  readonly clock: Clock;
  readonly invoker: Invoker;
  readonly isolation: Isolation;
  /** Whether `connection.state` is kept: the dispatch mode is sticky. */
  readonly keepsState: boolean;
  /** Of every connection that has no objects of its own. */
  readonly noObjects: ConnectionObjects;
  /** Handlers of connections that are pending. */
  pending: number;
  /** The synchronous part of some handler is running. */
  inside: boolean;
  /** The connection that has last sent from inside its own handler. */
  speaker: { flushParts(): void } | undefined;
  /** What is done with connections wherever they are. */
  readonly acts: ConnectionActs;
  /** What is done by their ids with those that this worker does not serve any more. */
  readonly byId: ById;
  /** Makes the objects of a connection; throws what their constructors throw. */
  openObjects(connection: Connection): ConnectionObjects;
  /** Whether a handler of that connection may start now; if not, `advance` is called when it may. */
  mayStart(starter: Lonely): boolean;
  /** It may start a handler once everything is with the system: `advance` is called then. */
  stall(starter: Lonely): void;
  /** A packet has been settled by its handler. */
  countRequest(): void;
  /** Something was written to this owner that belongs to no settlement of a packet: it must be with the system before one. */
  sentElsewhere(owner: SocketOwner): void;
  /** Hands on what was sent elsewhere, so that a settlement to `owner` cannot overtake it. */
  flushElsewhere(owner: SocketOwner): void;
  /** Calls `flush` at the end of the turn. */
  flushLater(flusher: { flush(): void }): void;
  overflowed(connectionId: number): void;
  /** It is served by this worker alone from here on, to its end. */
  pinned(stream: Pinned): void;
  /** Its stream is over: this worker has nothing more to do for it. */
  streamOver(stream: Pinned): void;
  /** A send did not fit, and the connection lives on. */
  refused(reason: string): void;
  /** Calls it at the end of the turn. */
  later(run: () => void): void;
  forget(conversation: Hosted): void;
}
