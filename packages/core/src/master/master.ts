/**
 * The first process of a server in process mode: starts the reactors and the
 * manager, keeps both, and takes everything down in order.
 *
 * It runs no code of the application but its hooks, which the kernel calls, so
 * that connections outlive whatever the application does.
 */
import { isStream } from '../config/limits.js';
import type { DatagramListenerSettings, Settings, TcpListenerSettings } from '../config/load.js';
import { placeOf } from '../config/place.js';
import { SharedCounts } from '../dispatch/shared-counts.js';
import { fromWire, listenFailed, ProcessError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Peer } from '../pipe/messages.js';
import type { ManagerAssignment, Original } from '../pipe/assignments.js';
import type { WorkerCounters } from '../pipe/counters.js';
import type { CrewStatus, WorkerNote, WorkerRow } from '../pipe/crew-status.js';
import type { Certificates, FromManager, ToManager, InnerQuestion } from '../pipe/notes.js';
import { reactorPath } from '../pipe/runtime-paths.js';
import type { ServerStats } from '../pipe/server-stats.js';
import { commandPatience } from '../pipe/command-data.js';
import { Inquiries, answerNote, type Answerer, type OnProgress } from '../pipe/inquiries.js';
import { isForQueue, QUEUE_PATIENCE_MS, type ClientInfo } from '../pipe/questions.js';
import { addCounters, addStats, ofTheDead } from '../pipe/stats.js';
import type { Child, Endpoint, Exit, Platform, Vitals } from '../platform/platform.js';
import { doorMemory } from '../reactor/door/door-memory.js';
import { datagramOptions, listenOptions } from '../topology/listen-options.js';
import type { Topology } from '../topology/topology.js';
import { ManagerWatch } from './manager-watch.js';
import { ReactorHandle } from './reactor-handle.js';

/** Incarnations of one manager's workers: more than it can ever start. */
const INCARNATIONS_PER_MANAGER = 2 ** 32;
/** What the manager may take beyond its own deadlines, in ms. */
const STOP_GRACE_MS = 4_000;
const ANSWER_TIMEOUT_MS = 4_000;
/** So many managers in a row that end before their workers were ready cannot be helped. */
const MAX_EARLY_ENDS = 10;

export interface MasterParts {
  readonly platform: Platform;
  readonly logger: Logger;
  readonly settings: Settings;
  /** By listener: the socket that came with the start; undefined where it binds its own. */
  readonly descriptors: readonly (number | undefined)[];
  readonly name: string;
  readonly topology: Topology;
  /** What connections are secured with at first. */
  readonly certificates: Certificates;
  readonly runtimeDirectory: string;
  readonly userProcesses: readonly string[];
  /** What only a restart applies. */
  readonly original: Original;
  /** The server cannot go on; what is left of it has to be taken down. */
  readonly onFailure: (error: Error) => void;
  /** An operator asked the manager to leave, and means the server. */
  readonly onShutdown: () => void;
  /** A process of the server asks something. */
  readonly ask: Answerer;
  /** For this process: who else there is. */
  readonly onPeers: (peers: readonly Peer[]) => void;
  /** What this process has counted. */
  readonly counters: () => WorkerCounters;
  /** The server stops, and only the reactors are left. */
  readonly onWorkersGone: () => void;
}

export interface MasterReport {
  /** Unknown while there is none. */
  readonly manager?: Vitals;
  readonly stats: ServerStats;
  readonly workers: readonly WorkerRow[];
  /** Connections that a worker serves, in sticky dispatch modes. */
  connectionsOf(workerId: number): number;
}

export class Master {
  readonly #reactors: ReactorHandle[] = [];
  #endpoints: Endpoint[] = [];
  #manager: Child | undefined;
  /** How many managers there were before this one. */
  #managers = -1;
  #generation = 1;
  /** Timers of `on: 'one'` that run once, and have. */
  readonly #timersRan = new Set<string>();
  #inquiries: Inquiries | undefined;
  #watch: ManagerWatch | undefined;
  /** Managers in a row that have ended before all their workers were ready, and this one if it is not so far. */
  #earlyEnds = 0;
  #managerGone: (() => void) | undefined;
  /** What the manager that lives has told last of what it and its processes have counted. */
  #told: WorkerCounters | undefined;
  /** What those had counted that were there before it. */
  #departed: WorkerCounters | undefined;
  #notes: readonly WorkerNote[] = [];
  #ready: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #state: 'starting' | 'running' | 'draining' | 'stopping' | 'stopped' = 'starting';

  constructor(private readonly parts: MasterParts) {}

  get managerPid(): number {
    return this.#manager?.pid ?? 0;
  }

