/**
 * What a kernel says of itself while somebody observes it: the life of each
 * connection and packet, once on the side that owns the socket and once in the
 * worker. Other processes tell what they send. Traces are made of these facts, and checks of what a server promises
 * compare them with what its clients saw.
 *
 *   owner of the socket   accepted ─ packet … ─ delivered ─ acknowledged … ─ closed ─ forgotten
 *   worker                             started ─ sent … ─ settled
 *   owner of the socket                              output …
 *
 * A fact is plain and survives JSON. It is made only while `Platform.observe`
 * is there.
 */

import type { DatagramFact } from './datagram-facts.js';
import type { ExchangeFact } from './exchange-facts.js';

/** An event of a connection, on its way from the owner of the socket to a worker and back. */
export type DeliveredEvent = 'connect' | 'adopt' | 'receive' | 'close';

export type KernelFact = ConfiguredFact | ReactorFact | WorkerFact | DatagramFact | ExchangeFact;

/** The first fact of a server, told by its first process: what the checks of the others need to know of its settings. */
export type ConfiguredFact = {
  readonly kind: 'configured';
  readonly mode: 'process' | 'base';
  readonly dispatchMode: string;
  /** Connect and close are delivered though the mode keeps no order. */
  readonly enableUnsafeEvent?: true;
  /** A module of the user is asked first, and may refuse what it is asked for. */
  readonly dispatchModule?: true;
  readonly reactorNum: number;
  readonly workerNum: number;
  readonly taskWorkerNum: number;
  /** Tasks that one task worker does at a time. */
  readonly taskConcurrency: number;
  readonly taskRetries: number;
  /** Connections of the server, in base mode of one worker. */
  readonly maxConnection: number;
  /** Bytes. */
  readonly pipeWindow: number;
  /** Those that accept connections. */
  readonly listeners: readonly ConfiguredListener[];
  /** Those that take datagrams; absent where there is none. */
  readonly datagramListeners?: readonly ConfiguredDatagrams[];
};

export type ConfiguredDatagrams = {
  readonly name: string;
  readonly onWorkerLost: 'redeliver' | 'drop';
  /** Bytes. */
  readonly maxQueuedBytes: number;
};

export type ConfiguredListener = {
  readonly name: string;
  /** The kind of its framing. */
  readonly framing: string;
  readonly concurrency: number;
  readonly onWorkerLost: 'redeliver' | 'close' | 'drop';
  /** ms; 0 is off. */
  readonly handlerTimeout: number;
  readonly outputOverflow: 'close' | 'reject' | 'dropNewest';
  /** Bytes, like those that follow. */
  readonly maxQueuedBytes: number;
  readonly socketBufferSize: number;
  readonly bufferHighWatermark: number;
  readonly packageMaxLength: number;
  /** Its connections are streams from their first byte on: another worker has nothing to go on with. */
  readonly streams?: true;
};

/** Facts of the owner of client sockets. `worker` is the pid of a worker. */
export type ReactorFact =
  | {
      readonly kind: 'accepted';
      readonly connection: number;
      readonly listener: string;
      readonly address: string;
      readonly port: number;
    }
  /**
   * A connection was closed at the door, and has no number: the limits of the server or its listener are reached, a
   * handshake failed, a header was wrong.
   */
  | {
      readonly kind: 'turnedAway';
      readonly listener: string;
      readonly address: string;
      readonly port: number;
      readonly reason: string;
    }
  /** A packet was framed; they are numbered from 1 in each connection. */
  | {
      readonly kind: 'packet';
      readonly connection: number;
      readonly packet: number;
      readonly bytes: number;
    }
  /** An event goes to a worker, under a number of the pair; `packet` is 0 unless it is `receive`. */
  | {
      readonly kind: 'delivered';
      readonly connection: number;
      readonly event: DeliveredEvent;
      readonly packet: number;
      readonly worker: number;
      readonly workerId: number;
      readonly seq: number;
      readonly attempt: number;
    }
  /** The worker has settled an event. `discarded`: without having handled it. */
  | {
      readonly kind: 'acknowledged';
      readonly connection: number;
      readonly event: 'introduction' | 'receive' | 'close';
      readonly packet: number;
      readonly discarded: boolean;
    }
  /** A packet comes back, to be delivered again: from a worker that is lost, or `planned`, not started by one that retires. */
  | {
      readonly kind: 'returned';
      readonly connection: number;
      readonly packet: number;
      readonly planned: boolean;
    }
  /** Asked for its counters, a reactor also tells by what its dispatch mode chooses: the counts of all reactors, by worker id. */
  | {
      readonly kind: 'loads';
      readonly inFlight?: readonly number[];
      readonly connections?: readonly number[];
    }
  /** The time in which an owner drains is over: it resets and refuses what is left. */
  | { readonly kind: 'outOfTime' }
  /** A worker gets no further event: another one has its place. */
  | { readonly kind: 'retired'; readonly worker: number; readonly workerId: number }
  /** A packet that was accepted will not be handled. */
  | {
      readonly kind: 'refused';
      readonly connection: number;
      readonly packet: number;
      readonly reason: string;
    }
  /** Bytes of a worker, or of another process that sends, were taken for the client; `to`: as one of those. */
  | {
      readonly kind: 'output';
      readonly connection: number;
      readonly worker: number;
      readonly bytes: number;
      readonly data: string;
      readonly to?: Many;
    }
  | { readonly kind: 'bound'; readonly connection: number; readonly uid: string | number }
  /** A connection leaves its groups when it begins to end, which is told by `leaves`. */
  | { readonly kind: 'joined' | 'left'; readonly connection: number; readonly group: string }
  /** It takes nothing more for the client: it is in no group any more, and nobody's. */
  | { readonly kind: 'leaves'; readonly connection: number }
  /** Asked whether a uid is online, or how large a group is, an owner also tells how many of those connections it has. */
  | { readonly kind: 'members'; readonly of: Many; readonly count: number }
  /** The connection lives and dies with that worker from here on. */
  | { readonly kind: 'pinned'; readonly connection: number; readonly worker: number }
  /** The worker of a pinned connection hears that its client has finished sending. */
  | { readonly kind: 'inputEnded'; readonly connection: number }
  /** Bytes that did not fit were refused, whole, and the connection stays as it is. */
  | {
      readonly kind: 'outputRefused';
      readonly connection: number;
      readonly worker: number;
      readonly bytes: number;
      readonly data: string;
      readonly to?: Many;
    }
  /** A file has its place in what goes to the client; files are numbered from 1 in each connection. */
  | { readonly kind: 'file'; readonly connection: number; readonly file: number }
  /** The next bytes of that file were taken for the client. */
  | {
      readonly kind: 'fileOutput';
      readonly connection: number;
      readonly file: number;
      readonly bytes: number;
      readonly data: string;
    }
  /**
   * Somebody who waits for it is told that what he sent is with the system, a part of a file included. `bytes`: at least
   * so many of the connection are, from its first on.
   */
  | { readonly kind: 'out'; readonly connection: number; readonly bytes: number }
  | { readonly kind: 'closed'; readonly connection: number; readonly reason: string }
  /** Everything of the connection is settled, its close included. */
  | { readonly kind: 'forgotten'; readonly connection: number };

