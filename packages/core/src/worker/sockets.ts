import type { ConnectionDirectory } from '../directory/connection-directory.js';
import type { ReactorCounters } from '../pipe/counters.js';
import type { SocketOwner } from './socket-owner.js';

/** The sockets that a worker serves: those of reactors (process mode), or its own (base mode). */
export interface Sockets {
  readonly owners: readonly SocketOwner[];
  /** Who owns the socket of a connection, as its id tells, or knows the way to it; undefined for what is no id. */
  ownerOf(connectionId: number): SocketOwner | undefined;
  /** Who has to be told what concerns connections. */
  readonly directory: ConnectionDirectory;
  /** Ends a connection that this worker does not serve. */
  end(connectionId: number, reset: boolean): boolean;
  /** The worker takes the place of its id; resolves when every owner gives its events here. */
  ready(): Promise<void>;
  /** The worker leaves; `unstarted`: it has finished everything that it had started. */
  leave(unstarted: boolean): void;
  /** Counters of the sockets that this process owns. */
  stats(): ReactorCounters | undefined;
}
