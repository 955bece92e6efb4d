/**
 * The one table of what processes of a server say to each other.
 *
 * Frames travel over pipes (reactor and worker, worker and worker); notes
 * travel over links (master, manager, workers, reactor threads) and are plain
 * JSON. Roles meet only here.
 */
import type { TimerSpec } from '../definition.js';
import type { WireError } from '../errors.js';
import type { DoorMemory } from './door-memory.js';
import type { Ledger } from './ledger.js';
import type { Uid } from './orders.js';
import type { Question, ReloadProgress } from './questions.js';
import type { Settings } from '../config/load.js';
import type { CommandPlace, RoleName } from '../definition.js';
import type { TaskCounters } from './task-counters.js';
import type { Endpoint, TlsInfo, TlsMaterial, Vitals } from '../platform/platform.js';
import type { TaskCounts } from './queued-tasks.js';
import type { ListenPlace } from '../topology/listen-options.js';
import type { Topology } from '../topology/topology.js';

export type { ServerStats } from './server-stats.js';

/** Changes whenever a frame or a note changes; two ends of different versions refuse each other. */
export const PIPE_VERSION = 6;

/**
 * Kinds of frames. `id` is a connection id unless said otherwise.
 *
 * Numbered frames carry a `seq` and are kept by their sender until the peer
 * settles them. All others need no number, no window and no settlement.
 */
export const FrameKind = {
  /** First frame of the side that connected; body: `Hello` as JSON. */
  hello: 1,
  /** Answer to a hello that is accepted. */
  welcome: 2,
  /** Answer to a hello that is not; body: the reason as UTF-8. The pipe then closes. */
  refused: 3,
  /** The worker takes the place of its id: from here events go to it, and to no other. */
  ready: 4,
  /** The worker is made to leave: its end charges no packet. Flag `unstarted`: what is unsettled has not been started. */
  goodbye: 5,
  /** A run of `count` numbers from `seq` is settled. Flag `discarded` or `returned`: without having been handled. */
  settle: 6,
  /** A piece of a large frame; `id` is the number of the large frame. */
  chunk: 7,
  /** Numbered. A connection was opened; body: `Introduction` as JSON. */
  connect: 16,
  /** Numbered. A connection that another worker served; body as for connect, then the state. */
  adopt: 17,
  /** Numbered. A packet; `aux` is the attempt, `word` the bytes that earlier attempts answered. */
  packet: 18,
  /** Numbered. The connection is closed; body: the reason as UTF-8. */
  close: 19,
  /** The connection exists, for dispatch modes without connection events; body as for connect. */
  introduce: 20,
  /** The connection is gone, for dispatch modes without connection events. */
  forget: 21,
  /** The client of a pinned connection has finished sending, and everything that it sent is settled. */
  inputEnded: 26,
  /** From the worker: the connection lives and dies with it. What it sends there is settled when the client has taken it. */
  pin: 27,
  /**
   * Numbered. A datagram; `aux` is the attempt, `id` the time of arrival in ms since the epoch, `word` the sender's port
   * and, above 16 bits, the listener, `count` the bytes of the sender's address, which the body begins with, and, above
   * 8 bits, the bytes that earlier attempts replied.
   */
  datagram: 22,
  /** So much waits for the client of the connection that its listener calls it full; `bufferEmpty`: no more. To the worker that serves it. */
  bufferFull: 23,
  bufferEmpty: 24,
  /** Answer to request number `seq`, as JSON. Flag `unasked`: the connection has been bound; body: its uid as JSON. */
  response: 25,
  /** Numbered. Settles `count` packets from number `word`, sends the body and, with the flag `ends`, ends the connection; all, or nothing. */
  answer: 32,
  /**
   * Numbered. Sends the body to the client. Flag `tells`: it is settled when the bytes are with the system, as `returned`
   * when they do not fit, as `discarded` when the client is gone.
   */
  send: 33,
  /**
   * End the connection. Flag `reset`: without flushing. Flag `overflow`: because too much waited in the worker. Flag
   * `timedOut`: because the handler of number `seq` took too long, which is settled by this, and refused if it is a packet.
   * Flag `output`: only what is sent to the client ends. Flag `late`: it is pinned, and its worker must go.
   */
  end: 34,
  /** The connection's state is now the body. */
  state: 35,
  /** The worker is about to start packet `seq` alone (flag `mine`), or that of another pipe. */
  alone: 36,
  /** The packet that ran alone has settled. */
  aloneOver: 37,
  /** The handler of number `seq` was still running when its turn ended. */
  pending: 38,
  /** The socket is closed, and what waits before the close event may take its time: nobody is there any more. */
  cancel: 39,
  /** Answer to `ready`, behind the first events: this worker has the place. */
  serving: 40,
  /** No further event comes over this pipe. The worker finishes what it has started and returns the rest. */
  retire: 41,
  /**
   * Numbered, from any process. Sends a datagram; `id` is `DATAGRAM_LANE`, `aux` the port and `count` the bytes of the
   * address, which the body begins with, and, above 8 bits, the listener. Flag `replies`: to the datagram of number
   * `word`. Flag `settles`: which is settled by it; both, or nothing.
   */
  sendTo: 42,
  /**
   * Numbered. Sends a part of a file to the client; body: `FileRequest` as JSON. Settled as a `send` that tells. In the
   * other direction, without a number: the file of number `seq` cannot be sent; body: `WireError`. The settlement follows.
   */
  sendFile: 43,
  /** Read the client's socket again; flag `pause`: stop to. */
  read: 44,
  /** Numbered. An order, see `orders.ts`; body: its head of `count` bytes, then its data. `id` may be `EVERYBODY`. */
  order: 45,
  /** To the queue: whoever has opened this pipe posts tasks; `id` is its token. */
  poster: 46,
  /** Request number `seq`, see `orders.ts`; body: `Request` as JSON. Answered by `response`. */
  request: 47,

  // Over the mesh, from the process that opened the pipe. `id` is the time of sending, in ms since the epoch, and all
  // of them go in the order in which they were sent. `flags` tells the encoding of the body, see `MeshFlag`.

  /** Numbered. A message to the application; `word` is its number. Settled when its handler starts. */
  post: 48,
  /** Numbered. A message that wants a `reply`, else as `post`. */
  ask: 49,
  /**
   * Numbered. A task; `word` is its id, `aux` the attempt, `count` the bytes of its name, which the body begins with.
   * Settled when its handler has settled, by this or by a `result` that says so.
   */
  task: 50,
  /** Numbered. Results of a task whose poster is gone, for whoever has its place now; body: `OrphanedResult` as a payload. */
  orphan: 51,
  /**
   * Numbered. To the queue: a task; body: `PostHead` of `count` bytes, then the payload. Settled when it is accepted, or
   * by a `result` that says why not, or which it is.
   */
  enqueue: 52,
  /** From the queue: task `id`; body: `LeaseHead` of `count` bytes, then the payload. */
  lease: 53,
  /** From the queue: say what you have of it, which is answered by `held`. With a body, ids as JSON: these are not yours any more. */
  recall: 54,
  /**
   * Numbered, in both directions. What became of a task from the queue, for its poster; body: `OutcomeHead` of `count`
   * bytes, then the result. Settled as `discarded` by whoever is not that poster and does not know it.
   */
  outcome: 55,

  // Over the mesh, to the process that opened the pipe. `flags` as above.

  /** The answer to the message of number `id`. */
  reply: 56,
  /** Numbered. A result of the task that came as number `id`. Flag `last`: and the task is settled by it. */
  result: 57,
  /** To the queue: these tasks, f64 each, are done. Flag `returned`: they were not started, and go back. */
  ended: 58,
  /** To the queue: an attempt at task `id` has failed; body: `WireError`. */
  failed: 59,
  /** To the queue, answer to `recall`; body: `HeldTasks`. */
  held: 60,
  /** From the queue, which has refused a task because it was full: there is room. */
  room: 61,
} as const;