/** Several connections: those of a group, or of a uid. */
export type Many = { readonly group: string } | { readonly uid: string | number };

/** Facts of a process that runs handlers. */
export type WorkerFact =
  /**
   * `subject` is the connection of an event, the timer of a tick, the task of a task or of its result, the sender of a
   * message; `seq` as in `delivered`, the attempt of a task, else 0.
   */
  | {
      readonly kind: 'started';
      readonly event: string;
      readonly handler: string;
      readonly subject: number;
      readonly seq: number;
      /** receive: the packet as the handler gets it. */
      readonly data?: string;
    }
  | {
      readonly kind: 'settled' | 'failed';
      readonly event: string;
      readonly handler: string;
      readonly subject: number;
      readonly seq: number;
      /** failed: it was given up, because it took longer than `handlerTimeout`; it may still be running. */
      readonly timedOut?: true;
    }
  /** A handler sends, and this process has taken the bytes. */
  | {
      readonly kind: 'sent';
      readonly connection: number;
      readonly bytes: number;
      readonly data: string;
    }
  /** The reader of a pinned connection has taken a packet, or `discarded`: nobody will. `seq` as in `delivered`. */
  | {
      readonly kind: 'taken';
      readonly connection: number;
      readonly seq: number;
      readonly discarded: boolean;
    }
  /** A handler closes a connection. */
  | { readonly kind: 'ended'; readonly connection: number; readonly reset: boolean }
  /** The same for many connections. */
  | {
      readonly kind: 'sentToMany';
      readonly to: Many;
      /** Ids of connections that do not get it. */
      readonly except: readonly number[];
      readonly bytes: number;
      readonly data: string;
    }
  | { readonly kind: 'endedMany'; readonly to: Many; readonly reset: boolean }
  | {
      readonly kind: 'timerSet';
      readonly timer: number;
      readonly handler: string;
      /** ms until the first run. */
      readonly delay: number;
      /** Whether it runs again every `delay` ms. */
      readonly repeats: boolean;
    }
  | { readonly kind: 'timerCleared'; readonly timer: number }
  /** This process is the one that runs the timers of `on: 'one'`, under these numbers. */
  | { readonly kind: 'holds'; readonly timers: readonly number[] }
  /** It is so no more: none of their runs is pending, and none begins. */
  | { readonly kind: 'releases' };

/** Receives facts, in the order in which they happen in their process. */
export type Observe = (fact: KernelFact) => void;

/** Bytes up to this many are shown whole. */
const SHOWN_BYTES = 256;

/** Bytes for a fact: as Latin-1 text, or beyond 256 bytes their beginning with their number and an FNV-1a hash. */
export function factText(data: string | Uint8Array, start = 0, end?: number): string {
  const all = typeof data === 'string' ? Buffer.from(data) : asBuffer(data);
  const last = end ?? all.length;
  if (last - start <= SHOWN_BYTES) return all.toString('latin1', start, last);
  return `${all.toString('latin1', start, start + 64)}… ${last - start} bytes, hash ${hashOf(all, start, last)}`;
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function hashOf(buffer: Buffer, start: number, end: number): string {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ buffer[at]!, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
