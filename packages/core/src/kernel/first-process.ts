/**
 * What the process that the user started does in every mode: signals, hooks of
 * the master, the runtime directory, the banner, and the order of the end. What
 * it starts and stops is a plant, chosen once by the mode.
 */
import type { Settings } from '../config/load.js';
import { ControlSocket } from '../control/control-socket.js';
import { controlProtocol, controlSocketName } from '../control/protocol.js';
import { ExitCode, exitCodeOf, ProcessError } from '../errors.js';
import type { ServerStats, WorkerNote } from '../pipe/messages.js';
import type { Answers, Ask, Question, ReloadProgress, ServerState, ServerStatus } from '../pipe/questions.js';
import { addStats } from '../pipe/stats.js';
import type { Endpoint, Platform } from '../platform/platform.js';
import type { Topology } from '../topology/topology.js';
import { version } from '../version.js';
import { bannerLines } from './banner.js';
import type { ProcessContext, RolePowers } from './process-context.js';
import type { RunningServer, WorkerStatus } from './running-server.js';
import { serverStatus } from './server-status.js';

/** ms for which a status waits for counters; then it tells those that were known last. */
const STATS_PATIENCE_MS = 1_000;

/** The processes and threads of one server, as a whole. */
export interface Plant {
  /** Starts everything; resolves with the listeners' endpoints when all workers are ready. */
  start(): Promise<Endpoint[]>;
  /** Drains and stops everything in order. */
  stop(): Promise<void>;
  /** Ends everything at once. */
  kill(): void;
  stats(): Promise<ServerStats>;
  /** Answers what the first process does not answer itself. */
  readonly ask: Ask;
  readonly notes: readonly WorkerNote[];
  readonly managerPid: number;
}

export class FirstProcess {
  #stopped: Promise<void> | undefined;
  #signalled = false;
  /** This process exits by itself once it has stopped. */
  #leaving = false;
  #endpoints: readonly Endpoint[] = [];
  #plant: Plant | undefined;
  #ready = false;
  /** A reload was asked for and is not answered. */
  #reloading = false;
  #lastStats: ServerStats = addStats([], []);
  readonly #control: ControlSocket;
  readonly #begun: { readonly wallTime: number; readonly now: number };

