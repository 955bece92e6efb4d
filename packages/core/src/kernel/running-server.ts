import type { RoleName } from '../definition.js';
import type { ServerStats } from '../pipe/server-stats.js';
import type { ReloadProgress, ReloadReport, ServerStatus } from '../pipe/questions.js';
import type { Endpoint } from '../platform/platform.js';

/** What `start()` and `run()` resolve to in the master once every worker is ready. */
export interface RunningServer {
  /** Where each listener really listens, in the order of the settings: port 0 has become a number. */
  readonly listeners: readonly (Endpoint & { readonly name: string })[];
  readonly masterPid: number;
  /** In base mode without a fork, this and `masterPid` are the one process. */
  readonly managerPid: number;
  /** Live: event workers, then task workers, then user processes, then the queue, by id. */
  readonly workers: readonly WorkerStatus[];
  /** The whole server at this moment, process by process. */
  status(): Promise<ServerStatus>;
  /**
   * Replaces all workers and task workers, or task workers `only`, by new ones
   * with the code on disk; resolves with what came of it, at its end. Rejects with
   * ProcessError RELOAD_RUNNING, SHUTTING_DOWN or NOT_SUPPORTED when it does not begin.
   */
  reload(options?: ReloadOptions): Promise<ReloadReport>;
  /** Retires one worker; resolves when another has its place. See `Server.stop`. */
  stop(workerId: number): Promise<void>;
  /** Counters of the whole server since its start. */
  stats(): Promise<ServerStats>;
  /** Drains and stops everything; resolves when no process of the server is left but this one. Idempotent. */
  shutdown(): Promise<void>;
}

export interface ReloadOptions {
  readonly only?: 'task';
  /** Told of each step as it happens. */
  readonly onProgress?: (progress: ReloadProgress) => void;
}

export interface WorkerStatus {
  readonly workerId: number;
  readonly role: Extract<RoleName, 'worker' | 'taskWorker' | 'userProcess' | 'queue'>;
  /** 0 while the worker is being replaced. */
  readonly pid: number;
  /** Grows with every start of any worker; a message of an older one is ignored. */
  readonly incarnation: number;
  readonly state: 'starting' | 'ready' | 'stopping' | 'down';
  /** How often a worker of this id was started in place of one that died. Planned replacements do not count. */
  readonly restarts: number;
}
