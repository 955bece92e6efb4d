/**
 * What the process that the user started does in every mode: signals, hooks of
 * the master, the runtime directory, the banner, and the order of the end. What
 * it starts and stops is a plant, chosen once by the mode.
 */
import type { Settings } from '../config/load.js';
import { ExitCode, exitCodeOf, ProcessError } from '../errors.js';
import type { ServerStats, WorkerNote } from '../pipe/messages.js';
import type { Endpoint, Platform } from '../platform/platform.js';
import type { Topology } from '../topology/topology.js';
import { bannerLines } from './banner.js';
import type { PidFile } from './pid-file.js';
import type { ProcessContext, RolePowers } from './process-context.js';
import type { RunningServer, WorkerStatus } from './running-server.js';

/** The processes and threads of one server, as a whole. */
export interface Plant {
  /** Binds the listeners. No process is started yet, and no object of the application made. */
  bind(): Promise<void>;
  /** Starts everything; resolves with the listeners' endpoints when all workers are ready. */
  start(): Promise<Endpoint[]>;
  /** Drains and stops everything in order. */
  stop(): Promise<void>;
  /** Ends everything at once. */
  kill(): void;
  stats(): Promise<ServerStats>;
  /** Every process and thread but this one opens its log file anew. */
  reopenLogs(): void;
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

  constructor(
    private readonly platform: Platform,
    private readonly settings: Settings,
    private readonly topology: Topology,
    private readonly context: ProcessContext,
    private readonly runtimeDirectory: string,
    /** Why `workerNum: 'auto'` is what it is; undefined where a number was written. */
    private readonly autoReason: string | undefined,
    private readonly pidFile: PidFile | undefined,
  ) {}

  /** Starts the plant; resolves to the handle of the running server. On failure nothing is left behind. */
  async start(plant: Plant, powers: Partial<RolePowers>): Promise<RunningServer> {
    this.#plant = plant;
    this.#handleSignals();
    try {
      await plant.bind();
      if (this.#stopped !== undefined) return await this.#stoppedWhileStarting();
      this.platform.files.handOver(this.runtimeDirectory);
      this.pidFile?.write();
      this.platform.self.becomeUser();
      const shutdown = async (): Promise<void> => this.shutdown();
      await this.context.build({ ...powers, stats: async () => plant.stats(), shutdown });
      this.#endpoints = await plant.start();
    } catch (error) {
      if (this.#stopped !== undefined) return this.#stoppedWhileStarting();
      this.abandon();
      throw error;
    }
    if (this.#stopped !== undefined) return this.#stoppedWhileStarting();
    const { logger } = this.context;
    const { network } = this.platform;
    const { settings, topology, autoReason } = this;
    for (const line of bannerLines(settings, topology, this.#endpoints, network.reusePort, autoReason))
      logger.info(line);
    this.platform.self.started();
    this.#tellServing();
    await this.context.hooksSafely('start');
    return this.#handle(plant);
  }

  /** A reload begins: whoever supervises the server hears that it is neither stopped nor failing. */
  tellReloading(): void {
    void this.platform.supervisor.notify('reloading', 'replaces its workers');
  }

  /** The reload is over, whatever came of it. */
  tellReloaded(): void {
    this.#tellServing();
  }

  #tellServing(): void {
    const places = this.#endpoints.map(({ address, port }) => `${address}:${port}`);
    void this.platform.supervisor.notify('ready', `serves on ${places.join(', ')}`);
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

  /** Every process opens its log file anew: the old one has been renamed. */
  reopenLogs(): void {
    this.platform.log.reopen();
    this.#plant?.reopenLogs();
    if (this.settings.logFile !== undefined) this.context.logger.info('opened the log file anew');
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
    this.#removeFiles();
  }

  #removeFiles(): void {
    this.platform.files.removeDirectory(this.runtimeDirectory);
    this.pidFile?.remove();
  }

  async #shutDown(): Promise<void> {
    this.context.logger.info('stopping');
    const told = this.platform.supervisor.notify('stopping', 'drains and stops');
    await this.#plant?.stop();
    await told;
    await this.context.hooksSafely('shutdown');
    await this.context.dispose();
    this.#removeFiles();
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
    self.onSignal('SIGWINCH', () => this.reopenLogs());
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
