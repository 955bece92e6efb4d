/**
 * What one process of a server asks another, and what a control socket asks the
 * first process. A question travels up the tree, from worker to manager to
 * master, until it meets somebody who can answer it; the answer goes back the
 * same way. Questions and answers are plain JSON.
 */
import { fromWire, ProcessError, type WireError } from '../errors.js';
import type { Endpoint } from '../platform/platform.js';
import type { Uid } from './orders.js';
import type { TaskState, TaskSummary } from './queued-tasks.js';
import type { ServerStats } from './server-stats.js';

export type Question =
  | { readonly what: 'stats' }
  | { readonly what: 'status' }
  /** The connection with that id, wherever its socket is. */
  | { readonly what: 'clientInfo'; readonly id: number }
  /** Connections with ids above `after`, in the order of their ids; at most `limit` of them. */
  | { readonly what: 'connections'; readonly after: number; readonly limit: number }
  /**
   * Replace the workers by new ones with the code that is on disk. With
   * `until: 'accepted'` the answer comes when the canaries have proved themselves
   * and no worker has been touched yet; default is the end of the reload.
   */
  | {
      readonly what: 'reload';
      readonly only?: 'taskWorker';
      readonly until?: 'accepted' | 'done';
    }
  /** Retire one worker; a new one takes its place. Answered when that serves. */
  | { readonly what: 'stopWorker'; readonly workerId: number }
  /** Answered by the process that it is for: an id, the name of a user process, 'master' or 'manager'. */
  | {
      readonly what: 'command';
      readonly target: number | string;
      readonly name: string;
      /** See `pipe/command-data.ts`; so is the answer. */
      readonly data: string;
      /** ms that whoever asks waits. */
      readonly timeout: number;
    }
  /** Tasks in the queue with ids above `after`, in the order of their ids; at most `limit` of them. */
  | {
      readonly what: 'tasks';
      readonly state?: TaskState;
      readonly after: number;
      readonly limit: number;
    }
  /** Dead letters are ready again, all of them where no ids are given. */
  | { readonly what: 'retryTasks'; readonly ids?: readonly number[] }
  /** Forgets the tasks that wait or are delayed. */
  | { readonly what: 'drainTasks' }
  /** Answered at once; the server stops then. */
  | { readonly what: 'shutdown' }
  /** Every process opens its log file anew. */
  | { readonly what: 'reopenLogs' };

/** What each question is answered with. An error comes as `WireError` in its place. */
export interface Answers {
  readonly stats: ServerStats;
  readonly status: ServerStatus;
  readonly clientInfo: ClientInfo | null;
  readonly connections: readonly ClientInfo[];
  readonly reload: ReloadReport;
  readonly stopWorker: null;
  readonly command: string;
  readonly tasks: readonly TaskSummary[];
  /** How many. */
  readonly retryTasks: number;
  /** How many. */
  readonly drainTasks: number;
  readonly shutdown: null;
  readonly reopenLogs: null;
}

export type AnswerTo<Asked extends Question> = Answers[Asked['what']];

/** What is known of one connection where its socket is. */
export interface ClientInfo {
  readonly id: number;
  /** The name of the listener that accepted it. */
  readonly listener: string;
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /** The worker that serves it; null where each packet may go to another. */
  readonly workerId: number | null;
  /** ms since the epoch. */
  readonly connectedAt: number;
  readonly state: 'open' | 'ending' | 'closed';
  /** Packets that were accepted and are not settled. */
  readonly outstandingPackets: number;
  /** Bytes that wait for the client. */
  readonly queuedBytes: number;
  /** Bytes that have come and are no packet yet. */
  readonly partialBytes: number;
  /** Whose it is; null until it was bound. */
  readonly uid: Uid | null;
  /** How many groups it is in. */
  readonly groups: number;
  /** Whether its silence does not close it. */
  readonly protected: boolean;
  /** ms since the epoch, or of its start if nothing has come; null where its listener has neither `heartbeatIdleTime` nor `maxIdleTime`. */
  readonly lastReceivedAt: number | null;
  /** ms since the epoch; null where nothing was sent, or its listener has neither. */
  readonly lastSentAt: number | null;
  /** The application has stopped reading it, or has not begun to: by `pause`, or `enableDelayReceive`. */
  readonly paused: boolean;
  /** It is served as a stream, and lives and dies with its worker. */
  readonly pinned: boolean;
}

export type ServerState = 'starting' | 'serving' | 'reloading' | 'lameDuck' | 'stopping';

/** The whole server at one moment. */
export interface ServerStatus {
  readonly name: string;
  readonly mode: 'process' | 'base';
  readonly state: ServerState;
  readonly masterPid: number;
  /** 0 while the manager is being replaced. */
  readonly managerPid: number;
  /** 1, and one more for each reload that was accepted. */
  readonly generation: number;
  /** ms since the epoch. */
  readonly startedAt: number;
  /** ms since then. */
  readonly uptime: number;
  readonly listeners: readonly (Endpoint & { readonly name: string })[];
  readonly stats: ServerStats;
  readonly processes: readonly ProcessStatus[];
}

