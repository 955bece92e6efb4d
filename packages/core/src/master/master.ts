/**
 * The first process of a server in process mode: starts the reactors and the
 * manager, keeps both, and takes everything down in order.
 *
 * It runs no code of the application but its hooks, which the kernel calls, so
 * that connections outlive whatever the application does.
 */
import type { Settings } from '../config/load.js';
import { fromWire, listenFailed, ProcessError } from '../errors.js';
import type { Logger } from '../log.js';
import type {
  FromManager,
  ManagerAssignment,
  ServerStats,
  ToManager,
  WorkerCounters,
  WorkerNote,
} from '../pipe/messages.js';
import type { Question } from '../pipe/questions.js';
import { addStats } from '../pipe/stats.js';
import type { Child, Endpoint, Exit, Platform } from '../platform/platform.js';
import type { Topology } from '../topology/topology.js';
import { ReactorHandle } from './reactor-handle.js';

/** Incarnations of one manager's workers: more than it can ever start. */
const INCARNATIONS_PER_MANAGER = 2 ** 32;
/** What the manager may take beyond its own deadlines, in ms. */
const STOP_GRACE_MS = 4_000;
const ANSWER_TIMEOUT_MS = 4_000;
/** A manager that ends within this time of its start, in ms, so often in a row, cannot be helped. */
const QUICK_END_MS = 5_000;
const MAX_QUICK_ENDS = 10;

export interface MasterParts {
  readonly platform: Platform;
  readonly logger: Logger;
  readonly settings: Settings;
  readonly name: string;
  readonly topology: Topology;
  readonly runtimeDirectory: string;
  readonly userProcesses: readonly string[];
  /** The server cannot go on; what is left of it has to be taken down. */
  readonly onFailure: (error: Error) => void;
  /** A worker asked to shut the server down. */
  readonly onShutdown: () => void;
}

export class Master {
  readonly #reactors: ReactorHandle[] = [];
  #manager: Child | undefined;
  #generation = -1;
  #managerStarted = 0;
  #quickEnds = 0;
  #managerGone: (() => void) | undefined;
  #notes: readonly WorkerNote[] = [];
  #ready: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #state: 'starting' | 'running' | 'stopping' | 'stopped' = 'starting';
  #request = 0;
  readonly #answers = new Map<number, (workers: readonly WorkerCounters[]) => void>();

  constructor(private readonly parts: MasterParts) {}

  get managerPid(): number {
    return this.#manager?.pid ?? 0;
  }

  get notes(): readonly WorkerNote[] {
    return this.#notes;
  }

