/**
 * The numbers: running totals of all shares. Because a client decides what is
 * kept, everything has a bound; what does not fit is dropped and counted.
 *
 * A snapshot has all of it, also which shares are in it, so that totals which
 * are made from a snapshot know a share that comes again.
 */
import { TIMINGS_KEPT, type Entry, type Share } from './share.js';

/** Names of each kind that are kept, and members of all sets together. */
export const NAMES_KEPT = 10_000;
/** Characters of a name, and of a member: with it a snapshot that is full still fits into a task. */
export const LONGEST_NAME = 200;
/** The latest workers whose shares are known again. */
const SENDERS_KEPT = 100;

export interface Snapshot {
  readonly health: 'up' | 'down';
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
  readonly timers: Readonly<Record<string, readonly number[]>>;
  readonly sets: Readonly<Record<string, readonly string[]>>;
  /** The last share of each worker. */
  readonly shares: Readonly<Record<string, number>>;
}

export class Totals {
  health: 'up' | 'down' = 'up';
  readonly counters = new Map<string, number>();
  readonly gauges = new Map<string, number>();
  readonly timers = new Map<string, readonly number[]>();
  readonly #sets = new Map<string, Set<string>>();
  #members = 0;
  readonly #shares = new Map<string, number>();
  /** In seconds. */
  #uptime = 0;
  #lastMessage = 0;

  constructor(from?: Snapshot) {
    for (const name of ['statsd.metrics_received', 'statsd.metrics_dropped', 'statsd.bad_lines_seen'])
      this.counters.set(name, 0);
    if (from === undefined) return;
    this.health = from.health;
    this.counters = new Map(Object.entries(from.counters));
    this.gauges = new Map(Object.entries(from.gauges));
    this.timers = new Map(Object.entries(from.timers));
    this.#shares = new Map(Object.entries(from.shares));
    for (const [name, members] of Object.entries(from.sets)) {
      this.#sets.set(name, new Set(members));
      this.#members += members.length;
    }
  }

  /** How many different members each set has seen. */
  get sets(): ReadonlyMap<string, number> {
    return new Map([...this.#sets].map(([name, members]) => [name, members.size]));
  }

  /** Seconds that this object has counted. */
  get uptime(): number {
    return this.#uptime;
  }

  /** Seconds since the last share, or since the start. */
  get silence(): number {
    return this.#uptime - this.#lastMessage;
  }

  get badLinesSeen(): number {
    return this.counters.get('statsd.bad_lines_seen') ?? 0;
  }

  /** Told every second. */
  tick(): void {
    this.#uptime++;
  }

  /** Adds a share, once: shares of one sender come in the order of their numbers. */
  add({ sender, number, lines, malformed, entries }: Share): void {
    if (number <= (this.#shares.get(sender) ?? 0)) return;
    this.#note(sender, number);
    this.#lastMessage = this.#uptime;
    this.#count('statsd.metrics_received', lines);
    this.#count('statsd.bad_lines_seen', malformed);
    let dropped = 0;
    for (const entry of entries) dropped += this.#drops(entry);
    this.#count('statsd.metrics_dropped', dropped);
  }

  snapshot(): Snapshot {
    return {
      health: this.health,
      counters: Object.fromEntries(this.counters),
      gauges: Object.fromEntries(this.gauges),
      timers: Object.fromEntries(this.timers),
      sets: Object.fromEntries([...this.#sets].map(([name, members]) => [name, [...members]])),
      shares: Object.fromEntries(this.#shares),
    };
  }

  /** Says for how many values there was no room. */
  #drops(entry: Entry): number {
    const { name, values } = entry;
    const { counters, gauges, timers } = this;
    switch (entry.kind) {
      case 'counter':
        return put(counters, name, (counters.get(name) ?? 0) + entry.amount) ? 0 : values;
      case 'gauge': {
        const from = entry.relative ? (gauges.get(name) ?? 0) : 0;
        return put(gauges, name, from + entry.value) ? 0 : values;
      }
      case 'timer': {
        const timings = [...(timers.get(name) ?? []), ...entry.timings].slice(-TIMINGS_KEPT);
        return put(timers, name, timings) ? 0 : values;
      }
      case 'set':
        return entry.members.filter((member) => !this.#keepMember(name, member)).length;
    }
  }

  #keepMember(name: string, member: string): boolean {
    const members = this.#sets.get(name) ?? new Set();
    if (members.has(member)) return true;
    if (this.#members >= NAMES_KEPT || member.length > LONGEST_NAME || !put(this.#sets, name, members))
      return false;
    members.add(member);
    this.#members++;
    return true;
  }

  #count(name: string, by: number): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by);
  }

  #note(sender: string, number: number): void {
    this.#shares.delete(sender);
    this.#shares.set(sender, number);
    const [oldest] = this.#shares.keys();
    if (this.#shares.size > SENDERS_KEPT) this.#shares.delete(oldest!);
  }
}

function put<Value>(group: Map<string, Value>, name: string, value: Value): boolean {
  if (!group.has(name) && (group.size >= NAMES_KEPT || name.length > LONGEST_NAME)) return false;
  group.set(name, value);
  return true;
}
