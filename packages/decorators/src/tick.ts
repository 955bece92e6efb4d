import { ConfigError } from '@shoal/core';
import { duration, type Duration } from '@shoal/core/internal/config/duration';
import { Refusal } from '@shoal/core/internal/config/reader';
import { show } from '@shoal/core/internal/config/show';
import type { Decorated, MethodMarker } from './method-decorator.js';
import { subscribe } from './registrations.js';

const interval = duration(1);

/**
 * Calls the method again and again in each event worker, from its start to its
 * stop: `@Tick(1000)`, `@Tick('10s')`. The interval lies between the starts of
 * two runs.
 *
 * @param ms whole milliseconds or a number with its unit, 1 ms to 2^31-1 ms (a little less than 25 days)
 * @throws ConfigError CONFIG_INVALID for any other interval, when the class is declared
 */
export function Tick(ms: Duration): MethodMarker<() => unknown> {
  const read = interval.read(ms);
  if (read instanceof Refusal) {
    throw new ConfigError('CONFIG_INVALID', `@Tick: ${show(ms)} ${read.reason}. Remedy: ${read.remedy}.`);
  }
  return (...decorated: Decorated) => subscribe('@Tick', decorated, { kind: 'timer', interval: read });
}
