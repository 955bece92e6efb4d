import type {
  ByteStream,
  Exit,
  Fact,
  LogRecord,
  SignalName,
  SupervisedState,
} from '@shoal/core/internal/platform/platform';
import { shortTitle } from '../trace/title.js';
import { checkDelay, checkDuration, type ClientLink, type LinkBehaviour } from './link-behaviour.js';
import type { DatagramLink } from './datagram-link.js';
import { lastLines } from './log-text.js';
import type { DatagramPeer } from './virtual-datagrams.js';
import { outside } from './outside.js';
import { Pump } from './pump.js';
import { Randomness } from './prng.js';
import { Scheduler } from './scheduler.js';
import type { ClientTlsOptions } from '../harness.js';
import { secureClient, type SecuredClient } from './tls/tls-client.js';
import { VirtualStream } from './virtual-stream.js';
import { type Journal, type Program, VirtualMachine } from './virtual-machine.js';
import { complete, type WorldOptions } from './world-options.js';

/** A log line of the simulation: what was written, by which process, when. */
export interface WorldLog extends LogRecord {
  readonly pid: number;
  /** Virtual ms since the world began. */
  readonly time: number;
}

/** An observed fact, with the virtual ms and the process. What comes from outside of all processes has pid 0. */
export interface TracedFact extends Fact {
  readonly time: number;
  readonly pid: number;
  /** `worker 0`, `reactor 1`, `client 3`. */
  readonly process: string;
}

/** A client's end of a connection, with its link. */
export interface LinkedStream extends ByteStream {
  readonly link: ClientLink;
}

/** What the supervisor of a server, systemd in reality, was told. */
export interface Notification {
  /** Virtual ms since the world began. */
  readonly time: number;
  readonly pid: number;
  readonly state: SupervisedState;
  readonly status: string;
}

/** What nobody has closed, removed or ended. */
export interface Leftovers {
  /** `1001 worker 0`. */
  readonly processes: readonly string[];
  readonly ports: readonly number[];
  readonly pipes: readonly string[];
  readonly directories: readonly string[];
}

/**
 * A simulated machine, deterministic from its seed, for any number of virtual
 * processes in one JavaScript realm. It runs only while a test waits for
 * something in it (`until`, `advance`), and holds nothing real open.
 *
 * A program runs once per process and may live on without end: a virtual
 * process ends by `exit`, by a signal or by an error, never for want of work.
 */
export class World implements Journal {
  readonly logs: WorldLog[] = [];
  /** What was observed, in order; beyond `traceLimit` the older half is forgotten. */
  readonly trace: TracedFact[] = [];
  /** What the supervisor of the server was told, in order. */
  readonly notifications: Notification[] = [];
  /** How processes ended, by pid. */
  readonly exits = new Map<number, Exit>();
  readonly seed: number;
  /** Called when so many of the oldest facts are taken out of the trace, before they are. */
  onForget: (count: number) => void = () => {};
  readonly #options: Required<WorldOptions>;
  readonly #scheduler: Scheduler;
  readonly #pump: Pump;
  #ended = false;
  readonly #shortTitles = new Map<string, string>();
  #machine: VirtualMachine | undefined;
  #watcher: ((fact: TracedFact) => void) | undefined;

  constructor(options: WorldOptions = {}) {
    this.#options = complete(options);
    this.seed = this.#options.seed;
    this.#scheduler = new Scheduler(new Randomness(this.seed).of('order'));
    const { maxEventsPerWait, globals } = this.#options;
    this.#pump = new Pump(this.#scheduler, maxEventsPerWait, globals);
  }

