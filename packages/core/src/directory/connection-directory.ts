/**
 * Who has to be told when something is for a connection, a group or a uid.
 *
 * The owners of sockets know their members themselves, so that here a group is
 * only looked up as those who may have some: all of this machine. This is the
 * seam at which another machine could join: a directory that knows more owners,
 * or fewer for each group, and nobody else would notice.
 */
import type { OrderFrame, Request, Uid } from '../pipe/orders.js';

/** The owner of sockets, or the way to it: in this process, behind a pipe, or further away. */
export interface ConnectionOwner {
  /** Puts an order on its way; false when too much waits for this owner. */
  order(frame: OrderFrame): boolean;
  /** Rejects with `ProcessError` ASK_OVERFLOW, ASK_TIMEOUT, or ASK_LOST when the owner is gone. */
  request(request: Request): Promise<unknown>;
  /** Writes what has gathered, before the end of the turn. */
  flush(): void;
}

export interface ConnectionDirectory {
  /** Connections are closed with their owner: one that is gone has none. */
  readonly diesWithOwner: boolean;
  /** Undefined for what is no id, and where the owner is gone. */
  ownerOf(connectionId: number): ConnectionOwner | undefined;
  /** Who may have members of a group. */
  ownersOfGroup(group: string): Iterable<ConnectionOwner>;
  /** Who may have connections of a uid. */
  ownersOfUid(uid: Uid): Iterable<ConnectionOwner>;
  /** Everybody who has connections. */
  owners(): Iterable<ConnectionOwner>;
}

/** The directory of one machine: any owner may have a member of anything. */
export class LocalDirectory implements ConnectionDirectory {
  constructor(
    readonly diesWithOwner: boolean,
    readonly ownerOf: (connectionId: number) => ConnectionOwner | undefined,
    readonly owners: () => Iterable<ConnectionOwner>,
  ) {}

  ownersOfGroup(): Iterable<ConnectionOwner> {
    return this.owners();
  }

  ownersOfUid(): Iterable<ConnectionOwner> {
    return this.owners();
  }
}