  get generation(): number {
    return this.#generation;
  }

  get notes(): readonly WorkerNote[] {
    return this.#notes;
  }

  /** Starts the reactors and binds the listeners. */
  async bind(): Promise<void> {
    this.#startReactors();
    await Promise.all(this.#reactors.map((reactor) => reactor.started()));
    this.renew(this.parts.certificates);
    this.#endpoints = await this.#listen();
  }

  /** Starts the manager; resolves when all workers are ready. */
  async start(): Promise<Endpoint[]> {
    const ready = new Promise<void>((resolve, reject) => (this.#ready = { resolve, reject }));
    this.#startManager();
    await ready;
    if (this.#state === 'starting') this.#state = 'running';
    return this.#endpoints;
  }

  /** Drains the connections, stops the workers and the manager, ends the reactors. */
  async stop(): Promise<void> {
    const { maxWaitTime } = this.parts.settings;
    const { clock } = this.parts.platform;
    const end = clock.now() + maxWaitTime;
    // Whoever was starting serves what the clients have sent; a manager that dies is replaced for the same reason.
    this.#state = 'draining';
    if (this.#manager !== undefined) this.#tell(this.#manager, { type: 'drain', deadline: maxWaitTime });
    await Promise.all(this.#reactors.map((reactor) => this.#within(reactor.drain(maxWaitTime))));
    this.#state = 'stopping';
    await this.#stopManager(Math.max(0, end - clock.now()));
    this.parts.onWorkersGone();
    await Promise.all(this.#reactors.map((reactor) => this.#within(reactor.stop())));
    this.#state = 'stopped';
  }

  /** Ends every other process at once. */
  kill(): void {
    this.#state = 'stopping';
    this.#watch?.stop();
    this.#manager?.kill('SIGKILL');
    this.#killWorkers(this.#notes);
  }

  async report(): Promise<MasterReport> {
    const [reactors, counters, crew] = await Promise.all([
      Promise.all(this.#reactors.map(async (reactor) => reactor.stats())),
      this.#counters(),
      this.#askCrew(),
    ]);
    const connectionsOf = (workerId: number): number =>
      reactors.reduce((total, { connectionsOfWorkers }) => total + (connectionsOfWorkers[workerId] ?? 0), 0);
    const { workers = [], manager } = crew ?? {};
    return {
      stats: addStats(reactors, counters),
      workers,
      connectionsOf,
      ...(manager !== undefined && { manager }),
    };
  }

  async stats(): Promise<ServerStats> {
    const [reactors, workers] = await Promise.all([
      Promise.all(this.#reactors.map(async (reactor) => reactor.stats())),
      this.#counters(),
    ]);
    return addStats(reactors, workers);
  }

  async ask(question: InnerQuestion, onProgress: OnProgress): Promise<unknown> {
    switch (question.what) {
      case 'stats':
        return this.stats();
      case 'clientInfo':
        return this.#reactorOf(question.id)?.ask(question) ?? null;
      case 'connections':
        return this.#connections(question.after, question.limit);
      default:
        return this.#askManager(question, onProgress);
    }
  }

  /** Reactors secure new connections by these from now on. */
  renew(certificates: Certificates): void {
    if (certificates.every((material) => material === null)) return;
    for (const reactor of this.#reactors) reactor.send({ type: 'certificates', certificates });
  }

  reopenLogs(): void {
    for (const reactor of this.#reactors) reactor.send({ type: 'reopenLogs' });
    if (this.#manager !== undefined) this.#tell(this.#manager, { type: 'reopenLogs' });
  }

  /** Connection ids tell their reactor: see `pipe/connection-ids.ts`. */
  #reactorOf(id: number): ReactorHandle | undefined {
    return Number.isSafeInteger(id) && id >= 0 ? this.#reactors[id % this.#reactors.length] : undefined;
  }

  async #connections(after: number, limit: number): Promise<readonly ClientInfo[]> {
    const question = { what: 'connections', after, limit } as const;
    const pages = await Promise.all(this.#reactors.map(async (reactor) => reactor.ask(question)));
    return (pages as (readonly ClientInfo[])[])
      .flat()
      .sort((a, b) => a.id - b.id)
      .slice(0, limit);
  }

  #startReactors(): void {
    const { platform, settings, topology, runtimeDirectory } = this.parts;
    const shared = SharedCounts.memoryFor(settings.workerNum);
    const door = doorMemory(settings, platform.random);
    for (const index of topology.reactors.keys()) {
      const pipePath = reactorPath(runtimeDirectory, index);
      const assignment = { role: 'reactor', index, settings, pipePath, shared, door } as const;
      const reactor = new ReactorHandle(
        assignment,
        platform.threads,
        platform.clock,
        `reactor ${index}`,
        (error) => this.#fail(error),
      );
      this.#reactors.push(reactor);
    }
  }

  /** Binds each listener on its first reactor, then on the others, at the port that the first one got. */
  async #listen(): Promise<Endpoint[]> {
    const { settings, topology } = this.parts;
    const endpoints: Endpoint[] = [];
    for (const [index, listener] of settings.listeners.entries()) {
      const all = this.#reactors.filter((_, reactor) => topology.reactors[reactor]!.includes(index));
      const descriptor = this.parts.descriptors[index];
      // A socket that was passed is one, and belongs to one thread: they are spread over the reactors.
      const reactors = descriptor === undefined ? all : [all[index % all.length]!];
      const shares = reactors.length > 1;
      try {
        const port = shares && listener.type !== 'unix' ? await this.#freePort(listener) : undefined;
        for (const reactor of reactors)
          endpoints[index] = await reactor.listen(index, { port, shares, descriptor });
      } catch (cause) {
        throw listenFailed(listener.name, placeOf(listener), cause);
      }
    }
    return endpoints;
  }

  /**
   * A port that nobody else listens on. Sockets that share a port would join
   * those of another server without a word, so it is bound alone first.
   */
  async #freePort(listener: TcpListenerSettings | DatagramListenerSettings): Promise<number> {
    const { network } = this.parts.platform;
    if (!isStream(listener)) {
      const nobody = { receive: () => {}, failed: () => {} };
      const socket = await network.openDatagrams(datagramOptions(listener), nobody);
      await socket.close();
      return socket.endpoint.port;
    }
    // Another server may be there, and is meant to be.
    if (listener.reusePort && listener.port !== 0) return listener.port;
    const options = { ...listenOptions(listener), reusePort: false };
    const probe = await network.listen(options, (stream) => stream.destroy(true));
    await probe.close();
    return probe.endpoint.port;
  }

  #startManager(): void {
    const { platform, settings, name, runtimeDirectory, userProcesses, original } = this.parts;
    this.#managers++;
    const assignment: ManagerAssignment = {
      role: 'manager',
      settings,
      masterPid: platform.self.pid,
      pipePaths: this.#reactors.map((reactor) => reactor.assignment.pipePath),
      runtimeDirectory,
      userProcesses,
      incarnationBase: this.#managers * INCARNATIONS_PER_MANAGER,
      original,
      generation: this.#generation,
      timersRan: [...this.#timersRan],
    };
    const manager = platform.processes.spawn(assignment, `shoal ${name}: manager`);
    this.#manager = manager;
    this.#inquiries = new Inquiries(platform.clock, (note) => manager.send(note));
    this.#earlyEnds++;
    manager.onMessage((message) => this.#hear(message as FromManager));
    manager.onExit((exit) => this.#managerEnded(manager, exit));
    this.#watch = this.#watchManager(manager);
  }

  #watchManager(manager: Child): ManagerWatch {
    const { platform, settings, logger } = this.parts;
    const ask = (): void => void this.#askCrew();
    return new ManagerWatch(platform.clock, settings, ask, (reason) => {
      const isFirst = this.#ready !== undefined;
      logger.error(`the manager, pid ${manager.pid}, is killed: ${reason}`);
      if (isFirst) this.#fail(new ProcessError('BOOT_TIMEOUT', `the manager could not boot: ${reason}`));
      else manager.kill('SIGKILL');
    });
  }

  #hear(note: FromManager): void {
    this.#watch?.heard(note.type === 'workers');
    switch (note.type) {
      case 'workers':
        this.#notes = note.workers;
        this.parts.onPeers(note.workers.flatMap((worker) => this.#peer(worker)));
        return;
      case 'ready':
        this.#earlyEnds = 0;
        this.#ready?.resolve();
        this.#ready = undefined;
        return;
      case 'failed':
      case 'gaveUp':
        this.#fail(fromWire(note.error));
        return;
      case 'shutdown':
        this.parts.onShutdown();
        return;
      case 'generation':
        this.#generation = note.generation;
        return;
      case 'timerRan':
        this.#timersRan.add(note.timer);
        return;
      case 'ask':
        answerNote(note, this.parts.ask, (answer) => this.#manager?.send(answer));
        return;
      case 'answer':
        this.#inquiries?.answered(note);
        return;
      case 'progress':
        this.#inquiries?.progressed(note);
    }
  }

  /** Whoever has a place and serves. */
  #peer({ role, workerId, incarnation, current, state }: WorkerNote): Peer[] {
    if (role === 'spare' || !current || (state !== 'ready' && state !== 'stopping')) return [];
    return [{ role, workerId, incarnation, current }];
  }

  /** A new manager with new workers takes over; the reactors keep the connections meanwhile. */
  #managerEnded(manager: Child, exit: Exit): void {
    if (this.#manager !== manager) return;
    this.#manager = undefined;
    this.#watch?.stop();
    this.#inquiries?.close();
    this.#departed = addCounters(this.#departed, ofTheDead(this.#told && { of: this.#told }));
    this.#told = undefined;
    this.#managerGone?.();
    const { logger } = this.parts;
    const throughIncarnation = (this.#managers + 1) * INCARNATIONS_PER_MANAGER;
    const left = this.#notes;
    this.#notes = left.map((note) => ({ ...note, state: 'down' }));
    // The reactors must know before they see the workers die.
    void Promise.all(
      this.#reactors.map((reactor) => reactor.markBlameless(throughIncarnation, 'managerLost')),
    ).then(() => this.#killWorkers(left));
    if (this.#state === 'stopping' || this.#state === 'stopped') return;
    logger.error(`the manager, pid ${manager.pid}, ended: ${exit.signal ?? `exit code ${exit.code}`}`);
    if (this.#earlyEnds < MAX_EARLY_ENDS) this.#startManager();
    else this.#fail(new ProcessError('BOOT_FAILED', `the manager ended ${MAX_EARLY_ENDS} times in a row`));
  }

  /** What a dead manager left behind. */
  #killWorkers(workers: readonly WorkerNote[]): void {
    const { processes } = this.parts.platform;
    for (const { pid, startedAt, state } of workers) {
      if (state !== 'down') processes.kill({ pid, startedAt }, 'SIGKILL');
    }
  }

  async #stopManager(deadline: number): Promise<void> {
    const manager = this.#manager;
    if (manager === undefined) return;
    const gone = new Promise<void>((resolve) => (this.#managerGone = resolve));
    // It has a time of its own to leave.
    this.#watch?.stop();
    this.#tell(manager, { type: 'stop', deadline });
    const { clock } = this.parts.platform;
    const timer = clock.setTimer(deadline + STOP_GRACE_MS, () => {
      this.parts.logger.warn(`killed the manager, pid ${manager.pid}: it had not stopped in time`);
      manager.kill('SIGKILL');
    });
    await gone;
    timer.cancel();
  }

  async #askManager(question: InnerQuestion, onProgress: OnProgress = () => {}): Promise<unknown> {
    if (this.#inquiries === undefined) throw new ProcessError('ASK_LOST', 'the manager is being replaced');
    return this.#inquiries.ask(question, patienceFor(question), onProgress);
  }

  /** Of this process and all others but the reactors; of those that do not answer, what was heard last. */
  async #counters(): Promise<readonly WorkerCounters[]> {
    const told = await this.#askManagerInTime<readonly WorkerCounters[]>({ what: 'counters' });
    if (told !== undefined) this.#told = told.reduce((total, each) => addCounters(total, each));
    return [this.parts.counters(), this.#departed, this.#told].filter((each) => each !== undefined);
  }

  async #askCrew(): Promise<CrewStatus | undefined> {
    const status = await this.#askManagerInTime<CrewStatus>({ what: 'workers' });
    if (status !== undefined) this.#told = status.counters;
    return status;
  }

  /** Undefined while there is no manager that could tell, and for the word of one that has ended meanwhile. */
  async #askManagerInTime<Answer>(question: InnerQuestion): Promise<Answer | undefined> {
    const manager = this.#manager;
    try {
      const answer = (await this.#askManager(question)) as Answer;
      return this.#manager === manager ? answer : undefined;
    } catch {
      return undefined;
    }
  }

  #tell(manager: Child, note: ToManager): void {
    manager.send(note);
  }

  /** Waits, but not much longer than `maxWaitTime`. */
  async #within(work: Promise<void>): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = this.parts.platform.clock.setTimer(
        this.parts.settings.maxWaitTime + STOP_GRACE_MS,
        resolve,
      );
      work.then(() => {
        timer.cancel();
        resolve();
      }, reject);
    });
  }

  #fail(error: Error): void {
    const ready = this.#ready;
    this.#ready = undefined;
    if (ready !== undefined) ready.reject(error);
    else if (this.#state !== 'stopping' && this.#state !== 'stopped') this.parts.onFailure(error);
  }
}

/** What ends when it ends has no time-out of its own. */
function patienceFor(question: InnerQuestion): number {
  const { what } = question;
  if (what === 'command') return commandPatience(question);
  if (isForQueue(question)) return QUEUE_PATIENCE_MS;
  return what === 'reload' || what === 'stopWorker' ? 0 : ANSWER_TIMEOUT_MS;
}
