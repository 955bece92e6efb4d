import type { Settings } from '../config/load.js';
import type { ServerStats, WorkerNote } from '../pipe/messages.js';
import type { ProcessStatus, ServerState, ServerStatus } from '../pipe/questions.js';
import type { Endpoint } from '../platform/platform.js';
import type { Topology } from '../topology/topology.js';

export interface StatusParts {
  readonly settings: Settings;
  readonly topology: Topology;
  readonly state: ServerState;
  readonly masterPid: number;
  readonly managerPid: number;
  /** ms since the epoch. */
  readonly startedAt: number;
  readonly uptime: number;
  readonly endpoints: readonly Endpoint[];
  readonly stats: ServerStats;
  readonly notes: readonly WorkerNote[];
}

/** The whole server as its first process knows it. */
export function serverStatus(parts: StatusParts): ServerStatus {
  const { settings, topology, state, masterPid, managerPid, startedAt, uptime, endpoints, stats, notes } =
    parts;
  return {
    name: settings.name,
    mode: settings.mode,
    state,
    masterPid,
    managerPid,
    generation: 1,
    startedAt,
    uptime,
    listeners: endpoints.map((endpoint, index) => ({ ...endpoint, name: settings.listeners[index]!.name })),
    stats,
    processes: [...chiefs(topology, parts), ...notes.map((note) => workerStatus(note, parts))],
  };
}

/** The processes above the workers. The only process of a server without a fork is its worker. */
function chiefs({ kind }: Topology, { state, masterPid, managerPid, uptime }: StatusParts): ProcessStatus[] {
  const first = { ...unknown, pid: masterPid, uptime, state: processState(state) };
  switch (kind) {
    case 'process': {
      const managerState = managerPid === 0 ? 'down' : first.state;
      return [
        { ...first, role: 'master' },
        { ...unknown, role: 'manager', pid: managerPid, state: managerState },
      ];
    }
    case 'base':
      return [{ ...first, role: 'manager' }];
    case 'single':
      return [];
  }
}

function workerStatus(note: WorkerNote, { settings, topology, uptime }: StatusParts): ProcessStatus {
  const { workerId, pid, state, restarts } = note;
  const { workerNum, taskWorkerNum } = settings;
  const role =
    workerId < workerNum ? 'worker' : workerId < workerNum + taskWorkerNum ? 'taskWorker' : 'userProcess';
  const known = { role, workerId, pid: state === 'down' ? 0 : pid, state, restarts } as const;
  return { ...unknown, ...known, ...(topology.kind === 'single' && { uptime }) };
}

function processState(state: ServerState): ProcessStatus['state'] {
  if (state === 'starting' || state === 'stopping') return state;
  return 'ready';
}

/** What the notes of the manager do not tell. */
const unknown = {
  workerId: -1,
  generation: 1,
  uptime: 0,
  connections: 0,
  requests: 0,
  requestsPerSecond: 0,
  inFlight: 0,
  loopLagP99: null,
  rss: 0,
  restarts: 0,
  lastCrash: null,
} satisfies Partial<ProcessStatus>;
