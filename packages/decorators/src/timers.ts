import { ConfigError } from '@shoal/core';
import { duration, type Duration } from '@shoal/core/internal/config/duration';
import { Refusal } from '@shoal/core/internal/config/reader';
import { show } from '@shoal/core/internal/config/show';
import type { TimerPlace } from '@shoal/core/internal/definition';
import type { Decorated, MethodMarker } from './method-decorator.js';
import { subscribe } from './registrations.js';

export interface TimerOptions {
  /**
   * The processes in which the timer runs, and the class is built.
   *
   * - `'every'`, the default: each event worker.
   * - `'one'`: one event worker at any time, the holder. When it dies or begins to leave, and its last run has settled,
   *   another one holds it: never two at once, and none only until one serves.
   * - `'task'`: each task worker.
   * - a number: the process of that id. Event workers have 0 to workerNum-1, task workers follow, then user processes. An
   *   id that does not exist is a ConfigError CONFIG_UNKNOWN_WORKER at the start of the server.
   */
  readonly on?: TimerPlace;
}

const interval = duration(1);

/**
 * Calls the method again and again, from the moment at which its process serves
 * until it begins to leave: `@Tick(1000)`, `@Tick('10s', { on: 'one' })`. The
 * interval lies between the starts of two runs, which keep to its multiples. An
 * async run never overlaps the next one, and what is missed meanwhile is skipped.
 * A run that fails is logged and counted, and the timer goes on.
 *
 * @param ms whole milliseconds or a number with its unit, 1 ms to 2^31-1 ms (a little less than 25 days)
 * @throws ConfigError CONFIG_INVALID for any other interval or place, when the class is declared
 */
export function Tick(ms: Duration, options: TimerOptions = {}): MethodMarker<() => unknown> {
  const timer = readTimer('@Tick', ms, options);
  return (...decorated: Decorated) => subscribe('@Tick', decorated, timer);
}

/**
 * Calls the method once, so many ms after its process began to serve; never, if
 * it begins to leave before. A process that takes the place of another runs it again.
 *
 * With `{ on: 'one' }` once in the life of the server, so many ms after a worker
 * became the holder. If that one dies or leaves before the run has settled, the
 * next holder waits anew and runs it. A run that fails is not repeated.
 *
 * @param ms as for `@Tick`
 * @throws ConfigError CONFIG_INVALID as for `@Tick`
 */
export function After(ms: Duration, options: TimerOptions = {}): MethodMarker<() => unknown> {
  const timer = readTimer('@After', ms, options);
  return (...decorated: Decorated) => subscribe('@After', decorated, { ...timer, once: true });
}

function readTimer(decorator: string, ms: Duration, { on }: TimerOptions) {
  const read = interval.read(ms);
  if (read instanceof Refusal) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${decorator}: ${show(ms)} ${read.reason}. Remedy: ${read.remedy}.`,
    );
  }
  if (!isPlace(on)) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${decorator}: on is ${show(on)}. Remedy: write 'every', 'one', 'task', or the id of a worker.`,
    );
  }
  return { kind: 'timer', interval: read, ...(on !== undefined && { on }) } as const;
}

function isPlace(on: TimerPlace | undefined): boolean {
  if (typeof on === 'number') return Number.isSafeInteger(on) && on >= 0;
  return on === undefined || on === 'every' || on === 'one' || on === 'task';
}