  /** Starts the first process and gives its pid. Every process runs `main`, every thread `threadMain`. */
  start(main: Program, threadMain: Program = main): number {
    if (this.#machine !== undefined) throw new Error('a world is started once');
    this.#machine = new VirtualMachine(this.#options, this.#scheduler, this, main, threadMain);
    return this.#machine.boot().pid;
  }

  /** Starts the program once more, as an operator does when it has ended; gives the pid. What is in files and stores is still there. */
  restart(): number {
    const { files, processes } = this.#running;
    // In reality the next server does it, once nobody has listened there for a while.
    if (processes.size === 0) for (const path of files.directories) files.removeDirectory(path);
    return this.#running.boot().pid;
  }

  /** From now on no commit of any store succeeds, as on a full disk; with undefined they succeed again. */
  failStores(code: string | undefined): void {
    this.#running.stores.failure = code;
  }

  /** Virtual ms since the world began. */
  get time(): number {
    return this.#scheduler.time;
  }

  /** Events that have happened since the world began. */
  get events(): number {
    return this.#pump.events;
  }

  /** Whether nothing is on its way between processes and clients: all that will happen are timers. */
  get quiet(): boolean {
    return this.#scheduler.quiet;
  }

  /** Pids of the living processes, oldest first. */
  get pids(): readonly number[] {
    return [...this.#running.processes.keys()];
  }

  /** Runs the world until the fact is true; rejects after `patience` virtual ms, or when nothing is left to happen. */
  async until(fact: () => boolean, expectation: () => string, patience = 30_000): Promise<void> {
    if (this.#ended && !fact()) throw new Error(`expected ${expectation()}, and the server has been stopped`);
    return this.#pump.wait({
      satisfied: fact,
      patience,
      failure: (reason) => new Error(this.#explain(expectation(), reason, patience)),
    });
  }

  /** Runs the world for so many virtual ms. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Infinity)) throw new Error(`advance takes virtual ms from 0, not ${ms}`);
    if (this.#ended) throw new Error('the server has been stopped: no time passes any more');
    return this.#pump.wait({ satisfied: () => false, patience: ms });
  }

  /**
   * Connects a client from outside of all processes; the callback runs in the
   * world. Throws for a link that cannot be.
   */
  connect(
    options: ({ path: string } | { host?: string; port: number; from?: string }) & { link?: LinkBehaviour },
    connected: (outcome: LinkedStream | Error) => void,
  ): void {
    if ('path' in options) return this.#running.network.connect(options, connected);
    const { host = '127.0.0.1', port } = options;
    // Whoever comes to an address of IPv6 has one.
    const { from = host.includes(':') && host !== '::' ? '::1' : '127.0.0.1' } = options;
    this.#running.network.connect({ ...options, host, port, from }, connected);
  }

  /** Begins the handshake of a client that has connected; the callback runs in the world. */
  secure(
    stream: LinkedStream,
    options: ClientTlsOptions,
    secured: (outcome: SecuredClient | Error) => void,
  ): void {
    if (!(stream instanceof VirtualStream)) throw new TypeError('the stream is not one of this world');
    secureClient(stream, options, secured);
  }

  /** A client of datagrams, outside of all processes. Throws for a link that cannot be. */
  datagramClient(address: string, link: DatagramLink = {}): DatagramPeer {
    return this.#running.datagrams.client(address, link);
  }

  /** Calls `run` in so many virtual ms, outside of all processes. */
  schedule(ms: number, run: () => void): { cancel(): void } {
    return this.#scheduler.timer(ms, outside, 0, run);
  }

  /** The pid of the living process that plays the worker or task worker with that id, the newest if there are two. */
  workerPid(workerId: number): number | undefined {
    let newest: number | undefined;
    const titles = [`worker ${workerId}`, `task worker ${workerId}`];
    for (const { pid, title } of this.#running.processes.values())
      if (titles.includes(shortTitle(title))) newest = pid;
    return newest;
  }

  /** Lets a process have so many bytes of resident memory. False when it does not live. */
  useMemory(pid: number, bytes: number): boolean {
    const process = this.#running.processes.get(pid);
    if (process !== undefined) process.rss = bytes;
    return process !== undefined;
  }

  /** The content of that file is another one from now on. */
  touchFile(url: string): void {
    this.#running.files.touch(url);
  }

  /** Cuts a process off, at once. False when it does not live. */
  kill(pid: number): boolean {
    return this.#running.kill(pid);
  }

  /**
   * Arms a kill in the middle of a write: the `writes`-th of the process's main
   * thread from now leaves only a first part of its bytes, and the process is dead.
   */
  killInsideWrite(pid: number, writes = 1): void {
    this.#running.processes.get(pid)?.actor.dieInsideWrite(writes);
  }

  /**
   * Blocks the event loop of a process for so many virtual ms, default for
   * ever; a further call sets another end, 0 that of now. False when the process
   * does not live.
   *
   * Nothing of its main thread runs: events wait, and happen in order when it
   * ends, late timers included. Its clocks go on, its threads go on, and the
   * system still takes bytes for it up to `kernelBuffer`, so that writers to it
   * see back-pressure. SIGKILL ends it at once; a signal that it handles waits.
   */
  hang(pid: number, ms = Infinity): boolean {
    checkDuration('hang', ms);
    return this.#running.hang(pid, ms);
  }

  /**
   * Holds all bytes between this process (its threads included) and others for
   * so many virtual ms on top of their trip, in both directions and in order,
   * from now on and until a call with 0. Of two slow processes the slower
   * counts. Messages between a process and the one that spawned it are not
   * bytes of a pipe. False when the process does not live.
   */
  slowPipes(pid: number, ms: number): boolean {
    checkDelay('slowPipes', ms);
    return this.#running.slowPipes(pid, ms);
  }

  /** Ends what `hang` and `slowPipes` have begun. */
  heal(): void {
    this.#running.heal();
  }

  /** Sends a signal. False when the process does not live. */
  signal(pid: number, name: SignalName): boolean {
    this.note('test', { kind: 'signalled', target: pid, signal: name });
    return this.#running.signal(pid, name);
  }

  /** Whose process it is: `root`, or the user that the server has become. Undefined for a pid that does not live. */
  userOf(pid: number): string | undefined {
    return this.#running.processes.get(pid)?.user;
  }

  /** What is written in a file of the virtual machine, such as `logFile`; undefined where there is none. */
  readFile(path: string): string | undefined {
    return this.#running.files.read(path);
  }

  /** A file with these bytes is there from now on, for servers that send it. What no test has put there is read from the real disk. */
  putFile(path: string, content: string | Uint8Array): void {
    this.#running.files.put(path, Buffer.from(content));
  }

  /** Renames a file. Processes that have it open write on to it, under its new name. Throws where there is none. */
  renameFile(from: string, to: string): void {
    this.#running.files.rename(from, to);
  }

  /** From now on no process can make or open a file at that path, or below it. */
  forbidFiles(path: string): void {
    this.#running.files.forbid(path);
  }

  /** Paths of the files in which payloads of tasks travel at the moment. */
  get spooledFiles(): readonly string[] {
    return this.#running.files.spooled;
  }

  leftovers(): Leftovers {
    const { processes, network, datagrams, pipes, files } = this.#running;
    return {
      processes: [...processes.values()].map((process) => `${process.pid} ${process.title}`),
      ports: [...network.ports, ...datagrams.ports],
      pipes: [...pipes.paths, ...network.paths],
      directories: files.directories,
    };
  }

  /** Ends every process and forgets every event. */
  end(): void {
    for (const pid of this.#machine === undefined ? [] : this.pids) this.kill(pid);
    this.#ended = true;
    this.#scheduler.clear();
  }

  notified(pid: number, state: SupervisedState, status: string): void {
    this.notifications.push({ time: this.time, pid, state, status });
  }

  log(pid: number, record: LogRecord): void {
    this.logs.push({ time: this.time, pid, ...record });
  }

  /** Sets the one who sees every fact when it is observed, inside the turn of the process that tells it. */
  watch(watcher: (fact: TracedFact) => void): void {
    this.#watcher = watcher;
  }

  /** Notes a fact from outside of all processes. */
  note(process: string, fact: Fact): void {
    this.#trace(fact, 0, process);
  }

  observe(pid: number, title: string, fact: Fact): void {
    let short = this.#shortTitles.get(title);
    if (short === undefined) this.#shortTitles.set(title, (short = shortTitle(title)));
    this.#trace(fact, pid, short);
  }

  spawned(pid: number, title: string): void {
    this.observe(pid, title, { kind: 'spawned' });
  }

  ended(pid: number, title: string, { code, signal }: Exit): void {
    this.exits.set(pid, { code, signal });
    this.observe(pid, title, { kind: 'exited', code, signal });
  }

  /** The fact is completed in place: whoever tells one has made it for that, and a copy would cost more than all the rest. */
  #trace(told: Fact, pid: number, process: string): void {
    const fact = told as { -readonly [Key in keyof TracedFact]: TracedFact[Key] };
    fact.time = this.time;
    fact.pid = pid;
    fact.process = process;
    if (this.trace.length >= this.#options.traceLimit) this.#forget(this.trace.length >> 1);
    this.trace.push(fact);
    this.#watcher?.(fact);
  }

  #forget(count: number): void {
    this.onForget(count);
    this.trace.splice(0, count);
  }

  get #running(): VirtualMachine {
    if (this.#machine === undefined) throw new Error('the world has not been started');
    return this.#machine;
  }

  #explain(expectation: string, reason: 'deadline' | 'idle' | 'livelock', patience: number): string {
    const why = {
      deadline: `not within ${patience} virtual ms`,
      idle: 'and nothing is left to happen in the world',
      livelock: `not within ${this.#options.maxEventsPerWait} events: the processes go round in circles`,
    };
    return `expected ${expectation}, ${why[reason]} (seed ${this.seed}, virtual time ${this.time} ms); ${lastLines(this.logs)}`;
  }
}
