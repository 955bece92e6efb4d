import { usesQueue } from '../config/limits.js';
import type { Settings } from '../config/load.js';
import type { Endpoint } from '../platform/platform.js';
import { endpointText } from '../topology/endpoint-text.js';
import type { Topology } from '../topology/topology.js';

/** What a server says when it is ready. */
export function bannerLines(
  settings: Settings,
  topology: Topology,
  endpoints: readonly Endpoint[],
  reusePort: boolean,
  /** Why `workerNum: 'auto'` is what it is; undefined where a number was written. */
  autoReason: string | undefined,
): string[] {
  const lines = endpoints.map((endpoint, index) => {
    const { name, type } = settings.listeners[index]!;
    return `listener ${name} is open on ${type} ${endpointText(endpoint)}`;
  });
  lines.push(`${settings.name} serves: ${inWords(settings, topology)}`);
  if (autoReason !== undefined) lines.push(`workerNum auto is ${settings.workerNum}: ${autoReason}`);
  if (topology.kind === 'process' && settings.reactorNum > 1 && !reusePort) {
    const idle = topology.reactors.filter((listeners) => listeners.length === 0).length;
    lines.push(
      'threads cannot share a port here, so each listener has one reactor' +
        (idle > 0 ? `, and ${idle} of ${settings.reactorNum} reactors have none` : '') +
        ' (they can with Node 22.12 or later on Linux)',
    );
  }
  return lines;
}

function inWords(settings: Settings, topology: Topology): string {
  const { workerNum, taskWorkerNum, reactorNum, dispatchMode, dispatchModule, messageQueueKey } = settings;
  const asked = dispatchModule === undefined ? '' : 'by a module, then ';
  const queue = usesQueue(settings) ? `, queue ${messageQueueKey}` : '';
  switch (topology.kind) {
    case 'process':
      return (
        `process mode, ${topology.processes} processes: master with ${count(reactorNum, 'reactor')}, manager, ` +
        `${count(workerNum, 'worker')}, ${count(taskWorkerNum, 'task worker')}${queue}, dispatch ${asked}${dispatchMode}`
      );
    case 'base':
      return (
        `base mode, ${topology.processes} processes: manager, ${count(workerNum, 'worker')}, ` +
        `${count(taskWorkerNum, 'task worker')}${queue}`
      );
    case 'single':
      return 'base mode in one process';
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
