/** What a manager knows of its processes: who they are, and how they are doing. */
import type { Vitals } from '../platform/platform.js';
import type { WorkerCounters } from './counters.js';

/** How a worker is doing. */
export interface WorkerVitals {
  /** Events of connections that it has settled; in a task worker, tasks. */
  readonly requests: number;
  /** Events whose handler is pending. */
  readonly inFlight: number;
  /** base mode: the connections that it owns. */
  readonly connections?: number;
  readonly loopLagP99: number | null;
  /** Bytes. */
  readonly rss: number;
}

/** One living process of a manager, or the empty place of one. */
export interface WorkerNote {
  readonly role: 'worker' | 'taskWorker' | 'userProcess' | 'queue' | 'spare';
  /** -1 in a spare. */
  readonly workerId: number;
  readonly pid: number;
  readonly startedAt: string;
  /** 0 in a spare. */
  readonly incarnation: number;
  readonly state: 'starting' | 'ready' | 'stopping' | 'down';
  readonly restarts: number;
  readonly generation: number;
  /** Whether it has the place of its id: not a spare, nor one that is to come or on its way out. */
  readonly current: boolean;
}

/** What a manager knows of a process, for `status`. */
export interface WorkerRow extends WorkerNote {
  /** Of a user process. */
  readonly name?: string;
  /** ms. */
  readonly uptime: number;
  readonly vitals: WorkerVitals | null;
  readonly requestsPerSecond: number;
  readonly lastCrash: { readonly at: number; readonly reason: string } | null;
}

/** What a manager knows of its processes and of itself. */
export interface CrewStatus {
  readonly workers: readonly WorkerRow[];
  readonly manager: Vitals;
  /** What all of them have counted, those included that are gone, as the manager last heard. */
  readonly counters: WorkerCounters;
}
