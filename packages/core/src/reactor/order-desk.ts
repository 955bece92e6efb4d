/**
 * Where an owner of sockets does what any process orders or requests of its
 * connections. Whoever sends to many is done when this has been done: each member
 * takes its copy or closes by its own bound, and nobody waits for one of them.
 */
import type { Many, Observe } from '../events/facts.js';
import {
  decodeOrder,
  type Answers,
  type NamePage,
  type Order,
  type Page,
  type Request,
  type Uid,
} from '../pipe/orders.js';
import type { Clock } from '../platform/platform.js';
import type { ClientConnection } from './client-connection.js';
import type { Client } from './delivery.js';
import { Groups } from './groups.js';
import { closeSilent, isSilent } from './sweeps.js';
import { Standing } from './standing.js';
import { Uids } from './uids.js';

/** What the desk needs of the owner of the sockets. */
export interface DeskHost {
  readonly clock: Clock;
  readonly observe: Observe | undefined;
  connection(id: number): ClientConnection | undefined;
  /** In the order of their ids. */
  allConnections(): Iterable<ClientConnection>;
  /** The connection has got its uid, which may mean another worker. */
  bound(connection: ClientConnection): void;
  /** Counts and logs what is refused. */
  refuseOrder(code: 'GROUP_LIMIT', message: string): void;
}

export class OrderDesk {
  readonly #groups: Groups;
  readonly #uids = new Uids();

  constructor(
    private readonly host: DeskHost,
    private readonly maxGroups: number,
    private readonly maxGroupsPerConnection: number,
  ) {
    this.#groups = new Groups(maxGroups, maxGroupsPerConnection);
  }

  /** An order of process `pid`, with its data, in `buffer[start, end)`. */
  order(headBytes: number, buffer: Buffer, start: number, end: number, pid: number): void {
    this.#carryOut(decodeOrder(buffer, start, headBytes), buffer, start + headBytes, end, pid);
  }

  /** The answer to a request, as JSON. */
  request(buffer: Buffer, start: number, end: number): Buffer {
    return Buffer.from(
      JSON.stringify(this.answer(JSON.parse(buffer.toString('utf8', start, end)) as Request)),
    );
  }

