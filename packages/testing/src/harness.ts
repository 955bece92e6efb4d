import type { ConnectionView, PacketView, TimerView } from './trace/picture.js';
import type { TraceEvent } from './trace/trace-event.js';
import type { ServerStats } from '@shoal/core/internal/pipe/server-stats';
import type { RunningServer } from '@shoal/core/internal/kernel/running-server';
import type { ReloadReport, ServerStatus } from '@shoal/core/internal/pipe/questions';
import type { PeerCertificate } from '@shoal/core';
import type { AppClass } from './application.js';
import type { DatagramLink } from './world/datagram-link.js';
import { checkDuration, type LinkBehaviour } from './world/link-behaviour.js';

export type { DatagramLink } from './world/datagram-link.js';
export type { LinkBehaviour } from './world/link-behaviour.js';

/**
 * A server under test, the same to a scenario whether it runs in a simulated
 * world (`simulate`) or on real processes (`launch`).
 *
 * Every promise here has a deadline (30 s of virtual time, or 5 s of real time, 15 s for what boots)
 * and rejects with what was expected, what came, and the last log lines. In a
 * simulation time passes only while one of them is awaited.
 */
export interface TestServer extends AsyncDisposable {
  /** What the master said at its start; pids and states as last heard. */
  readonly running: RunningInfo;
  /**
   * Connects a client to a listener, by index or name; default the first.
   * Throws for a `link` that is out of its ranges, and for any on real processes.
   */
  connect(options?: ConnectionOptions): Promise<TestClient>;
  /**
   * A client that sends datagrams to a listener, by index or name; default the
   * first. Throws for a `link` that is out of its ranges, and for any on real processes.
   */
  datagramClient(options?: DatagramClientOptions): Promise<TestDatagramClient>;
  /** Clients in the order in which they connected. */
  readonly clients: readonly TestClient[];
  /** Lets so many ms pass: virtual ones at once, real ones as they come. */
  advance(ms: number): Promise<void>;
  /** Ends a worker by SIGKILL; resolves when it is dead. */
  crashWorker(workerId: number): Promise<void>;
  /**
   * Blocks a worker for so many ms, default for ever; a further call sets
   * another end, 0 that of now. Resolves when it is blocked. What comes for it
   * waits, and happens in order when the block ends.
   *
   * The kernel kills a worker that has been silent for longer than
   * `workerTimeout`, and looks four times in that time. So it dies between 0.75
   * and 1.25 times `workerTimeout` after it was blocked, as by `crashWorker`, and
   * one that is blocked for less lives on. A stop of the server ends it at the
   * latest `maxWaitTime` and 4 s after it was asked for.
   *
   * In a simulation its main thread runs nothing; on real processes SIGSTOP
   * stops all of it until SIGCONT, which comes as late as the machine is busy.
   * Rejects for a worker that is the first process itself (base mode, one
   * worker) without `ms`, for nobody would ever end that.
   */
  hangWorker(workerId: number, ms?: number): Promise<void>;
  /** Ends the manager by SIGKILL; resolves when it is dead. */
  crashManager(): Promise<void>;
  /**
   * Replaces the workers by new ones with the code that is deployed; resolves with
   * what came of it. Rejects when it does not begin, as while another runs.
   */
  reload(options?: { readonly only?: 'task' }): Promise<ReloadReport>;
  /** Retires one worker; resolves when a new one has its place. */
  stopWorker(workerId: number): Promise<void>;
  /**
   * Puts another application on the disk of the server: processes that are
   * started from now on load it, those that run do not change. The URL is that of
   * a module that exports it as default, or fails to load.
   */
  deploy(App: AppClass | URL): Promise<void>;
  /** The whole server at this moment, process by process. */
  status(): Promise<ServerStatus>;
  /** Resolves when a manager lives and every worker id is ready in a living process. */
  workersReady(): Promise<void>;
  /**
   * Lets time pass until nothing is on its way: every packet that was accepted is
   * settled, and no handler of a connection runs. Rejects with what is unfinished.
   */
  settle(): Promise<void>;
  stats(): Promise<ServerStats>;
  /** What happened so far, in order, as plain objects. On real processes the order between processes is that of their clocks. */
  readonly trace: readonly TraceEvent[];
  /** Connections that the server has not forgotten. */
  readonly connections: readonly ConnectionView[];
  /** Packets that were accepted and are not settled. */
  readonly outstanding: readonly PacketView[];
  /** Timers of the application that will run. */
  readonly timers: readonly TimerView[];
  /** Lines that the processes have logged so far. */
  logs(): readonly TestLog[];
  /** Resolves with the exit code when the server leaves on its own. */
  exited(): Promise<{ exitCode: number }>;
  /**
   * Stops the server as an operator does. From here clients end their side when
   * the server has, as ordinary ones do; one that is paused does not. Rejects if it does not leave with 0,
   * or leaves a process, port or directory behind. Of a server that has left on
   * its own it gives the exit code. Idempotent.
   */
  stop(): Promise<{ exitCode: number }>;
}