  /** Starts the reactors, binds the listeners, starts the manager; resolves when all workers are ready. */
  async start(): Promise<Endpoint[]> {
    this.#startReactors();
    await Promise.all(this.#reactors.map((reactor) => reactor.started()));
    const endpoints = await this.#listen();
    const ready = new Promise<void>((resolve, reject) => (this.#ready = { resolve, reject }));
    this.#startManager();
    await ready;
    if (this.#state === 'starting') this.#state = 'running';
    return endpoints;
  }

  /** Drains the connections, stops the workers and the manager, ends the reactors. */
  async stop(): Promise<void> {
    this.#state = 'stopping';
    const { maxWaitTime } = this.parts.settings;
    const { clock } = this.parts.platform;
    const end = clock.now() + maxWaitTime;
    await Promise.all(this.#reactors.map((reactor) => this.#within(reactor.drain(maxWaitTime))));
    await this.#stopManager(Math.max(0, end - clock.now()));
    await Promise.all(this.#reactors.map((reactor) => this.#within(reactor.stop())));
    this.#state = 'stopped';
  }

  /** Ends every other process at once. */
  kill(): void {
    this.#state = 'stopping';
    this.#manager?.kill('SIGKILL');
    this.#killWorkers(this.#notes);
  }

  async stats(): Promise<ServerStats> {
    const [reactors, workers] = await Promise.all([
      Promise.all(this.#reactors.map((reactor) => reactor.stats())),
      this.#askManager(),
    ]);
    return addStats(reactors, workers);
  }

  async ask({ what }: Question): Promise<never> {
    throw new ProcessError('NOT_IN_THIS_ROLE', `the master does not answer '${what}' in this version`);
  }

  #startReactors(): void {
    const { platform, settings, topology, runtimeDirectory } = this.parts;
    const shared = new SharedArrayBuffer(4);
    for (const index of topology.reactors.keys()) {
      const pipePath = `${runtimeDirectory}/r${index}.sock`;
      const assignment = { role: 'reactor', index, settings, pipePath, shared } as const;
      const reactor = new ReactorHandle(assignment, platform.threads, `reactor ${index}`, (error) =>
        this.#fail(error),
      );
      this.#reactors.push(reactor);
    }
  }

  /** Binds each listener on its first reactor, then on the others, at the port that the first one got. */
  async #listen(): Promise<Endpoint[]> {
    const { settings, topology } = this.parts;
    const endpoints: Endpoint[] = [];
    for (const [index, listener] of settings.listeners.entries()) {
      const reactors = this.#reactors.filter((_, reactor) => topology.reactors[reactor]!.includes(index));
      const shares = reactors.length > 1;
      try {
        const port = shares ? await this.#freePort(index) : listener.port;
        for (const reactor of reactors) endpoints[index] = await reactor.listen(index, port, shares);
      } catch (cause) {
        throw listenFailed(listener.name, listener.host, listener.port, cause);
      }
    }
    return endpoints;
  }

  /**
   * A port that nobody else listens on. Sockets that share a port would join
   * those of another server without a word, so it is bound alone first.
   */
  async #freePort(index: number): Promise<number> {
    const { host, port, backlog, noDelay } = this.parts.settings.listeners[index]!;
    const options = { host, port, backlog, noDelay, reusePort: false };
    const probe = await this.parts.platform.network.listen(options, (stream) => stream.destroy(true));
    await probe.close();
    return probe.endpoint.port;
  }

  #startManager(): void {
    const { platform, settings, name, runtimeDirectory, userProcesses } = this.parts;
    this.#generation++;
    const assignment: ManagerAssignment = {
      role: 'manager',
      settings,
      masterPid: platform.self.pid,
      pipePaths: this.#reactors.map((reactor) => reactor.assignment.pipePath),
      runtimeDirectory,
      userProcesses,
      incarnationBase: this.#generation * INCARNATIONS_PER_MANAGER,
    };
    const manager = platform.processes.spawn(assignment, `shoal ${name}: manager`);
    this.#manager = manager;
    this.#managerStarted = platform.clock.now();
    manager.onMessage((message) => this.#hear(message as FromManager));
    manager.onExit((exit) => this.#managerEnded(manager, exit));
  }

  #hear(note: FromManager): void {
    switch (note.type) {
      case 'workers':
        this.#notes = note.workers;
        return;
      case 'ready':
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
      case 'stats':
        this.#answers.get(note.request)?.(note.workers);
    }
  }

  /** A new manager with new workers takes over; the reactors keep the connections meanwhile. */
  #managerEnded(manager: Child, exit: Exit): void {
    if (this.#manager !== manager) return;
    this.#manager = undefined;
    this.#managerGone?.();
    const { logger, platform } = this.parts;
    const throughIncarnation = (this.#generation + 1) * INCARNATIONS_PER_MANAGER;
    const left = this.#notes;
    this.#notes = left.map((note) => ({ ...note, state: 'down' }));
    // The reactors must know before they see the workers die.
    void Promise.all(
      this.#reactors.map((reactor) => reactor.markBlameless(throughIncarnation, 'managerLost')),
    ).then(() => this.#killWorkers(left));
    if (this.#state === 'stopping' || this.#state === 'stopped') return;
    logger.error(`the manager, pid ${manager.pid}, ended: ${exit.signal ?? `exit code ${exit.code}`}`);
    const quick = platform.clock.now() - this.#managerStarted < QUICK_END_MS;
    this.#quickEnds = quick ? this.#quickEnds + 1 : 0;
    if (this.#quickEnds < MAX_QUICK_ENDS) this.#startManager();
    else this.#fail(new ProcessError('BOOT_FAILED', `the manager ended ${MAX_QUICK_ENDS} times in a row`));
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
    this.#tell(manager, { type: 'stop', deadline });
    const { clock } = this.parts.platform;
    const timer = clock.setTimer(deadline + STOP_GRACE_MS, () => {
      this.parts.logger.warn(`killed the manager, pid ${manager.pid}: it had not stopped in time`);
      manager.kill('SIGKILL');
    });
    await gone;
    timer.cancel();
  }

  async #askManager(): Promise<readonly WorkerCounters[]> {
    const manager = this.#manager;
    if (manager === undefined) return [];
    const request = this.#request++;
    return new Promise((resolve) => {
      const settle = (workers: readonly WorkerCounters[]): void => {
        timer.cancel();
        this.#answers.delete(request);
        resolve(workers);
      };
      const timer = this.parts.platform.clock.setTimer(ANSWER_TIMEOUT_MS, () => settle([]));
      this.#answers.set(request, settle);
      this.#tell(manager, { type: 'stats', request });
    });
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
