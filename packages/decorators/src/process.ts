import { ConfigError } from '@shoal/core';
import { show } from '@shoal/core/internal/config/show';
import type { Constructor } from '@shoal/core/internal/definition';
import { processNameProblem } from '@shoal/core/internal/events/check-processes';
import type { ClassMarker } from './class-decorator.js';
import { ClassMetadata } from './metadata.js';

const names = new ClassMetadata<string>('process');

/**
 * Declares a class that lives in a process of its own: `@Process('poller')`. It
 * takes part when it is listed in the `handlers` of `@ServerConfig`, and is built
 * in that process alone, with what its constructor asks for.
 *
 * The process is started before the workers, stopped after them and supervised
 * like them; a reload does not touch it. A method `run()` is called once when the
 * process serves: what it throws ends the process, which is started again, and
 * when it returns the process lives on. `@OnWorkerStart`, `@OnWorkerExit`,
 * `@OnWorkerStop`, `@Tick` and `@OnCommand` methods run there too, with the id of
 * the process where a worker has its own.
 *
 * @param name how status, titles, logs and commands call the process; not 'master' or 'manager'
 * @throws ConfigError CONFIG_INVALID for a name that is none, when the class is declared
 */
export function Process(name: string): ClassMarker {
  const problem = processNameProblem(name);
  if (problem !== undefined) {
    const given = typeof name === 'function' ? 'a class' : show(name);
    throw new ConfigError(
      'CONFIG_INVALID',
      `@Process was given ${given}: ${problem}. Write @Process('poller').`,
    );
  }
  return (type) => names.set(type, name);
}

/** The name that exactly this class carries; undefined when it lives in no process of its own. */
export function processName(type: Constructor): string | undefined {
  return names.own(type);
}

/** Whether the class has a body, which runs when its process serves. */
export function hasRun(type: Constructor): boolean {
  return typeof (type.prototype as { run?: unknown }).run === 'function';
}