export interface RunningInfo extends Pick<
  RunningServer,
  'listeners' | 'masterPid' | 'managerPid' | 'workers'
> {}

/** How a client shakes hands. It takes whatever certificate the server shows. */
export interface ClientTlsOptions {
  /** The name that it asks for. */
  readonly servername?: string;
  /** The protocols that it speaks, the best first. */
  readonly alpn?: readonly string[];
  /** What it shows when it is asked, as texts in PEM. */
  readonly certificate?: { readonly cert: string; readonly key: string };
}

/** What a client's handshake has come to. */
export interface ClientTls {
  readonly serverCertificate: PeerCertificate;
  readonly alpnProtocol?: string;
}

/** What a load balancer says of a client. */
export interface ClientProxyOptions {
  /** The address of the client, of IPv4 or IPv6. */
  readonly from: string;
  /** Default 50000. */
  readonly port?: number;
  /** Of the PROXY protocol. Default 2. */
  readonly version?: 1 | 2;
}

export interface ConnectionOptions {
  readonly listener?: number | string;
  /** The client's address. In a simulation any; on real processes one of 127.0.0.0/8. */
  readonly from?: string;
  /**
   * How the client's link behaves from its first packet on. Only in a
   * simulation: on real processes `connect` rejects when it is given.
   */
  readonly link?: LinkBehaviour;
  /** Secures the connection; `connect` rejects when the server does not finish the handshake. In a simulation without cryptography. */
  readonly tls?: ClientTlsOptions;
  /** Comes through a load balancer, which writes a header of the PROXY protocol first. */
  readonly proxy?: ClientProxyOptions;
}

export interface DatagramClientOptions {
  readonly listener?: number | string;
  /** The client's address. In a simulation any; on real processes one of 127.0.0.0/8, or `::1`. */
  readonly from?: string;
  /** What happens to datagrams on their way, both ways. Only in a simulation. */
  readonly link?: DatagramLink;
}

export interface TestDatagramClient {
  /** The first one of a server is 0. */
  readonly id: number;
  /** Its own address and port. */
  readonly address: string;
  readonly port: number;
  /** Every datagram that has come so far. */
  readonly received: readonly Buffer[];
  send(data: string | Uint8Array): void;
  /** The next datagram. */
  receive(): Promise<Buffer>;
}