  answer(request: Request): Answers[Request['what']] {
    switch (request.what) {
      case 'bind':
        return this.#bind(request.id, request.uid);
      case 'groupsOf':
        return namesOf(this.host.connection(request.id)?.standing, request.after, request.limit);
      case 'isOnline':
        return this.#tellMembers({ uid: request.uid }, this.#uids.connections(request.uid).size) > 0;
      case 'groupSize':
        return this.#tellMembers({ group: request.group }, this.#groups.members(request.group).size);
      case 'members':
        return page(placesOf(this.#groups.members(request.group)), request.after, request.limit);
      case 'connectionsOf':
        return page(idsOf(this.#uids.connections(request.uid)), request.after, request.limit);
      case 'stale':
        return this.#stale(request.close, request.after, request.limit);
    }
  }

  /** The connection takes nothing more: it is in no group, and nobody's. */
  left(standing: Standing): void {
    this.#groups.leaveAll(standing);
    if (standing.uid !== undefined) this.#uids.remove(standing, standing.uid);
  }

  #tellMembers(of: Many, count: number): number {
    this.host.observe?.({ kind: 'members', of, count });
    return count;
  }

  #carryOut(order: Order, buffer: Buffer, start: number, end: number, pid: number): void {
    switch (order.what) {
      case 'protect': {
        const connection = this.#open(order.id);
        if (connection !== undefined) connection.isProtected = order.on;
        return;
      }
      case 'join':
        this.#join(order.id, order.group);
        return;
      case 'leave': {
        const standing = this.#open(order.id)?.standing;
        if (standing === undefined || !this.#groups.leave(standing, order.group)) return;
        this.host.observe?.({ kind: 'left', connection: order.id, group: order.group });
        return;
      }
      case 'sendToGroup': {
        const { group } = order;
        const except = order.except.length === 0 ? undefined : new Set(order.except);
        const many = { group };
        for (const { connection } of this.#groups.members(group).keys())
          if (except?.has(connection.id) !== true) connection.send(buffer, start, end, pid, many);
        return;
      }
      case 'sendToUid': {
        const { uid } = order;
        for (const { connection } of this.#uids.connections(uid))
          connection.send(buffer, start, end, pid, { uid });
        return;
      }
      case 'closeGroup':
        closeAll([...this.#groups.members(order.group).keys()], order.reset);
        return;
      case 'closeUid':
        closeAll([...this.#uids.connections(order.uid)], order.reset);
    }
  }

  #join(id: number, group: string): void {
    const connection = this.#open(id);
    if (connection === undefined) return;
    const how = this.#groups.join(standingOf(connection), group);
    if (how === 'joined') this.host.observe?.({ kind: 'joined', connection: id, group });
    if (how !== 'full') return;
    const { maxGroups, maxGroupsPerConnection } = this;
    this.host.refuseOrder(
      'GROUP_LIMIT',
      `connection ${id} did not join a group: it is in ${connection.standing!.groups.size} of maxGroupsPerConnection, ${maxGroupsPerConnection}, and there are ${this.#groups.count} of maxGroups, ${maxGroups}`,
    );
  }

  /** Once in the life of a connection; to say it again changes nothing and is true. */
  #bind(id: number, uid: Uid): boolean {
    const connection = this.#open(id);
    if (connection === undefined) return false;
    const standing = standingOf(connection);
    if (standing.uid !== undefined) return standing.uid === uid;
    standing.uid = uid;
    this.#uids.add(standing, uid);
    this.host.observe?.({ kind: 'bound', connection: id, uid });
    this.host.bound(connection);
    return true;
  }

  #stale(close: boolean, after: number, limit: number): Page {
    const ids: number[] = [];
    const now = this.host.clock.now();
    for (const connection of this.host.allConnections()) {
      if (connection.id <= after || !isSilent(connection, now)) continue;
      if (close) closeSilent(connection, now);
      ids.push(connection.id);
      if (ids.length === limit) break;
    }
    return ids.length < limit ? { ids } : { ids, next: ids.at(-1)! };
  }

  #open(id: number): ClientConnection | undefined {
    const connection = this.host.connection(id);
    return connection?.open === true ? connection : undefined;
  }
}

function standingOf(connection: ClientConnection): Standing {
  return (connection.standing ??= new Standing(connection));
}

/** A copy is walked: who is closed leaves. */
function closeAll(members: readonly Standing[], reset: boolean): void {
  for (const { connection } of members) closeOne(connection, reset);
}

function closeOne(connection: Client, reset: boolean): void {
  if (reset) connection.abort('server');
  else connection.finish('server');
}

function* placesOf(members: ReadonlyMap<Standing, number>): Iterable<readonly [id: number, place: number]> {
  for (const [{ connection }, place] of members) yield [connection.id, place];
}

function* idsOf(members: ReadonlySet<Standing>): Iterable<readonly [id: number, place: number]> {
  for (const id of [...members].map(({ connection }) => connection.id).sort((a, b) => a - b)) yield [id, id];
}

/** At most `limit` ids whose place is above `after`; each page walks over those before it. */
function page(all: Iterable<readonly [id: number, place: number]>, after: number, limit: number): Page {
  const ids: number[] = [];
  for (const [id, place] of all) {
    if (place <= after) continue;
    ids.push(id);
    if (ids.length === limit) return { ids, next: place };
  }
  return { ids };
}

/** The same of the names of its groups. */
function namesOf(standing: Standing | undefined, after: number, limit: number): NamePage {
  const names: string[] = [];
  if (standing === undefined) return { names };
  for (const { name, members } of standing.groups) {
    const place = members.get(standing)!;
    if (place <= after) continue;
    names.push(name);
    if (names.length === limit) return { names, next: place };
  }
  return { names };
}
