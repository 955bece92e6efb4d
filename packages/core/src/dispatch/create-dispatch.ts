import type { Settings } from '../config/load.js';
import type { Logger } from '../log.js';
import type { Clock } from '../platform/platform.js';
import { ByModule } from './by-module.js';
import type { DispatchPolicy } from './dispatch.js';
import { Fixed } from './fixed.js';
import { IpHash } from './ip-hash.js';
import { LeastConnections } from './least-connections.js';
import { LeastInFlight } from './least-in-flight.js';
import { loadDispatchModule } from './load-dispatch-module.js';
import { Preemptive } from './preemptive.js';
import { RoundRobin } from './round-robin.js';
import type { SharedCounts } from './shared-counts.js';

/**
 * The policy of these settings: a dispatch module, if there is one, before
 * `dispatchMode`. Rejects with `ConfigError` CONFIG_DISPATCH_MODULE when the
 * module is none, or does not fit the mode.
 */
export async function createDispatch(
  settings: Settings,
  idStep: number,
  counts: SharedCounts,
  clock: Clock,
  logger: Logger,
): Promise<DispatchPolicy> {
  const policy = policyOf(settings, idStep, counts);
  const { dispatchModule, workerNum } = settings;
  if (dispatchModule === undefined) return policy;
  const ask = await loadDispatchModule(dispatchModule, policy.sticky);
  return new ByModule(ask, dispatchModule, policy, workerNum, clock, logger);
}

/** The policy that `dispatchMode` names. Ids of connections of one reactor lie `idStep` apart. */
function policyOf(settings: Settings, idStep: number, counts: SharedCounts): DispatchPolicy {
  const { workerNum } = settings;
  switch (settings.dispatchMode) {
    case 'fixed':
      return new Fixed(workerNum, idStep);
    case 'ipHash':
      return new IpHash(workerNum, new Fixed(workerNum, idStep));
    case 'leastConnections':
      return new LeastConnections(counts.connections, counts.turn);
    case 'roundRobin':
      return new RoundRobin(workerNum, counts.turn);
    case 'preemptive':
      return new Preemptive(counts.inFlight, counts.turn);
    case 'leastInFlight':
      return new LeastInFlight(counts.inFlight, counts.turn);
  }
}
