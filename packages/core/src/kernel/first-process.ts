/**
 * What the process that the user started does in every mode: signals, hooks of
 * the master, the runtime directory, the banner, and the order of the end. What
 * it starts and stops is a plant, chosen once by the mode.
 */
import type { Settings } from '../config/load.js';
import { ControlSocket } from '../control/control-socket.js';
import { controlProtocol, controlSocketName } from '../control/protocol.js';
import { ExitCode, exitCodeOf, ProcessError } from '../errors.js';
import type { OnProgress } from '../pipe/inquiries.js';
import type { WorkerNote } from '../pipe/crew-status.js';
import type { Certificates, InnerQuestion } from '../pipe/notes.js';
import type { ReloadProgress, ReloadReport, ServerState, ServerStatus } from '../pipe/questions.js';
import { addStats } from '../pipe/stats.js';
import type { Endpoint, Platform } from '../platform/platform.js';
import { endpointText } from '../topology/endpoint-text.js';
import type { Topology } from '../topology/topology.js';
import { version } from '../version.js';
import { bannerLines } from './banner.js';
import type { CertificateFiles } from './certificate-files.js';
import type { PidFile } from './pid-file.js';
import type { ProcessContext, RolePowers } from './process-context.js';
import { descriptorsOf } from './activation.js';
import type { RunningServer, WorkerStatus } from './running-server.js';
import { removeDirectories } from './server-directories.js';
import { serverStatus, type PlantReport } from './server-status.js';

/** ms for which a status waits for those who know; then it tells what was known last. */
const REPORT_PATIENCE_MS = 1_000;

/** ms within which a stop signal that comes again is the same one: nobody presses keys that fast. */
const SAME_SIGNAL_MS = 250;

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
  /** Whoever owns sockets secures new connections by these from now on. */
  renew(certificates: Certificates): void;
  /** Every process and thread but this one opens its log file anew. */
  reopenLogs(): void;
  readonly notes: readonly WorkerNote[];
  readonly managerPid: number;
  /** Of new workers. */
  readonly generation: number;
}

export class FirstProcess {
  #stopped: Promise<void> | undefined;
  #signalled = false;
  #lastSignal = Number.NEGATIVE_INFINITY;
  /** This process exits by itself once it has stopped. */
  #leaving = false;
  #endpoints: readonly Endpoint[] = [];
  #state: ServerState = 'starting';
  /** Ends the time as a lame duck. */
  #hurry: (() => void) | undefined;
  readonly #startedAt: number;
  readonly #began: number;
  #plant: Plant | undefined;
  /** What a status tells when those who know do not answer. */
  #lastReport: PlantReport = { stats: addStats([], []), workers: [], connectionsOf: () => 0 };
  readonly #control: ControlSocket;

  constructor(
    private readonly platform: Platform,
    private readonly settings: Settings,
    private readonly topology: Topology,
    private readonly context: ProcessContext,
    private readonly runtimeDirectory: string,
    /** Why `workerNum: 'auto'` is what it is; undefined where a number was written. */
    private readonly autoReason: string | undefined,
    private readonly pidFile: PidFile | undefined,
    private readonly certificates: CertificateFiles,
  ) {
    const { clock, pipes } = platform;
    this.#startedAt = clock.wallTime();
    this.#began = clock.now();
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
      const descriptors = descriptorsOf(this.platform.network.passed, this.settings.listeners);
      await plant.bind();
      if (this.#stopped !== undefined) return await this.#stoppedWhileStarting();
      this.platform.files.handOver(this.runtimeDirectory);
      // A socket that was passed stays whose it is.
      for (const [index, listener] of this.settings.listeners.entries())
        if (listener.type === 'unix' && descriptors[index] === undefined)
          this.platform.files.handOver(listener.path);
      this.pidFile?.write();
      this.platform.self.becomeUser();
      await Promise.all([this.#control.open(), this.#startPlant(plant, powers)]);
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

  async #startPlant(plant: Plant, powers: Partial<RolePowers>): Promise<void> {
    await this.context.build({ ...powers, ask: async (question) => this.ask(question) });
    this.#endpoints = await plant.start();
  }

  #tellServing(): void {
    const places = this.#endpoints.map(endpointText);
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
    void this.#control.close();
    this.#removeFiles();
  }

  #removeFiles(): void {
    removeDirectories(this.platform.files, this.settings, this.runtimeDirectory);
    this.pidFile?.remove();
  }

  async #shutDown(): Promise<void> {
    const { maxWaitTime } = this.settings;
    this.context.logger.info('stopping');
    const told = this.platform.supervisor.notify('stopping', 'drains and stops');
    const serves = this.#state !== 'starting';
    this.#state = 'stopping';
    if (serves) await this.#announceStop();
    this.#state = 'stopping';
    await this.#plant?.stop();
    await told;
    await this.context.hooksSafelyInTime('shutdown');
    await this.#atMost(maxWaitTime, this.context.dispose());
    await this.#control.close();
    this.#removeFiles();
    this.context.logger.info('stopped');
  }

