/**
 * The one table of what travels over links (master, manager, workers, reactor
 * threads): notes, plain JSON, of whose order and arrival the system takes care.
 * Whatever has to do with clients travels over pipes, as frames: see `messages.ts`.
 */
import type { WireError } from '../errors.js';
import type { Endpoint, TlsMaterial } from '../platform/platform.js';
import type { ListenPlace } from '../topology/listen-options.js';
import type { Place } from './assignments.js';
import type { WorkerCounters } from './counters.js';
import type { WorkerNote, WorkerVitals } from './crew-status.js';
import type { AdoptReason, Peer } from './messages.js';
import type { Question, ReloadProgress } from './questions.js';

/** A question over a link, answered by an `AnswerNote` with the same number. */
export interface AskNote {
  readonly type: 'ask';
  readonly request: number;
  readonly question: InnerQuestion;
}

export interface AnswerNote {
  readonly type: 'answer';
  readonly request: number;
  readonly answer?: unknown;
  /** In place of an answer. */
  readonly error?: WireError;
}

/** Something that happens before the answer. */
export interface ProgressNote {
  readonly type: 'progress';
  readonly request: number;
  readonly progress: ReloadProgress;
}

/** What the processes ask each other beside what users may ask. */
export type InnerQuestion =
  | Question
  /** To a reactor: `ReactorCounters`. To the manager: `WorkerCounters[]`, its own included. To a worker: `WorkerCounters`. */
  | { readonly what: 'counters' }
  /** To the manager: `CrewStatus`. */
  | { readonly what: 'workers' }
  /** To a worker: whether it may still read files of that incarnation, which is gone. */
  | { readonly what: 'needsFiles'; readonly incarnation: number };

/** Master → reactor thread. */
export type ToReactor =
  | ({ readonly type: 'listen'; readonly listener: number } & ListenPlace)
  /** Workers up to this incarnation are ended by the framework: their deaths charge no packet. */
  | { readonly type: 'blameless'; readonly throughIncarnation: number; readonly reason: AdoptReason }
  /** Stop accepting and reading; report `drained` when every connection is closed. */
  | { readonly type: 'drain'; readonly deadline: number }
  | AskNote
  | CertificatesNote
  /** Open the log file anew. */
  | { readonly type: 'reopenLogs' }
  /** End the thread. */
  | { readonly type: 'stop' };

/** What new connections are secured with, before the first listener and whenever it has changed. */
export interface CertificatesNote {
  readonly type: 'certificates';
  readonly certificates: Certificates;
}

/** In the order of the listeners; null for one without TLS. It holds private keys: it goes over links only, to those who own sockets. */
export type Certificates = readonly (TlsMaterial | null)[];

/** Reactor thread → master. */
export type FromReactor =
  | { readonly type: 'started' }
  | { readonly type: 'listening'; readonly listener: number; readonly endpoint: Endpoint }
  | { readonly type: 'listenFailed'; readonly listener: number; readonly error: WireError }
  | { readonly type: 'failed'; readonly error: WireError }
  | { readonly type: 'drained' }
  /** Answer to `blameless`. */
  | { readonly type: 'informed' }
  | AnswerNote;

/** Manager → master. */
export type FromManager =
  | { readonly type: 'workers'; readonly workers: readonly WorkerNote[] }
  /** All workers are ready for the first time. */
  | { readonly type: 'ready' }
  /** New workers are of this generation from now on. */
  | { readonly type: 'generation'; readonly generation: number }
  | TimerRanNote
  /** A worker cannot boot, again and again. */
  | { readonly type: 'gaveUp'; readonly error: WireError }
  /** The manager itself cannot start. */
  | { readonly type: 'failed'; readonly error: WireError }
  | { readonly type: 'shutdown' }
  | AskNote
  | AnswerNote
  | ProgressNote;

/** Holder → manager → master: a timer of `on: 'one'` that runs once has run, and must not again. */
export interface TimerRanNote {
  readonly type: 'timerRan';
  readonly timer: string;
}

/** What a worker found on disk beside its own code. */
export interface OnDisk {
  /** Names of what has changed and needs a restart of the server. */
  readonly needRestart: readonly string[];
  /** What is wrong with the settings there. Those of the running server hold; a restart would fail. */
  readonly invalidSettings?: WireError;
}

/** Master → manager. */
export type ToManager =
  /** The reactors wait for the handlers that run, at most that many ms: the workers are told. */
  | { readonly type: 'drain'; readonly deadline: number }
  /** Stop the workers, which have that many ms for the handlers that run, then leave. */
  | { readonly type: 'stop'; readonly deadline: number }
  /** Open the log file anew, and tell the workers to. */
  | { readonly type: 'reopenLogs' }
  | AskNote
  | AnswerNote
  | ProgressNote;

/** Worker → manager. */
export type FromWorker =
  /** The application is loaded and its objects are made; what has changed on disk and needs a restart. */
  | { readonly type: 'loaded'; readonly onDisk: OnDisk }
  /** Every start hook has settled: it may be told to serve. */
  | { readonly type: 'ready' }
  /** The place is its own: what comes for its id comes here. `mayHoldTimers`: it has timers of `on: 'one'`. */
  | { readonly type: 'serving'; readonly mayHoldTimers?: boolean }
  | { readonly type: 'bootFailed'; readonly error: WireError }
  | { readonly type: 'uncaught'; readonly error: WireError }
  | { readonly type: 'pong'; readonly vitals: WorkerVitals; readonly counters: WorkerCounters }
  /** It would like to be replaced. */
  | { readonly type: 'recycle'; readonly reason: string }
  /** The worker has decided to leave in order: its exit is no error. */
  | { readonly type: 'leaving' }
  /** What it has counted to the end: the last note but for the exit. */
  | { readonly type: 'account'; readonly counters: WorkerCounters }
  | { readonly type: 'drained' }
  /** It was the holder of the timers of `on: 'one'`, and none of them runs here any more, nor will. */
  | { readonly type: 'released' }
  | TimerRanNote
  | { readonly type: 'shutdown' }
  | AskNote
  | AnswerNote;

/** Manager → worker. */
export type ToWorker =
  | { readonly type: 'ping' }
  /** A spare gets its place. */
  | { readonly type: 'assume'; readonly place: Place }
  /** Take the place: answered by `serving`. */
  | { readonly type: 'serve' }
  /** It holds the timers of `on: 'one'` until it has said `released`. `ran`: those of them that run once, and have. */
  | { readonly type: 'hold'; readonly ran: readonly string[] }
  /** base mode: a bound listener comes along with this note. */
  | { readonly type: 'listener'; readonly listener: number; readonly endpoint: Endpoint }
  /** base mode. */
  | CertificatesNote
  /** Who else serves, or did and still has something to finish. */
  | { readonly type: 'peers'; readonly peers: readonly Peer[] }
  /**
   * The server stops: whoever owns the sockets waits for the handlers that run. base mode: stop accepting and reading;
   * report `drained` when every connection is closed.
   */
  | { readonly type: 'drain'; readonly deadline: number }
  /**
   * Finish what has started, within that many ms, run the stop hooks and leave.
   * `replaced`: another worker has its place, or will; else the server stops.
   */
  | { readonly type: 'stop'; readonly deadline: number; readonly replaced: boolean }
  /** Open the log file anew. */
  | { readonly type: 'reopenLogs' }
  | AskNote
  | AnswerNote
  | ProgressNote;
