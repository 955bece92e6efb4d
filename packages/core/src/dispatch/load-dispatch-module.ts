import { ConfigError } from '../errors.js';
import type { DispatchFunction } from './dispatch-function.js';

interface Found {
  readonly dispatch?: unknown;
  readonly sticky?: unknown;
  readonly default?: unknown;
}

/**
 * Loads the module at a file URL. Rejects with `ConfigError`
 * CONFIG_DISPATCH_MODULE when it has no function, or was written for the other
 * kind of dispatch than `sticky`.
 */
export async function loadDispatchModule(moduleUrl: string, sticky: boolean): Promise<DispatchFunction> {
  const module = await load(moduleUrl);
  const owner = module.default as Found | null | undefined;
  const written = module.sticky ?? owner?.sticky;
  if (written !== undefined && written !== sticky) {
    throw new ConfigError(
      'CONFIG_DISPATCH_MODULE',
      `the dispatch module ${moduleUrl} exports sticky = ${typeof written === 'boolean' ? written : `a value of type ${typeof written}`}, and dispatchMode ` +
        (sticky
          ? "gives each connection one worker: write dispatchMode: 'roundRobin', 'preemptive' or 'leastInFlight'"
          : "chooses a worker for each packet: write dispatchMode: 'fixed', 'ipHash' or 'leastConnections'"),
    );
  }
  for (const candidate of [module.dispatch, owner, owner?.dispatch])
    if (typeof candidate === 'function') return candidate.bind(owner) as DispatchFunction;
  throw new ConfigError(
    'CONFIG_DISPATCH_MODULE',
    `the dispatch module ${moduleUrl} has no function dispatch: export one, ` +
      `(request: DispatchRequest) => DispatchDecision, under that name or as the default`,
  );
}

async function load(moduleUrl: string): Promise<Found> {
  try {
    return (await import(moduleUrl)) as Found;
  } catch (cause) {
    throw new ConfigError(
      'CONFIG_DISPATCH_MODULE',
      `the dispatch module ${moduleUrl} cannot be loaded (${cause instanceof Error ? cause.message : String(cause)}): ` +
        `name a compiled JavaScript module by its file URL, and see that it loads by itself`,
      { cause },
    );
  }
}