  /** Everything still serves: the application hears of the stop, and load balancers have time to look elsewhere. */
  async #announceStop(): Promise<void> {
    const { lameDuck } = this.settings;
    if (lameDuck > 0) {
      this.#state = 'lameDuck';
      this.context.logger.info(`not ready any more, and serving for another ${lameDuck} ms (lameDuck)`);
    }
    await this.context.hooksSafelyInTime('beforeShutdown');
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
        // The answer is on its way first.
        this.platform.clock.defer(() => this.stopAsAsked());
        return null;
      case 'command': {
        const role = this.context.targetRole(question.target);
        if (role !== undefined) return this.context.commands.answer(question, role);
        return this.#requirePlant().ask(question, onProgress);
      }
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
    const certificates = question.only === undefined ? this.#renewCertificates() : undefined;
    const tell = <Report extends object>(report: Report): Report => ({ ...report, ...certificates });
    const began = this.platform.clock.now();
    return new Promise((resolve, reject) => {
      const onStep = (progress: ReloadProgress): void => {
        onProgress(progress);
        if (progress.step === 'accepted' && until === 'accepted')
          resolve(tell(this.#accepted(progress, began)));
      };
      this.#requirePlant()
        .ask(question, onStep)
        .then((report) => resolve(tell(report as ReloadReport)), reject)
        .finally(() => {
          if (!this.#isReloading()) return;
          this.#state = 'serving';
          this.#tellServing();
        });
    });
  }

  /** Those of before stay where something is wrong with the new ones, all of them: they belong together. */
  #renewCertificates(): Pick<ReloadReport, 'certificateProblems'> {
    const { problems, certificates } = this.certificates.read();
    if (certificates !== undefined) this.#requirePlant().renew(certificates);
    return problems.length > 0 ? { certificateProblems: problems } : {};
  }

  #accepted({ needRestart = [] }: ReloadProgress, began: number): ReloadReport {
    const { generation } = this.#requirePlant();
    const duration = Math.round(this.platform.clock.now() - began);
    return { outcome: 'accepted', generation, replaced: [], needRestart, duration };
  }

  async #status(): Promise<ServerStatus> {
    const plant = this.#requirePlant();
    const report = await this.#reportInTime(plant);
    const { name, mode } = this.settings;
    const { self, clock } = this.platform;
    const facts = {
      kind: this.topology.kind,
      self,
      name,
      mode,
      state: this.#state,
      masterPid: self.pid,
      managerPid: plant.managerPid,
      generation: plant.generation,
      startedAt: this.#startedAt,
      uptime: Math.round(clock.now() - this.#began),
      listeners: this.#listeners,
    };
    return serverStatus(facts, report);
  }

  /** A status comes also while workers boot, hang or leave. */
  async #reportInTime(plant: Plant): Promise<PlantReport> {
    const asked = plant.report().then(
      (report) => void (this.#lastReport = report),
      () => {},
    );
    await this.#atMost(REPORT_PATIENCE_MS, asked);
    return this.#lastReport;
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
   *
   * Who starts a server by npm or timeout and presses Ctrl-C means one signal,
   * and two arrive: from the terminal, or to the whole group, and from the program
   * in between.
   */
  #onStopSignal(): void {
    const { self, clock } = this.platform;
    const now = clock.now();
    if (now - this.#lastSignal <= SAME_SIGNAL_MS) return;
    this.#lastSignal = now;
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

  #handle(plant: Plant): RunningServer {
    const { platform } = this;
    return {
      listeners: this.#listeners,
      masterPid: platform.self.pid,
      get managerPid() {
        return plant.managerPid;
      },
      get workers() {
        return plant.notes.filter(({ current }) => current).map(statusOf);
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

function statusOf({ role, ...note }: WorkerNote): WorkerStatus {
  const { workerId, pid, incarnation, state, restarts } = note;
  // A spare has no place.
  const ofPlace = role === 'spare' ? 'worker' : role;
  return { workerId, role: ofPlace, pid: state === 'down' ? 0 : pid, incarnation, state, restarts };
}