export interface TestLog {
  readonly level: string;
  readonly role: string;
  readonly workerId?: number;
  readonly pid: number;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface TestClient {
  /** The first client of a server is 0. */
  readonly id: number;
  /** `open` until the server has finished writing, `closed` when both have. */
  readonly state: 'open' | 'ended' | 'closed';
  /** Every byte that has come so far. */
  readonly received: Buffer;
  /** Of a client that has connected with `tls`. */
  readonly tls?: ClientTls | undefined;
  /** Ignored after `end`, `reset` or a close. */
  send(data: string | Uint8Array): void;
  /** The next bytes, at least one. */
  receive(): Promise<Buffer>;
  /** Exactly so many bytes. */
  receive(bytes: number): Promise<Buffer>;
  /** Up to the end of the first match. The pattern sees one character for each byte. */
  receive(pattern: RegExp): Promise<Buffer>;
  /** The next line as UTF-8, without its end. */
  receiveLine(): Promise<string>;
  /** Ends the client's side; the server's may stay open. */
  end(): void;
  /** Breaks the connection. */
  reset(): void;
  /** Stops reading: what the server sends stays with the system, then with the server. In both worlds. */
  pause(): void;
  resume(): void;
  /**
   * Gives the client's link another behaviour, in place of the whole of what it
   * had: what is not given is as the world has it. It holds for what has not set
   * off yet; what has arrives as it would have, and before what follows. Throws
   * for a value out of its range. Only in a simulation: throws on real processes.
   */
  shape(behaviour: LinkBehaviour): void;
  /**
   * Lets nothing pass in either direction for so many virtual ms, default until
   * `unstall`; a further call sets another end. Bytes, ends, resets and the news
   * that a reader has made room wait. When it ends, what was on its way arrives
   * at once and in order, and what was written meanwhile sets off. Only in a
   * simulation: throws on real processes.
   */
  stall(ms?: number): void;
  /** Ends a stall now. Only in a simulation: throws on real processes. */
  unstall(): void;
  /**
   * The client is gone without an end or a reset, as when a cable is pulled:
   * nothing passes any more, in either direction, ever, what was on its way
   * included. What the server writes fills its system's buffer, then its own.
   * The client's state stays what it was; `reset` and what else it does reach
   * nobody. Only in a simulation: throws on real processes.
   */
  goHalfOpen(): void;
  /** Resolves when the server has finished writing. */
  ended(): Promise<void>;
  /** Resolves when both sides are closed, or the connection broke. */
  closed(): Promise<void>;
}

/** How a world lets a test wait for a fact. */
export interface Waiting {
  until(fact: () => boolean, expectation: () => string): Promise<void>;
}

/** The listener of that name or index. Throws when there is none. */
export function findListener(
  running: RunningInfo,
  listener: number | string = 0,
): RunningInfo['listeners'][number] {
  const { listeners } = running;
  const found =
    typeof listener === 'number' ? listeners[listener] : listeners.find(({ name }) => name === listener);
  if (found !== undefined) return found;
  const known = listeners.map(({ name }, index) => `${index} (${name})`).join(', ');
  throw new Error(`the server has no listener ${JSON.stringify(listener)}; it has ${known}`);
}

export function findWorker(running: RunningInfo, workerId: number): RunningInfo['workers'][number] {
  const worker = running.workers.find((each) => each.workerId === workerId);
  if (worker !== undefined && worker.pid !== 0) return worker;
  const known = running.workers.map((each) => `${each.workerId} (${each.state})`).join(', ');
  throw new Error(`worker ${workerId} has no process; the workers are ${known}`);
}

/** The worker that is to be blocked. Throws when nobody would end that. */
export function findWorkerToHang(
  running: RunningInfo,
  workerId: number,
  ms: number,
): RunningInfo['workers'][number] {
  checkDuration('hangWorker', ms);
  const worker = findWorker(running, workerId);
  if (worker.pid !== running.masterPid || ms < Infinity) return worker;
  throw new Error(
    `worker ${workerId} is the first process itself, which nobody watches; give the ms after which it goes on`,
  );
}

/** Why `workersReady` still waits; undefined when it need not. */
export function unready(running: RunningInfo, lives: (pid: number) => boolean): string | undefined {
  if (!lives(running.managerPid)) return `manager ${running.managerPid} is dead`;
  const waiting = running.workers.filter(({ state, pid }) => state !== 'ready' || !lives(pid));
  if (waiting.length === 0) return undefined;
  return waiting.map(({ workerId, state, pid }) => `worker ${workerId} is ${state}, pid ${pid}`).join(', ');
}
