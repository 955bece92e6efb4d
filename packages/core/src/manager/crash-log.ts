/** The end of a worker, as far as it is told. */
export interface Crash {
  /** `worker 0` */
  readonly title: string;
  /** A sentence on why it ended. */
  readonly reason: string;
  readonly stack: string | undefined;
}

/** Identical crashes that follow each other. */
export interface CrashRun {
  readonly key: string;
  /** ms after which it is to be summarized. */
  interval: number;
  /** Since its last line. */
  count: number;
  readonly titles: Set<string>;
  reason: string;
}

const FIRST_INTERVAL_MS = 10_000;
const LONGEST_INTERVAL_MS = 600_000;
/** Texts that differ only beyond so many characters are taken for one. */
const LONGEST_KEY_PART = 16 * 1024;
/** So many kinds of crashes are told apart at a time; beyond, each is told whole. */
const MAX_RUNS = 100;

/**
 * Decides what is said of crashes that repeat: the first of a kind whole, then
 * one line with a count for each interval, which grows. A kind that did not come
 * back within its interval is new again.
 *
 * Two crashes are of a kind when a worker of the same role ended for the same
 * reason with the same stack, numbers aside: pids, ids, addresses and lines.
 */
export class CrashLog {
  readonly #runs = new Map<string, CrashRun>();

  /** The run that this crash begins: tell it whole, and summarize the run after its interval. Undefined when it is one more. */
  note({ title, reason, stack }: Crash): CrashRun | undefined {
    const key = [title, reason, stack ?? ''].map(withoutNumbers).join('\n');
    const run = this.#runs.get(key);
    if (run !== undefined) {
      run.count++;
      run.titles.add(title);
      run.reason = reason;
      return undefined;
    }
    const begun: CrashRun = { key, interval: FIRST_INTERVAL_MS, count: 0, titles: new Set(), reason };
    if (this.#runs.size < MAX_RUNS) this.#runs.set(key, begun);
    return begun;
  }

  /** The line for an interval that is over; undefined when nothing came, which ends the run. */
  summarize(run: CrashRun): string | undefined {
    const line = this.#lineOf(run);
    if (line === undefined) this.#runs.delete(run.key);
    else run.interval = Math.min(run.interval * 2, LONGEST_INTERVAL_MS);
    return line;
  }

  /** Ends all runs; the lines for what was not told yet. */
  end(): string[] {
    const lines = [...this.#runs.values()].map((run) => this.#lineOf(run));
    this.#runs.clear();
    return lines.filter((line) => line !== undefined);
  }

  #lineOf(run: CrashRun): string | undefined {
    const { count, titles, reason } = run;
    if (count === 0) return undefined;
    const [first] = titles;
    const others = titles.size - 1;
    const who = others === 0 ? first : `${first} and ${others} other${others === 1 ? '' : 's'}`;
    run.count = 0;
    titles.clear();
    return `${who} ended ${count} more time${count === 1 ? '' : 's'}: ${reason}`;
  }
}

/**
 * Decimal and hexadecimal numbers, also inside of a word such as an id. The text
 * is the application's, and may be anything: each character is looked at a few
 * times at most, and what is kept has an end.
 */
function withoutNumbers(text: string): string {
  return text
    .slice(0, LONGEST_KEY_PART)
    .replace(/\w+/g, (word) =>
      /^[\da-f]+$/i.test(word) && /\d/.test(word) ? '#' : word.replace(/\d+/g, '#'),
    );
}