  constructor(
    private readonly platform: Platform,
    private readonly settings: Settings,
    private readonly topology: Topology,
    private readonly context: ProcessContext,
    private readonly runtimeDirectory: string,
  ) {
    const { clock, pipes } = platform;
    this.#begun = { wallTime: clock.wallTime(), now: clock.now() };
    this.#control = new ControlSocket({
      pipes,
      clock,
      logger: context.logger,
      path: `${runtimeDirectory}/${controlSocketName}`,
      greeting: {
        shoal: controlProtocol,
        name: settings.name,
        pid: platform.self.pid,
        version,
        program: platform.self.invocation,
      },
      ask: (question, onProgress) => this.ask(question, onProgress),
    });
  }

  /** Starts the plant; resolves to the handle of the running server. On failure nothing is left behind. */
  async start(plant: Plant, powers: Partial<RolePowers>): Promise<RunningServer> {
    this.#plant = plant;
    this.#handleSignals();
    try {
      await Promise.all([this.#control.open(), this.#startPlant(plant, powers)]);
    } catch (error) {
      if (this.#stopped !== undefined) return this.#stoppedWhileStarting();
      this.abandon();
      throw error;
    }
    if (this.#stopped !== undefined) return this.#stoppedWhileStarting();
    this.#ready = true;
    const { logger } = this.context;
    const { network } = this.platform;
    for (const line of bannerLines(this.settings, this.topology, this.#endpoints, network.reusePort))
      logger.info(line);
    await this.context.hooksSafely('start');
    return this.#handle(plant);
  }

  async #startPlant(plant: Plant, powers: Partial<RolePowers>): Promise<void> {
    const shutdown = async (): Promise<void> => this.shutdown();
    await this.context.build({ ...powers, stats: async () => plant.stats(), shutdown });
    this.#endpoints = await plant.start();
  }

  /** Waits for the stop; a process that was asked to leave does so itself. */
  async #stoppedWhileStarting(): Promise<never> {
    await this.#stopped;
    if (this.#leaving) return new Promise<never>(() => {});
    throw new ProcessError('SHUTTING_DOWN', 'the server was stopped while it was starting');
  }

  /** Stops everything in order. Idempotent. */
  async shutdown(): Promise<void> {
    this.#stopped ??= this.#shutDown();
    return this.#stopped;
  }

  /**
   * Answers the control socket. A stop begins once its answer is on the way.
   * Rejects with `ProcessError` RELOAD_RUNNING when a reload is asked for twice, or too early.
   */
  async ask(
    question: Question,
    onProgress: (progress: ReloadProgress) => void,
  ): Promise<Answers[Question['what']]> {
    const plant = this.#plant!;
    switch (question.what) {
      case 'stats':
        return plant.stats();
      case 'status':
        return this.#status(plant);
      case 'shutdown':
        this.platform.clock.defer(() => this.stopAsAsked());
        return null;
      case 'reload':
        return this.#reload(() => plant.ask(question, onProgress));
      default:
        return plant.ask(question, onProgress);
    }
  }

  async #reload<Report>(run: () => Promise<Report>): Promise<Report> {
    if (this.#reloading)
      throw new ProcessError('RELOAD_RUNNING', 'a reload is running already: wait until it has ended');
    if (this.#state === 'stopping') throw new ProcessError('SHUTTING_DOWN', 'the server is stopping');
    if (this.#state === 'starting')
      throw new ProcessError('RELOAD_RUNNING', 'the server is starting: reload it when it serves');
    this.#reloading = true;
    try {
      return await run();
    } finally {
      this.#reloading = false;
    }
  }

  get #state(): ServerState {
    if (this.#stopped !== undefined) return 'stopping';
    if (!this.#ready) return 'starting';
    return this.#reloading ? 'reloading' : 'serving';
  }

  async #status(plant: Plant): Promise<ServerStatus> {
    const { settings, topology, platform } = this;
    const stats = await this.#statsInTime(plant);
    return serverStatus({
      settings,
      topology,
      state: this.#state,
      masterPid: platform.self.pid,
      managerPid: plant.managerPid,
      startedAt: this.#begun.wallTime,
      uptime: Math.round(platform.clock.now() - this.#begun.now),
      endpoints: this.#endpoints,
      stats,
      notes: plant.notes,
    });
  }

  /** A status comes also while workers boot, hang or leave. */
  async #statsInTime(plant: Plant): Promise<ServerStats> {
    await new Promise<void>((resolve) => {
      const timer = this.platform.clock.setTimer(STATS_PATIENCE_MS, resolve);
      const settle = (): void => {
        timer.cancel();
        resolve();
      };
      plant.stats().then((stats) => {
        this.#lastStats = stats;
        settle();
      }, settle);
    });
    return this.#lastStats;
  }

  /** The server cannot go on. */
  fail(error: Error): void {
    this.context.logger.error(`the server ends: ${error.message}`, { error });
    this.abandon();
    this.platform.self.exit(exitCodeOf(error));
  }

  /** Leaves no process and no file behind, without ceremony. */
  abandon(): void {
    this.#plant?.kill();
    void this.#control.close();
    this.platform.files.removeDirectory(this.runtimeDirectory);
  }

  async #shutDown(): Promise<void> {
    this.context.logger.info('stopping');
    await this.#plant?.stop();
    await this.context.hooksSafely('shutdown');
    await this.context.dispose();
    await this.#control.close();
    this.platform.files.removeDirectory(this.runtimeDirectory);
    this.context.logger.info('stopped');
  }

  #handleSignals(): void {
    const { self } = this.platform;
    self.onSignal('SIGTERM', () => this.#onStopSignal());
    self.onSignal('SIGINT', () => this.#onStopSignal());
    // Without a listener Node would open its inspector, and the second would end the process.
    self.onSignal('SIGUSR1', () =>
      this.context.logger.warn('SIGUSR1 is ignored: this version does not reload'),
    );
    self.onSignal('SIGUSR2', () =>
      this.context.logger.warn('SIGUSR2 is ignored: this version does not reload'),
    );
    self.onUncaught((error) => {
      this.context.logger.error('ended by an error that nobody caught', { error });
      this.abandon();
      self.exit(ExitCode.uncaught);
    });
  }

  /**
   * The first signal stops in order, or joins a stop that somebody else has asked
   * for: a signal to all processes reaches the others too. One more does not wait.
   */
  #onStopSignal(): void {
    const { self } = this.platform;
    if (this.#signalled) {
      this.context.logger.warn('stopping at once: a second signal came');
      this.abandon();
      self.exit(ExitCode.ok);
      return;
    }
    this.#signalled = true;
    this.stopAsAsked();
  }

  /** Stops in order, then leaves: a signal or another process has asked for it. */
  stopAsAsked(): void {
    const { self } = this.platform;
    this.#leaving = true;
    this.shutdown().then(
      () => self.exit(ExitCode.ok),
      (error: unknown) => this.fail(error instanceof Error ? error : new Error(String(error))),
    );
  }

  #handle(plant: Plant): RunningServer {
    const { settings, platform } = this;
    const listeners = this.#endpoints.map((endpoint, index) => {
      return { ...endpoint, name: settings.listeners[index]!.name };
    });
    return {
      listeners,
      masterPid: platform.self.pid,
      get managerPid() {
        return plant.managerPid;
      },
      get workers() {
        return plant.notes.map((note) => statusOf(note, settings));
      },
      stats: async () => plant.stats(),
      shutdown: async () => this.shutdown(),
    };
  }
}

function statusOf(note: WorkerNote, settings: Settings): WorkerStatus {
  const { workerId, pid, incarnation, state, restarts } = note;
  const { workerNum, taskWorkerNum } = settings;
  const role =
    workerId < workerNum ? 'worker' : workerId < workerNum + taskWorkerNum ? 'taskWorker' : 'userProcess';
  return { workerId, role, pid: state === 'down' ? 0 : pid, incarnation, state, restarts };
}
