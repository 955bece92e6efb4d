/**
 * What the process that the user started does in every mode: signals, hooks of
 * the master, the runtime directory, the banner, and the order of the end. What
 * it starts and stops is a plant, chosen once by the mode.
 */
import type { Settings } from '../config/load.js';
import { ExitCode, exitCodeOf, ProcessError } from '../errors.js';
import type { OnProgress } from '../pipe/inquiries.js';
import type { InnerQuestion, WorkerNote, WorkerRow } from '../pipe/messages.js';
import type {
  ProcessStatus,
  ReloadProgress,
  ReloadReport,
  ServerState,
  ServerStatus,
} from '../pipe/questions.js';
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
  /** How everything is doing. */
  report(): Promise<PlantReport>;
  /** Answers what the first process does not answer itself. */
  ask(question: InnerQuestion, onProgress: OnProgress): Promise<unknown>;
  /** Every process and thread but this one opens its log file anew. */
  reopenLogs(): void;
  readonly notes: readonly WorkerNote[];
  readonly managerPid: number;
  /** Of new workers. */
  readonly generation: number;
}

export interface PlantReport {
  readonly stats: ServerStatus['stats'];
  readonly workers: readonly WorkerRow[];
  /** Connections that a worker serves, in sticky dispatch modes. */
  connectionsOf(workerId: number): number;
}

