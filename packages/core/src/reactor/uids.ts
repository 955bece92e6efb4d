import type { Uid } from '../pipe/orders.js';
import type { Standing } from './standing.js';

/** Whose an owner's connections are. A uid is kept while it has an open connection, so their number is bounded by those. */
export class Uids {
  readonly #byUid = new Map<Uid, Set<Standing>>();

  /** How many there are. */
  get count(): number {
    return this.#byUid.size;
  }

  add(member: Standing, uid: Uid): void {
    const members = this.#byUid.get(uid);
    if (members === undefined) this.#byUid.set(uid, new Set([member]));
    else members.add(member);
  }

  remove(member: Standing, uid: Uid): void {
    const members = this.#byUid.get(uid);
    members?.delete(member);
    if (members?.size === 0) this.#byUid.delete(uid);
  }

  connections(uid: Uid): ReadonlySet<Standing> {
    return this.#byUid.get(uid) ?? nobody;
  }
}

const nobody: ReadonlySet<never> = new Set<never>();
