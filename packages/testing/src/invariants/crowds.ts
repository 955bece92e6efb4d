import type { Many, ReactorFact, WorkerFact } from '@shoal/core/internal/events/facts';
import type { Rule } from './violation.js';

/** What one process has sent to many. */
interface SentToMany {
  readonly to: string;
  readonly except: readonly number[];
  readonly bytes: number;
  readonly data: string;
  /** Its place among all that this process has sent, to whomever. */
  readonly place: number;
  /** How many facts there were before. */
  readonly time: number;
  readonly reached: Set<number>;
}

type CrowdFact = ReactorFact & { readonly kind: 'bound' | 'joined' | 'left' | 'leaves' };

export interface CrowdHost {
  lives(pid: number): boolean;
  report(rule: Rule, message: string, connection: number): void;
  /** A handler closes a group or a uid that the connection belongs to. */
  mayBeEnded(connection: number): void;
  /** Whether every process that sends knows every owner of sockets. */
  readonly ownersAreKnown: boolean;
  /** Whether uids say which worker serves a connection. */
  readonly followsUids: boolean;
}

/**
 * What is sent to groups and uids reaches those that belong to them at that time,
 * each at most once, in the order of its sender, and who asks about them is told
 * how many those are. All connections of a uid are in
 * one worker, where the dispatch mode says so.
 */
export class Crowds {
  /** By connection: what it belongs to, with the time at which that began. */
  readonly #belongs = new Map<number, Map<string, number>>();
  /** By connection: who has its socket. */
  readonly #owners = new Map<number, string>();
  readonly #bySender = new Map<number, SentToMany[]>();
  readonly #places = new Map<number, number>();
  /** By connection and sender: the place of what was written last. */
  readonly #written = new Map<string, number>();
  readonly #ended = new Set<string>();
  readonly #uids = new Map<number, string>();
  readonly #workerOfUid = new Map<string, number>();
  #time = 0;

  constructor(private readonly host: CrowdHost) {}

  /** The place of the next thing that a process sends, to whomever. */
  next(pid: number): number {
    const place = (this.#places.get(pid) ?? 0) + 1;
    this.#places.set(pid, place);
    return place;
  }

  observe(owner: string, fact: CrowdFact): void {
    this.#time++;
    const { connection } = fact;
    this.#owners.set(connection, owner);
    switch (fact.kind) {
      case 'bound':
        this.#uids.set(connection, keyOf({ uid: fact.uid }));
        this.#enter(connection, keyOf({ uid: fact.uid }));
        return;
      case 'joined':
        this.#enter(connection, keyOf({ group: fact.group }));
        return;
      case 'left':
        this.#belongs.get(connection)?.delete(keyOf({ group: fact.group }));
        return;
      case 'leaves':
        this.#belongs.delete(connection);
    }
  }

  /** What an owner of sockets has in its tables is what has joined there and not left. */
  told(owner: string, { of, count }: ReactorFact & { kind: 'members' }): void {
    const key = keyOf(of);
    let members = 0;
    for (const [connection, belongs] of this.#belongs)
      if (belongs.has(key) && this.#owners.get(connection) === owner) members++;
    if (members !== count)
      this.host.report('stats', `${key} is said to have ${count} connections, and has ${members}`, 0);
  }

  sent(pid: number, { to, except, bytes, data }: WorkerFact & { kind: 'sentToMany' }): void {
    const sent = this.#bySender.get(pid) ?? [];
    const [place, time] = [this.next(pid), ++this.#time];
    sent.push({ to: keyOf(to), except, bytes, data, place, time, reached: new Set() });
    this.#bySender.set(pid, sent);
  }

  ended({ to }: WorkerFact & { kind: 'endedMany' }): void {
    const key = keyOf(to);
    this.#ended.add(key);
    for (const [connection, belongs] of this.#belongs) if (belongs.has(key)) this.host.mayBeEnded(connection);
  }

  /** Something that was sent to one connection was written there. */
  wroteToOne(connection: number, pid: number, place: number): void {
    const key = `${connection}/${pid}`;
    const last = this.#written.get(key) ?? 0;
    if (place < last) this.#report('bytes', connection, `gets what pid ${pid} sent out of order`);
    this.#written.set(key, Math.max(place, last));
  }

  /** Something that was sent to many was written for one of them, or was refused because it did not fit. */
  wrote(
    { connection, worker, bytes, data }: ReactorFact & { kind: 'output' | 'outputRefused' },
    to: Many,
  ): void {
    const target = keyOf(to);
    if (this.#belongs.get(connection)?.has(target) !== true)
      this.#report(
        'bytes',
        connection,
        `gets what pid ${worker} sent to ${target}, where it does not belong`,
      );
    const last = this.#written.get(`${connection}/${worker}`) ?? 0;
    const such = this.#bySender.get(worker)?.find((sent) => {
      const same = sent.to === target && sent.bytes === bytes && sent.data === data;
      return same && sent.place > last && !sent.except.includes(connection);
    });
    if (such === undefined) {
      this.#report(
        'bytes',
        connection,
        `gets ${JSON.stringify(data)}, which pid ${worker} has not sent to ${target}, or before`,
      );
      return;
    }
    such.reached.add(connection);
    this.#written.set(`${connection}/${worker}`, such.place);
  }

  /** An event goes to a worker: to that of its uid. */
  delivered({ connection, workerId }: ReactorFact & { kind: 'delivered' }): void {
    const uid = this.#uids.get(connection);
    if (uid === undefined || !this.host.followsUids) return;
    const home = this.#workerOfUid.get(uid) ?? workerId;
    this.#workerOfUid.set(uid, home);
    if (home !== workerId)
      this.#report(
        'order',
        connection,
        `goes to worker ${workerId}, and others of its ${uid} to worker ${home}`,
      );
  }

  /** It is over, or its owner is. */
  forget(connection: number): void {
    this.#belongs.delete(connection);
    this.#uids.delete(connection);
    this.#owners.delete(connection);
  }

  /** Nothing is on its way: whoever has belonged since before a send has got it. */
  atRest(): void {
    if (!this.host.ownersAreKnown) return;
    for (const [pid, all] of this.#bySender)
      if (this.host.lives(pid)) for (const sent of all) this.#checkReach(pid, sent);
  }

  #checkReach(pid: number, { to, except, time, reached, data }: SentToMany): void {
    for (const [connection, belongs] of this.#belongs) {
      const since = belongs.get(to);
      if (since === undefined || since >= time || reached.has(connection) || except.includes(connection))
        continue;
      this.#report(
        'bytes',
        connection,
        `belongs to ${to} and has not got ${JSON.stringify(data)} of pid ${pid}`,
      );
    }
  }

  #enter(connection: number, key: string): void {
    const belongs = this.#belongs.get(connection) ?? new Map<string, number>();
    this.#belongs.set(connection, belongs.set(key, this.#time));
    if (this.#ended.has(key)) this.host.mayBeEnded(connection);
  }

  #report(rule: Rule, connection: number, message: string): void {
    this.host.report(rule, `connection ${connection}: ${message}`, connection);
  }
}

function keyOf(to: Many): string {
  return 'group' in to ? `group ${to.group}` : `uid ${JSON.stringify(to.uid)}`;
}
