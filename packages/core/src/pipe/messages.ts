/**
 * The one table of what travels over pipes (reactor and worker, worker and
 * worker): frames, and the shapes in them. Roles meet only here and in the
 * other table, of the notes on links: see `notes.ts`.
 */
import type { RoleName } from '../definition.js';
import type { WireError } from '../errors.js';
import type { Endpoint, TlsInfo } from '../platform/platform.js';
import type { Uid } from './orders.js';

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
