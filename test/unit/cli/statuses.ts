import { noTasks } from '@shoal/core/internal/pipe/task-counters';
import type { ClientInfo, ProcessStatus, ServerStatus } from '@shoal/core/internal/pipe/questions';

export function processStatus(fields: Partial<ProcessStatus> = {}): ProcessStatus {
  return {
    role: 'worker',
    workerId: 0,
    pid: 101,
    generation: 2,
    state: 'ready',
    uptime: 61_000,
    connections: 5,
    requests: 1_000,
    requestsPerSecond: 12.34,
    inFlight: 3,
    loopLagP99: 1.25,
    rss: 50 * 1024 * 1024,
    restarts: 0,
    lastCrash: null,
    ...fields,
  };
}

export function serverStatus(fields: Partial<ServerStatus> = {}): ServerStatus {
  return {
    name: 'chat',
    mode: 'process',
    state: 'serving',
    masterPid: 99,
    managerPid: 100,
    generation: 2,
    startedAt: 1_000_000,
    uptime: 3_700_000,
    listeners: [
      { name: 'lines', address: '127.0.0.1', port: 9501 },
      { name: 'six', address: '::1', port: 9502 },
    ],
    stats: {
      connections: 12_345,
      acceptedConnections: 20_000,
      closedConnections: 7_655,
      acceptedPackets: 100_000,
      handledPackets: 99_990,
      redeliveredPackets: 2,
      pinnedLost: 0,
      failedDispatches: 0,
      outstandingPackets: 7,
      closedBy: { client: 7_655 },
      refused: { PACKET_TOO_LONG: 2, CLOSED: 1 },
      failedHandlers: 4,
      tasks: noTasks,
      ledger: {
        accepted: 100_000,
        handled: 99_990,
        redeliveredAndHandled: 0,
        refused: { PACKET_TOO_LONG: 2, CLOSED: 1 },
        outstanding: 7,
      },
    },
    processes: [
      processStatus({ role: 'master', workerId: -1, pid: 99, loopLagP99: null, rss: 0 }),
      processStatus(),
      processStatus({
        workerId: 1,
        pid: 0,
        state: 'down',
        uptime: 0,
        restarts: 3,
        lastCrash: { at: 4_690_000, reason: 'exit code 70:\n\x1b[2Jboom' },
      }),
    ],
    ...fields,
  };
}

export function clientInfo(id: number): ClientInfo {
  return {
    id,
    listener: 'lines',
    remote: { address: id % 2 === 0 ? '::1' : '10.0.0.7', port: 40_000 + id },
    local: { address: '127.0.0.1', port: 9501 },
    workerId: id % 3 === 0 ? null : 1,
    connectedAt: 1_000_000,
    state: 'open',
    outstandingPackets: 1,
    partialBytes: 0,
    uid: null,
    groups: 0,
    protected: false,
    lastReceivedAt: null,
    lastSentAt: null,
    queuedBytes: 2_048,
    paused: false,
    pinned: false,
  };
}
