import { ConfigError } from '../errors.js';
import { count } from './reader.js';

/** One thing that the operator must change. */
export interface Problem {
  /** `listeners[0].port`; `settings` is the whole. */
  readonly path: string;
  /** The value as far as it may be shown. */
  readonly found: string;
  /** What is wrong with it; goes on from the value. */
  readonly reason: string;
  /** What to write instead. */
  readonly remedy: string;
}

export type Path = readonly (string | number)[];

/** Everything that is wrong with a configuration, one line each. */
export class ConfigProblems extends ConfigError {
  constructor(readonly problems: readonly Problem[]) {
    super(
      'CONFIG_INVALID',
      `the configuration has ${count(problems.length, 'problem')}:\n${problems.map(toLine).join('\n')}`,
    );
    // Whoever catches it knows it by the class that says who must act.
    this.name = 'ConfigError';
  }
}

function toLine({ path, found, reason, remedy }: Problem): string {
  return `  ${path}: ${found} ${reason}; ${remedy}`;
}

export function pathInWords(path: Path): string {
  if (path.length === 0) return 'settings';
  return path.reduce<string>((words, step) => {
    if (typeof step === 'number') return `${words}[${step}]`;
    // Names come from the user's file: a line break in one must not forge a line of the message.
    const name = /^[\w$-]{1,64}$/.test(step) ? step : JSON.stringify(step.slice(0, 64));
    return words === '' ? name : `${words}.${name}`;
  }, '');
}

/** What the user wrote there; undefined where there is nothing. */
export function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null
        ? (value as Record<string | number, unknown>)[step]
        : undefined,
    input,
  );
}