/** The `id` of what is sent as datagrams, which no connection has: large ones wait behind each other, and settlements behind them. */
export const DATAGRAM_LANE = Number.MAX_SAFE_INTEGER;

/** Flags of the frames of the mesh. */
export const MeshFlag = {
  /** The bits that tell the encoding of the body, see `payload.ts`. */
  encoding: 7,
  /** The body is the name of a file that holds it; its writer removes that when this frame is settled. */
  spooled: 8,
  /** reply, result: the body is an error, as `WireError`. */
  failed: 16,
  /** result: the handler has settled. */
  last: 32,
  /** result: the handler has finished without a value. */
  empty: 64,
  /** enqueue: it may have been accepted already, by a queue process that is gone. */
  again: 16,
  /** enqueue: its poster wants to know the id, by a `result`. */
  tells: 32,
} as const;

/** A result of a task whose poster is gone. */
export interface OrphanedResult {
  readonly taskId: number;
  readonly name: string;
  readonly taskWorkerId: number;
  readonly dispatchTime: number;
  /** What was posted. */
  readonly input: unknown;
  readonly data?: unknown;
  readonly error?: WireError;
}

/** A process of the server that others may open a pipe to; in process mode also a reactor, which has no id and never changes. */
export interface Peer {
  readonly role: 'worker' | 'taskWorker' | 'userProcess' | 'queue' | 'reactor';
  /** -1 in a reactor. */
  readonly workerId: number;
  readonly incarnation: number;
  /** Of a user process. */
  readonly name?: string;
  /** Whether it has the place of its id; else it is on its way out, and serves to the end what it has begun. */
  readonly current: boolean;
}

