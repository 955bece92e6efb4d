/**
 * The numbers. Running totals since the worker started: nothing is flushed, so
 * that no reader has to race a flush.
 *
 * They live in the memory of one worker. Because a client decides what is kept,
 * everything has a bound; what does not fit is dropped and counted.
 */
import { Injectable } from '@shoal/decorators';
import type { Sample } from './statsd-line.js';

/** Names of each kind that are kept, and members of all sets together. */
export const NAMES_KEPT = 10_000;
/** Values that a timer keeps, the latest ones. */
export const TIMINGS_KEPT = 100;

@Injectable()
export class Metrics {
  readonly counters = new Map<string, number>();
  readonly gauges = new Map<string, number>();
  readonly timers = new Map<string, readonly number[]>();
  /** How many different members each set has seen. */
  readonly sets = new Map<string, number>();
  readonly #members = new Set<string>();
  /** In seconds. */
  #uptime = 0;
  #lastMessage = 0;

  constructor() {
    this.#count('statsd.metrics_received', 0);
    this.#count('statsd.metrics_dropped', 0);
    this.#count('statsd.bad_lines_seen', 0);
  }

  get uptime(): number {
    return this.#uptime;
  }

  /** Seconds since the last line, or since the start. */
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

  /** Takes what one line said; `undefined` is a value that was malformed. */
  record(samples: readonly (Sample | undefined)[]): void {
    if (samples.length === 0) return;
    this.#lastMessage = this.#uptime;
    this.#count('statsd.metrics_received');
    for (const sample of samples) {
      if (sample === undefined) this.#count('statsd.bad_lines_seen');
      else if (!this.#keep(sample)) this.#count('statsd.metrics_dropped');
    }
  }

  /** Says whether there was room. */
  #keep(sample: Sample): boolean {
    const { name } = sample;
    switch (sample.kind) {
      case 'counter':
        return put(this.counters, name, (this.counters.get(name) ?? 0) + sample.amount);
      case 'gauge': {
        const from = sample.relative ? (this.gauges.get(name) ?? 0) : 0;
        return put(this.gauges, name, from + sample.value);
      }
      case 'timer': {
        const values = this.timers.get(name) ?? [];
        return put(this.timers, name, [...values, sample.ms].slice(-TIMINGS_KEPT));
      }
      case 'set': {
        const member = `${name}:${sample.member}`;
        if (this.#members.has(member)) return true;
        if (this.#members.size >= NAMES_KEPT) return false;
        this.#members.add(member);
        return put(this.sets, name, (this.sets.get(name) ?? 0) + 1);
      }
    }
  }

  #count(name: string, by = 1): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by);
  }
}

function put<Value>(group: Map<string, Value>, name: string, value: Value): boolean {
  if (!group.has(name) && group.size >= NAMES_KEPT) return false;
  group.set(name, value);
  return true;
}