export class FirstProcess {
  #stopped: Promise<void> | undefined;
  #signalled = false;
  /** This process exits by itself once it has stopped. */
  #leaving = false;
  #endpoints: readonly Endpoint[] = [];
  #state: ServerState = 'starting';
  /** Ends the time as a lame duck. */
  #hurry: (() => void) | undefined;
  readonly #startedAt: number;
  readonly #began: number;
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
  ) {
    this.#startedAt = platform.clock.wallTime();
    this.#began = platform.clock.now();
  }

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
      await this.context.build({ ...powers, ask: async (question) => this.ask(question) });
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
    this.#state = 'serving';
    this.platform.self.started();
    this.#tellServing();
    await this.context.hooksSafely('start');
    return this.#handle(plant);
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
    if (this.#state !== 'starting') await this.#announceStop();
    this.#state = 'stopping';
    await this.#plant?.stop();
    await told;
    await this.context.hooksSafely('shutdown');
    await this.context.dispose();
    this.#removeFiles();
    this.context.logger.info('stopped');
  }

  /** Everything still serves: the application hears of the stop, and load balancers have time to look elsewhere. */
  async #announceStop(): Promise<void> {
    const { lameDuck, maxWaitTime } = this.settings;
    if (lameDuck > 0) {
      this.#state = 'lameDuck';
      this.context.logger.info(`not ready any more, and serving for another ${lameDuck} ms (lameDuck)`);
    }
    await this.#atMost(maxWaitTime, this.context.hooksSafely('beforeShutdown'));
    if (lameDuck > 0) await this.#atMost(lameDuck, new Promise<void>((resolve) => (this.#hurry = resolve)));
    this.#hurry = undefined;
  }

  async #atMost(ms: number, work: Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.platform.clock.setTimer(ms, resolve);
      void work.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Answers whoever asks the server: a process of it, a hook, the control socket. */
  async ask(question: InnerQuestion, onProgress: OnProgress = () => {}): Promise<unknown> {
    switch (question.what) {
      case 'status':
        return this.#status();
      case 'shutdown':
        this.stopAsAsked();
        return null;
      case 'reload':
        return this.#reload(question, onProgress);
      case 'reopenLogs':
        this.reopenLogs();
        return null;
      default:
        return this.#requirePlant().ask(question, onProgress);
    }
  }

  async #reload(
    question: Extract<InnerQuestion, { what: 'reload' }>,
    onProgress: OnProgress,
  ): Promise<unknown> {
    if (this.#state === 'starting')
      throw new ProcessError('RELOAD_RUNNING', 'the server is starting, and loads the code on disk anyway');
    if (this.#state !== 'serving' && this.#state !== 'reloading')
      throw new ProcessError('SHUTTING_DOWN', 'the server is stopping');
    if (this.#state === 'reloading') throw new ProcessError('RELOAD_RUNNING', 'another reload is running');
    this.#state = 'reloading';
    // Whoever supervises the server hears that it is neither stopped nor failing.
    void this.platform.supervisor.notify('reloading', 'replaces its workers');
    const { until } = question;
    const began = this.platform.clock.now();
    return new Promise((resolve, reject) => {
      const onStep = (progress: ReloadProgress): void => {
        onProgress(progress);
        if (progress.step === 'accepted' && until === 'accepted') resolve(this.#accepted(progress, began));
      };
      this.#requirePlant()
        .ask(question, onStep)
        .then(resolve, reject)
        .finally(() => {
          if (!this.#isReloading()) return;
          this.#state = 'serving';
          this.#tellServing();
        });
    });
  }

  #accepted({ needRestart = [] }: ReloadProgress, began: number): ReloadReport {
    const { generation } = this.#requirePlant();
    const duration = Math.round(this.platform.clock.now() - began);
    return { outcome: 'accepted', generation, replaced: [], needRestart, duration };
  }

  async #status(): Promise<ServerStatus> {
    const plant = this.#requirePlant();
    const { name, mode } = this.settings;
    const { pid } = this.platform.self;
    const { stats, workers, connectionsOf } = await plant.report();
    return {
      name,
      mode,
      state: this.#state,
      masterPid: pid,
      managerPid: plant.managerPid,
      generation: plant.generation,
      startedAt: this.#startedAt,
      uptime: Math.round(this.platform.clock.now() - this.#began),
      listeners: this.#listeners,
      stats,
      processes: [...this.#ownRows(plant), ...workers.map((row) => statusRow(row, connectionsOf))],
    };
  }

  // Methods, because a check of a field would narrow it across calls that change it.
  #isReloading(): boolean {
    return this.#state === 'reloading';
  }

  #requirePlant(): Plant {
    if (this.#plant !== undefined) return this.#plant;
    throw new ProcessError('ASK_LOST', 'the server has not begun to start');
  }

  #handleSignals(): void {
    const { self } = this.platform;
    self.onSignal('SIGTERM', () => this.#onStopSignal());
    self.onSignal('SIGINT', () => this.#onStopSignal());
    self.onSignal('SIGUSR1', () => this.#reloadBySignal('SIGUSR1', { what: 'reload' }));
    self.onSignal('SIGUSR2', () => this.#reloadBySignal('SIGUSR2', { what: 'reload', only: 'taskWorker' }));
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
    if (this.#hurry !== undefined) {
      this.context.logger.info('the lame duck is hurried: another signal came');
      this.#hurry();
      return;
    }
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

  /** What becomes of it is logged by the manager; here only what could not begin. */
  #reloadBySignal(signal: string, question: Parameters<FirstProcess['ask']>[0]): void {
    this.ask(question).catch((error: unknown) => {
      this.context.logger.warn(
        `${signal} does not reload: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
  }

  get #listeners(): RunningServer['listeners'] {
    return this.#endpoints.map((endpoint, index) => {
      return { ...endpoint, name: this.settings.listeners[index]!.name };
    });
  }

  /** Master and manager; in base mode they are one process, with a single worker that as well. */
  #ownRows({ managerPid, generation }: Plant): ServerStatus['processes'] {
    if (this.topology.kind === 'single') return [];
    const { self } = this.platform;
    const { pid } = self;
    const uptime = Math.round(this.platform.clock.now() - this.#began);
    const nothing = { workerId: -1, connections: 0, requests: 0, requestsPerSecond: 0, inFlight: 0 };
    const rest = { ...nothing, generation, restarts: 0, lastCrash: null };
    const { rss, loopLagP99 } = self.vitals();
    const first = { ...rest, pid, state: 'ready', uptime, rss, loopLagP99 } as const;
    if (this.topology.kind === 'base') return [{ ...first, role: 'manager' }];
    const manager = {
      ...rest,
      pid: managerPid,
      state: managerPid === 0 ? 'down' : 'ready',
      uptime,
      rss: 0,
      loopLagP99: null,
    } as const;
    return [
      { ...first, role: 'master' },
      { ...manager, role: 'manager' },
    ];
  }

  #handle(plant: Plant): RunningServer {
    const { settings, platform } = this;
    return {
      listeners: this.#listeners,
      masterPid: platform.self.pid,
      get managerPid() {
        return plant.managerPid;
      },
      get workers() {
        return plant.notes.filter(({ current }) => current).map((note) => statusOf(note, settings));
      },
      stats: async () => (await this.ask({ what: 'stats' })) as ServerStatus['stats'],
      status: async () => this.#status(),
      reload: async ({ only, onProgress } = {}) => {
        const question: InnerQuestion = { what: 'reload', ...(only === 'task' && ONLY_TASKS) };
        return (await this.ask(question, onProgress)) as ReloadReport;
      },
      stop: async (workerId) => void (await this.ask({ what: 'stopWorker', workerId })),
      shutdown: async () => this.shutdown(),
    };
  }
}

const ONLY_TASKS = { only: 'taskWorker' } as const;

function statusOf(note: WorkerNote, settings: Settings): WorkerStatus {
  const { workerId, pid, incarnation, state, restarts } = note;
  const { workerNum, taskWorkerNum } = settings;
  const role =
    workerId < workerNum ? 'worker' : workerId < workerNum + taskWorkerNum ? 'taskWorker' : 'userProcess';
  return { workerId, role, pid: state === 'down' ? 0 : pid, incarnation, state, restarts };
}

/** What a manager knows of a worker, as `status` shows it. */
function statusRow(row: WorkerRow, connectionsOf: (workerId: number) => number): ProcessStatus {
  const { role, workerId, pid, generation, state, uptime, vitals, requestsPerSecond, restarts, lastCrash } =
    row;
  return {
    role,
    workerId,
    pid,
    generation,
    state,
    uptime: Math.round(uptime),
    connections: row.current && role === 'worker' ? connectionsOf(workerId) : (vitals?.connections ?? 0),
    requests: vitals?.requests ?? 0,
    requestsPerSecond,
    inFlight: vitals?.inFlight ?? 0,
    loopLagP99: vitals?.loopLagP99 ?? null,
    rss: vitals?.rss ?? 0,
    restarts,
    lastCrash,
  };
}
