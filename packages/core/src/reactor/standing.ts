import type { Uid } from '../pipe/orders.js';
import type { Client } from './delivery.js';

/** A group of connections of one owner. */
export interface Group {
  readonly name: string;
  /** In the order in which they joined, each with its number in that. */
  readonly members: Map<Standing, number>;
}

/** What has been made of a connection: whose it is, and where it belongs. Most connections have none. */
export class Standing {
  uid: Uid | undefined;
  readonly groups = new Set<Group>();
  /** Nobody finds the connection by them any longer. */
  hasLeft = false;

  constructor(readonly connection: Client) {}
}