export const FrameFlag = {
  /** packet: start it only when nothing else runs in the worker. */
  isolated: 1,
  /** settle: given up without having been handled. */
  discarded: 2,
  /** settle: not started, and given back so that another worker handles it. */
  returned: 4,
  /** sendTo: it replies to the datagram of number `word`. */
  replies: 1,
  /** sendTo: which is settled by it. */
  settles: 2,
  /** answer: then flush and end the connection. */
  ends: 2,
  /** answer: the body begins with a u32 length and the connection's new state. */
  state: 4,
  /** end: drop what is not sent yet. */
  reset: 8,
  /** end, with `reset`: the worker would have had to keep more than `socketBufferSize`. */
  overflow: 1,
  /** end, with `reset`: the handler of number `seq` did not settle within `handlerTimeout`. */
  timedOut: 2,
  /** response: nobody has asked. */
  unasked: 1,
  /** end: the client may go on sending, and is heard. */
  output: 4,
  /** end: the connection is pinned to a worker whose time is over. */
  late: 16,
  /** send: its sender wants to know when the bytes are with the system. */
  tells: 4,
  /** read: stop to read. */
  pause: 1,
  /** alone: the packet came over this pipe. */
  mine: 16,
  /** chunk: the first one; its body begins with the header of the large frame. */
  first: 32,
  /** chunk: the last one. */
  last: 64,
  /** goodbye: the worker has finished everything that it had started. */
  unstarted: 128,
} as const;

/** A part of a file for a client, which the owner of the socket opens. */
export interface FileRequest {
  readonly path: string;
  readonly offset: number;
  /** Bytes; 0 is all that follows. */
  readonly length: number;
}

/** How an event was settled: its handler ran, it was given up, or it was given back without having been started. */
export type Settlement = 'handled' | 'discarded' | 'returned';

export interface Hello {
  readonly version: number;
  readonly role: RoleName;
  /** -1 where there is none. */
  readonly workerId: number;
  /** 0 in a master and a manager, which are nobody's goal. */
  readonly incarnation: number;
  readonly pid: number;
  /** To a reactor: it sends to connections and serves none, though it may have served some as a worker. */
  readonly serves?: false;
}

/** What a worker must know of a connection before its first event. */
export interface Introduction {
  /** Index into `settings.listeners`. */
  readonly listener: number;
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /** Whose it is, if it was bound. */
  readonly uid?: Uid;
  /** Of a connection that is secured. */
  readonly tls?: TlsInfo;
  /** adopt: why the connection changed its worker. */
  readonly reason?: AdoptReason;
  /** connect: 1, or more when an earlier worker died in `@OnConnect`. */
  readonly attempt?: number;
}

/** Why a connection changed its worker. */
export type AdoptReason = 'workerLost' | 'managerLost' | 'retired' | 'bind';

/** Why a connection was closed. */
export type CloseReason =
  | 'client'
  | 'server'
  | 'error'
  | 'heartbeat'
  | 'idle'
  | 'partialPacket'
  | 'outputOverflow'
  | 'protocol'
  | 'poison'
  | 'workerLost'
  | 'pinnedLost'
  | 'handlerTimeout'
  | 'dispatch'
  | 'sendFile'
  | 'shutdown';

/** What a spawner asks a process or thread to be. */
export type Assignment = ReactorAssignment | ManagerAssignment | WorkerAssignment | CheckAssignment;

export interface ReactorAssignment {
  readonly role: 'reactor';
  readonly index: number;
  readonly settings: Settings;
  /** Where workers connect. */
  readonly pipePath: string;
  /** What all reactors count together: see `dispatch/shared-counts.ts`. */
  readonly shared: SharedArrayBuffer;
  readonly door: DoorMemory;
}

export interface ManagerAssignment {
  readonly role: 'manager';
  readonly settings: Settings;
  readonly masterPid: number;
  readonly pipePaths: readonly string[];
  /** Where the sockets of the server are; the manager removes it when the master is gone. */
  readonly runtimeDirectory: string;
  /** Names of the user processes. */
  readonly userProcesses: readonly string[];
  /** Incarnations of this manager's workers lie above this number. */
  readonly incarnationBase: number;
  readonly original: Original;
  /** The generation of workers that it starts with. */
  readonly generation: number;
  /** Timers of `on: 'one'` that run once, and have under an earlier manager. */
  readonly timersRan: readonly string[];
}