/** One process of the server, master and manager included. */
export interface ProcessStatus {
  readonly role: 'master' | 'manager' | 'worker' | 'taskWorker' | 'userProcess' | 'queue' | 'spare';
  /** Of a user process. */
  readonly name?: string;
  /** -1 where there is none. */
  readonly workerId: number;
  /** 0 while it is being replaced. */
  readonly pid: number;
  readonly generation: number;
  readonly state: 'starting' | 'ready' | 'stopping' | 'down';
  /** ms since it was started; 0 where unknown. */
  readonly uptime: number;
  /** Connections that it serves, in sticky dispatch modes and in base mode. */
  readonly connections: number;
  /** Events of connections that it has settled since it was started. */
  readonly requests: number;
  /** The same for one second, over the last few. */
  readonly requestsPerSecond: number;
  /** Events whose handler has not settled. */
  readonly inFlight: number;
  /** ms by which its event loop was late at the 99th percentile since it was last asked; null where unknown. */
  readonly loopLagP99: number | null;
  /** Resident memory in bytes; 0 where unknown. */
  readonly rss: number;
  /** How often a worker of this id was started in place of one that died. Planned replacements do not count. */
  readonly restarts: number;
  /** The last end of this id that was not planned. */
  readonly lastCrash: { readonly at: number; readonly reason: string } | null;
}

/**
 * How a reload ended.
 *
 * - `accepted`: the canaries have proved themselves; the old workers are about to be replaced.
 * - `done`: every worker concerned is of the new generation.
 * - `rolledBack`: a canary failed; the old generation serves, untouched.
 * - `halted`: a worker of the new generation failed while the others were being
 *   replaced; those in `replaced` are new, the others old.
 * - `stopping`: the server was stopped meanwhile.
 */
export interface ReloadReport {
  readonly outcome: 'accepted' | 'done' | 'rolledBack' | 'halted' | 'stopping';
  /** The generation that new workers have now. */
  readonly generation: number;
  /** Ids of the workers that are new. */
  readonly replaced: readonly number[];
  /** What failed: the worker's own error with its stack. */
  readonly failure?: { readonly workerId: number; readonly reason: string; readonly error?: WireError };
  /** Settings, hooks and modules that have changed on disk and are not applied: they need a restart. */
  readonly needRestart: readonly string[];
  /** What is wrong with the certificates on disk, so that those of before stay; absent where nothing is. */
  readonly certificateProblems?: readonly string[];
  /** ms that it took. */
  readonly duration: number;
}

/** One step of a reload, as it happens. */
export interface ReloadProgress {
  readonly step:
    /** A first worker of the new generation was started. */
    | 'canary'
    /** It is ready, and watched for `bakeTime`. */
    | 'baking'
    /** The canaries are accepted: the old workers go one after the other. */
    | 'accepted'
    /** A new worker was started for that id. */
    | 'starting'
    /** The new worker serves, and the old one finishes what it has begun. */
    | 'serving'
    /** The old worker has left. */
    | 'retired'
    | 'failed';
  readonly workerId: number;
  readonly pid: number;
  /** What failed, or another sentence for the operator. */
  readonly text?: string;
  /** `accepted`: what has changed on disk and needs a restart. */
  readonly needRestart?: readonly string[];
}

/** The report of a reload that was accepted. Throws `ProcessError` RELOAD_FAILED for one that was not. */
export function orThrow(report: ReloadReport): ReloadReport {
  const { outcome, failure } = report;
  if (outcome === 'accepted' || outcome === 'done') return report;
  const options = failure?.error === undefined ? undefined : { cause: fromWire(failure.error) };
  const reason =
    outcome === 'stopping'
      ? 'the server is stopping'
      : `worker ${failure?.workerId} of the new generation: ${failure?.reason}`;
  throw new ProcessError('RELOAD_FAILED', `the reload did not come to its end: ${reason}`, options);
}

/** ms that the queue has to answer: to retry or to forget many tasks takes some. */
export const QUEUE_PATIENCE_MS = 30_000;

/** Whether it is for the process that has the queue. */
export function isForQueue({ what }: { readonly what: string }): boolean {
  return what === 'tasks' || what === 'retryTasks' || what === 'drainTasks';
}

/** Of a server without one. */
export function noQueue(): ProcessError {
  return new ProcessError(
    'NOT_SUPPORTED',
    "this server has no queue of tasks: write taskIpcMode: 'queue' or 'sharedQueue'",
  );
}

/** Answers a question, and tells what happens meanwhile. Rejects with the error that is the answer. */
export type Ask = (question: Question, onProgress: (progress: ReloadProgress) => void) => Promise<unknown>;
