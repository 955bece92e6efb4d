/**
 * What one worker has got since its last flush, summed up: one entry for each
 * kind and name, so that a share is short however many lines are in it.
 */
import type { Sample } from './statsd-line.js';

/** Values that a timer keeps, the latest ones. */
export const TIMINGS_KEPT = 100;
/** A share with so many lines or bytes goes at once: its clients wait for it before they may send more. */
const MOST_LINES = 512;
const MOST_BYTES = 65_536;

export type Entry = { readonly name: string; values: number } & (
  | { readonly kind: 'counter'; amount: number }
  | { readonly kind: 'gauge'; value: number; relative: boolean }
  | { readonly kind: 'timer'; timings: number[] }
  | { readonly kind: 'set'; readonly members: string[] }
);

/** A share on its way to the keeper. Sender and number tell it from all others, so that one that comes again is known. */
export interface Share {
  readonly kind: 'share';
  readonly sender: string;
  readonly number: number;
  readonly lines: number;
  readonly malformed: number;
  readonly entries: readonly Entry[];
}

/** A share that still grows. */
export class GrowingShare {
  /** For all lines in it: resolves when they are counted for good. */
  readonly counted: Promise<void>;
  #settle!: () => void;
  #lines = 0;
  #bytes = 0;
  #malformed = 0;
  readonly #entries = new Map<string, Entry>();

  constructor() {
    this.counted = new Promise((resolve) => (this.#settle = resolve));
  }

  get empty(): boolean {
    return this.#lines === 0;
  }

  get full(): boolean {
    return this.#lines >= MOST_LINES || this.#bytes >= MOST_BYTES;
  }

  /** Takes what one line said; `undefined` is a value that was malformed. */
  add(samples: readonly (Sample | undefined)[], bytes: number): void {
    this.#lines++;
    this.#bytes += bytes;
    for (const sample of samples) {
      if (sample === undefined) this.#malformed++;
      else this.#addSample(sample);
    }
  }

  settle(): void {
    this.#settle();
  }

  sealed(sender: string, number: number): Share {
    const entries = [...this.#entries.values()];
    return { kind: 'share', sender, number, lines: this.#lines, malformed: this.#malformed, entries };
  }

  #addSample(sample: Sample): void {
    const key = `${sample.kind} ${sample.name}`;
    const entry = this.#entries.get(key);
    if (entry === undefined) this.#entries.set(key, entryOf(sample));
    else merge(entry, sample);
  }
}

function entryOf(sample: Sample): Entry {
  const { name } = sample;
  switch (sample.kind) {
    case 'counter':
    case 'gauge':
      return { ...sample, values: 1 };
    case 'timer':
      return { kind: 'timer', name, values: 1, timings: [sample.ms] };
    case 'set':
      return { kind: 'set', name, values: 1, members: [sample.member] };
  }
}

function merge(entry: Entry, sample: Sample): void {
  entry.values++;
  if (entry.kind === 'counter' && sample.kind === 'counter') entry.amount += sample.amount;
  if (entry.kind === 'gauge' && sample.kind === 'gauge') {
    entry.value = sample.relative ? entry.value + sample.value : sample.value;
    entry.relative &&= sample.relative;
  }
  if (entry.kind === 'timer' && sample.kind === 'timer')
    entry.timings = [...entry.timings, sample.ms].slice(-TIMINGS_KEPT);
  if (entry.kind === 'set' && sample.kind === 'set' && !entry.members.includes(sample.member))
    entry.members.push(sample.member);
}