export interface WorkerAssignment {
  readonly role: 'worker' | 'taskWorker' | 'userProcess' | 'queue';
  /** Absent in a spare, which loads the application and waits to be given one. */
  readonly place?: Place;
  /** The name of a user process. */
  readonly userProcess?: string;
  /** `PIPE_VERSION` of the manager: a program on disk whose kernel is another one cannot join. */
  readonly version: number;
  readonly original: Original;
  readonly settings: Settings;
  readonly masterPid: number;
  readonly managerPid: number;
  /** process mode: the reactors to connect to. */
  readonly pipePaths: readonly string[];
  /** Where the sockets of the server are, and what workers leave for their manager. */
  readonly runtimeDirectory: string;
  /** Names of the user processes, in the order of their ids. */
  readonly userProcesses: readonly string[];
}

/** The id that a worker has, and its number among all that ever had one. */
export interface Place {
  /** Event workers first, then task workers, then user processes in the order of `addProcess`, then the queue. */
  readonly workerId: number;
  /** Grows with every start of any worker; messages of an older one are ignored. */
  readonly incarnation: number;
}

/** The program as the master has loaded it, for a worker to compare with what it finds on disk. */
export interface Original {
  /** What a reload must not leave unsaid: see `events/fingerprint.ts`. */
  readonly fixed: FixedParts;
  /** The settings as they were written; undefined where they have no text: see `config/written.ts`. */
  readonly written: string | undefined;
}

/** What only a restart applies, by name and fingerprint: hooks of master and manager, framing and dispatch modules. */
export type FixedParts = Readonly<Record<string, string>>;

/** Say what the program would start, and start nothing. */
export interface CheckAssignment {
  readonly role: 'check';
}

/** A program that is checked → the command that checks it: what it would start. */
export interface Plan {
  readonly settings: Settings;
  readonly topology: Topology;
  /** In the order of the settings; each handler by its label. */
  readonly listeners: readonly {
    readonly name: string;
    readonly handlers: Readonly<Record<string, string>>;
  }[];
  /** Of all processes but those of the user. */
  readonly hooks: readonly PlannedHook[];
  readonly timers: readonly PlannedTimer[];
  readonly commands: readonly PlannedCommand[];
  readonly userProcesses: readonly PlannedProcess[];
}

/** In the order in which they run; `event` as a decorator calls it. */
export interface PlannedHook {
  readonly event: string;
  readonly label: string;
}

export interface PlannedCommand {
  readonly name: string;
  /** Absent in a user process. */
  readonly on?: CommandPlace;
  readonly label: string;
}

export interface PlannedProcess {
  readonly name: string;
  /** The class or module, or `a function`. */
  readonly body: string;
  readonly hooks: readonly PlannedHook[];
  readonly timers: readonly PlannedTimer[];
  readonly commands: readonly PlannedCommand[];
}

/** `interval` is in ms. */
export type PlannedTimer = Pick<TimerSpec, 'interval' | 'label' | 'once' | 'on'>;

/** The file in which a blocked worker leaves the stack of its event loop. */
export function blockedStackPath(runtimeDirectory: string, pid: number): string {
  return `${runtimeDirectory}/${pid}.stack`;
}

/** process mode: where that reactor takes pipes. */
export function reactorPath(runtimeDirectory: string, index: number): string {
  return `${runtimeDirectory}/r${index}.sock`;
}

/** `worker 0`, `task worker 2`, `process poller`, `queue`: for process titles and logs. */
export function workerTitle({ role, place, userProcess }: WorkerAssignment): string {
  if (place === undefined) return 'spare';
  const { workerId } = place;
  switch (role) {
    case 'worker':
      return `worker ${workerId}`;
    case 'taskWorker':
      return `task worker ${workerId}`;
    case 'userProcess':
      return `process ${userProcess}`;
    case 'queue':
      return 'queue';
  }
}

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

/** What one owner of sockets has counted since its start. */
export interface ReactorCounters {
  connections: number;
  acceptedConnections: number;
  closedConnections: number;
  acceptedPackets: number;
  handledPackets: number;
  redeliveredPackets: number;
  /** Pinned connections that were closed because their worker was lost, or had to go. */
  pinnedLost: number;
  /** Answers of a dispatch module that were none. */
  failedDispatches: number;
  outstandingPackets: number;
  /** By `CloseReason`: closed connections. */
  closedBy: Record<string, number>;
  refused: Record<string, number>;
  ledger: Ledger;
  /** By worker id: the connections that it serves, in sticky dispatch modes. */
  connectionsOfWorkers: readonly number[];
}

/** What one process of a server has counted since its start. */
export interface WorkerCounters {
  failedHandlers: number;
  tasks: TaskCounters;
  /** Sends that did not fit and were not sent to the owner of the socket, by OUTPUT_REFUSED and OUTPUT_DROPPED. */
  refused?: Readonly<Record<string, number>>;
  /** Of the process that has the queue. */
  queue?: TaskCounts;
  /** base mode: the counters of the sockets that it owns. */
  sockets?: ReactorCounters;
}

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
