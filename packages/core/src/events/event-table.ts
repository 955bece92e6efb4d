import type { EventName, RoleName } from '../definition.js';

/** What the kernel knows of one event. */
export interface EventRow {
  /** The decorator that declares a handler for it. */
  readonly decorator: string;
  /**
   * Which processes run it. In base mode the first process is master and manager at once; a user process runs what
   * names it, and nothing else.
   */
  readonly roles: readonly RoleName[];
  /** `hook`: any number of handlers. `connection` and `datagram`: one for each listener. `message` and `command`: one for each name. */
  readonly kind: 'hook' | 'connection' | 'datagram' | 'message' | 'command';
  /** Names of the handler's arguments, in order; traces use them. */
  readonly fields: readonly string[];
  /** Hooks that undo: they run in reverse order of `handlers`. */
  readonly reversed: boolean;
}

/** One row for each event: the source of checks, traces and logs. */
export const eventTable: Readonly<Record<EventName, EventRow>> = {
  start: hook('OnStart', ['master'], []),
  beforeShutdown: hook('OnBeforeShutdown', ['master'], []),
  shutdown: hook('OnShutdown', ['master'], [], true),
  managerStart: hook('OnManagerStart', ['manager'], []),
  managerStop: hook('OnManagerStop', ['manager'], [], true),
  workerStart: hook('OnWorkerStart', ['worker', 'taskWorker', 'userProcess'], ['workerId']),
  workerExit: hook('OnWorkerExit', ['worker', 'taskWorker', 'userProcess'], ['workerId']),
  workerStop: hook('OnWorkerStop', ['worker', 'taskWorker', 'userProcess'], ['workerId'], true),
  workerError: hook('OnWorkerError', ['manager'], ['error']),
  beforeReload: hook('OnBeforeReload', ['manager'], []),
  afterReload: hook('OnAfterReload', ['manager'], ['report']),
  connect: onConnection('OnConnect', ['connection']),
  adopt: onConnection('OnAdopt', ['connection', 'reason']),
  receive: onConnection('OnReceive', ['connection', 'data', 'delivery']),
  close: onConnection('OnClose', ['connection', 'reason']),
  connection: onConnection('OnConnection', ['stream', 'connection']),
  drain: onConnection('OnDrain', ['connection']),
  bufferFull: onConnection('OnBufferFull', ['connection']),
  bufferEmpty: onConnection('OnBufferEmpty', ['connection']),
  packet: {
    decorator: 'OnPacket',
    roles: ['worker'],
    kind: 'datagram',
    fields: ['packet', 'delivery'],
    reversed: false,
  },
  task: message('OnTask', ['taskWorker'], 'task'),
  finish: message('OnFinish', ['worker', 'userProcess'], 'result'),
  pipeMessage: message('OnPipeMessage', ['worker', 'taskWorker', 'userProcess'], 'message'),
  command: {
    decorator: 'OnCommand',
    roles: ['worker', 'taskWorker', 'userProcess', 'master', 'manager'],
    kind: 'command',
    fields: ['data'],
    reversed: false,
  },
};

/** Argument of `@OnWorkerError`, which runs in the manager. */
export interface WorkerErrorEvent {
  readonly workerId: number;
  readonly pid: number;
  /** Exit code, or null when a signal ended the worker. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** A sentence: what the worker said last, or what its exit code means. */
  readonly reason: string;
  /** Where: of the error that it died of, or of what its event loop was blocked by. */
  readonly stack?: string;
}

/** Third argument of `@OnReceive`, second of `@OnPacket`. */
export interface Delivery {
  /** 1; 2 or more when an earlier worker may have started this packet and died. */
  readonly attempt: number;
  /** Bytes that earlier attempts have already sent on this connection, or replied to this packet. */
  readonly answered: number;
}

function hook(
  decorator: string,
  roles: readonly RoleName[],
  fields: readonly string[],
  reversed = false,
): EventRow {
  return { decorator, roles, kind: 'hook', fields, reversed };
}

function message(decorator: string, roles: readonly RoleName[], field: string): EventRow {
  return { decorator, roles, kind: 'message', fields: [field], reversed: false };
}

function onConnection(decorator: string, fields: readonly string[]): EventRow {
  return { decorator, roles: ['worker'], kind: 'connection', fields, reversed: false };
}
