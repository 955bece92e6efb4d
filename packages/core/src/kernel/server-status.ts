import type { WorkerRow } from '../pipe/crew-status.js';
import type { ProcessStatus, ServerState, ServerStatus } from '../pipe/questions.js';
import type { Self, Vitals } from '../platform/platform.js';
import type { Topology } from '../topology/topology.js';

/** How the processes of a server are doing, as those who watch them tell. */
export interface PlantReport {
  readonly stats: ServerStatus['stats'];
  readonly workers: readonly WorkerRow[];
  /** Of a manager in a process of its own. */
  readonly manager?: Vitals;
  /** Connections that a worker serves, in sticky dispatch modes. */
  connectionsOf(workerId: number): number;
}

/** What the first process itself knows. */
export interface FirstFacts extends Omit<ServerStatus, 'stats' | 'processes'> {
  readonly kind: Topology['kind'];
  readonly self: Self;
}

/** The whole server at one moment. */
export function serverStatus({ kind, self, ...facts }: FirstFacts, report: PlantReport): ServerStatus {
  const { stats, workers, manager, connectionsOf } = report;
  const rows = workers.map((row) => workerStatus(row, connectionsOf));
  return { ...facts, stats, processes: [...chiefs(kind, self, facts, manager), ...rows] };
}

/** The processes above the workers. The only process of a server without a fork is its worker. */
function chiefs(
  kind: Topology['kind'],
  self: Self,
  { managerPid, uptime, generation, state }: Omit<FirstFacts, 'kind' | 'self'>,
  vitals: Vitals | undefined,
): ProcessStatus[] {
  if (kind === 'single') return [];
  const first = {
    ...nothing,
    pid: self.pid,
    generation,
    uptime,
    state: processState(state),
    ...self.vitals(),
  };
  if (kind === 'base') return [{ ...first, role: 'manager' }];
  const managerState = managerPid === 0 ? 'down' : first.state;
  return [
    { ...first, role: 'master' },
    { ...nothing, role: 'manager', pid: managerPid, generation, state: managerState, ...vitals },
  ];
}

function workerStatus(row: WorkerRow, connectionsOf: (workerId: number) => number): ProcessStatus {
  const { role, name, workerId, pid, generation, state, uptime, vitals, restarts, lastCrash, current } = row;
  const { requestsPerSecond } = row;
  const { requests, inFlight, rss, loopLagP99, connections } = { ...nothing, ...vitals };
  return {
    role,
    ...(name !== undefined && { name }),
    workerId,
    pid,
    generation,
    state,
    uptime: Math.round(uptime),
    connections: current && role === 'worker' ? connectionsOf(workerId) : connections,
    requests,
    requestsPerSecond,
    inFlight,
    loopLagP99,
    rss,
    restarts,
    lastCrash,
  };
}

function processState(state: ServerState): ProcessStatus['state'] {
  return state === 'starting' || state === 'stopping' ? state : 'ready';
}

/** What is not known, or does not concern a process above the workers. */
const nothing = {
  workerId: -1,
  uptime: 0,
  connections: 0,
  requests: 0,
  requestsPerSecond: 0,
  inFlight: 0,
  loopLagP99: null as number | null,
  rss: 0,
  restarts: 0,
  lastCrash: null,
} satisfies Partial<ProcessStatus>;
