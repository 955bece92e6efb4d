import { usesQueue } from '../config/limits.js';
import type { Settings } from '../config/load.js';

/**
 * Which processes a server consists of.
 *
 * - `process`: master with reactor threads, manager, workers, task workers, in the queue modes the queue.
 * - `base`: the first process is master and manager; workers own their sockets.
 * - `single`: base mode with one worker and no task workers, in one process.
 */
export interface Topology {
  readonly kind: 'process' | 'base' | 'single';
  /** All of them, the first one included. */
  readonly processes: number;
  /** For each reactor, the indexes of the listeners that it accepts on; empty without reactor threads. */
  readonly reactors: readonly (readonly number[])[];
}

/**
 * Without `reusePort` a listening socket belongs to one thread, so listeners are
 * spread over the reactors. There is no such thing for a unix socket.
 */
export function topologyOf(settings: Settings, reusePort: boolean, userProcesses = 0): Topology {
  const { mode, workerNum, taskWorkerNum, reactorNum, listeners } = settings;
  const others = taskWorkerNum + userProcesses + (usesQueue(settings) ? 1 : 0);
  if (mode === 'base') {
    const single = workerNum === 1 && others === 0;
    return {
      kind: single ? 'single' : 'base',
      processes: single ? 1 : workerNum + others + 1,
      reactors: [],
    };
  }
  const reactors = Array.from({ length: reactorNum }, (_, reactor) => {
    return [...listeners.keys()].filter((index) => {
      const shared = reusePort && listeners[index]!.type !== 'unix';
      return shared || index % reactorNum === reactor;
    });
  });
  return { kind: 'process', processes: workerNum + others + 2, reactors };
}
