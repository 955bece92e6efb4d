/** Plays the manager in the process that the master started for it. */
import { ExitCode, toWire } from '../errors.js';
import { Manager } from '../manager/manager.js';
import { answerNote, Inquiries, type OnProgress } from '../pipe/inquiries.js';
import type { ManagerAssignment } from '../pipe/assignments.js';
import type { FromManager, InnerQuestion, ToManager } from '../pipe/notes.js';
import type { Link, Platform } from '../platform/platform.js';
import { patienceFor } from './ask-patience.js';
import { joinLogFile } from './join-log-file.js';
import { ProcessContext } from './process-context.js';
import type { Program } from './program.js';
import { removeDirectories } from './server-directories.js';

/** Without a master the workers get this long to leave, in ms. */
const ORPHAN_GRACE_MS = 1_000;

export function playManager(program: Program, assignment: ManagerAssignment): void {
  new ManagerProcess(program, assignment).run();
}

class ManagerProcess {
  readonly #context: ProcessContext;
  readonly #master: Link;
  readonly #platform: Platform;
  readonly #manager: Manager;
  readonly #inquiries: Inquiries;
  #stopping = false;

  constructor(
    program: Program,
    private readonly assignment: ManagerAssignment,
  ) {
    const { settings, masterPid, pipePaths, runtimeDirectory, userProcesses } = assignment;
    const { incarnationBase, original, generation, timersRan } = assignment;
    const { platform } = program;
    joinLogFile(platform.log, settings.logFile);
    this.#platform = platform;
    this.#master = platform.self.parent!;
    this.#inquiries = new Inquiries(platform.clock, (note) => this.#tell(note));
    const managerPid = (): number => platform.self.pid;
    this.#context = new ProcessContext({
      ...program,
      settings,
      roles: ['manager'],
      workerId: -1,
      masterPid,
      managerPid,
      runtimeDirectory,
      userProcesses,
    });
    this.#context.exchange.identify({
      role: 'manager',
      workerId: -1,
      incarnation: 0,
      pid: platform.self.pid,
    });
    this.#manager = new Manager({
      platform,
      settings,
      masterPid,
      pipePaths,
      runtimeDirectory,
      userProcesses,
      incarnationBase,
      original,
      generation,
      timersRan,
      logger: this.#context.logger,
      name: settings.name,
      counters: () => this.#context.counters,
      onWorkers: (workers) => this.#tell({ type: 'workers', workers }),
      onPeers: (peers) => this.#context.exchange.setPeers(peers),
      needsFilesOf: (incarnation) => this.#context.exchange.needsFilesOf(incarnation),
      onGeneration: (generation) => this.#tell({ type: 'generation', generation }),
      onTimerRan: (timer) => this.#tell({ type: 'timerRan', timer }),
      onWorkerError: (event) => void this.#context.hooksSafely('workerError', event),
      beforeReload: async () => this.#context.hooksInTime('beforeReload'),
      afterReload: async (report) => this.#context.hooksSafelyInTime('afterReload', report),
      onGiveUp: (error) => this.#tell({ type: 'gaveUp', error: toWire(error) }),
      ask: this.#ask,
    });
  }

  run(): void {
    const { self } = this.#platform;
    this.#master.onMessage((message) => this.#hear(message as ToManager));
    this.#master.onDisconnect(() => this.#orphaned());
    self.onSignal('SIGINT', () => {});
    self.onSignal('SIGUSR1', () => {});
    self.onSignal('SIGUSR2', () => {});
    // An operator who ends the manager means the server.
    self.onSignal('SIGTERM', () => this.#tell({ type: 'shutdown' }));
    self.onUncaught((error) => {
      this.#context.logger.error('ended by an error that nobody caught', { error });
      self.exit(ExitCode.uncaught);
    });
    this.#boot().catch((error: unknown) => {
      this.#context.logger.error('the manager could not boot', { error });
      this.#tell({ type: 'failed', error: toWire(error) });
    });
  }

  async #boot(): Promise<void> {
    await this.#context.build({ ask: async (question) => this.#ask(question) });
    await this.#context.hooks('managerStart');
    await this.#manager.start();
    this.#tell({ type: 'ready' });
  }

  #hear(note: ToManager): void {
    switch (note.type) {
      case 'stop':
        void this.#stop(note.deadline);
        return;
      case 'drain':
        this.#manager.announceStop(note.deadline);
        return;
      case 'reopenLogs':
        this.#platform.log.reopen();
        this.#manager.reopenLogs();
        return;
      case 'ask':
        answerNote(
          note,
          async (question, onProgress) => this.#answer(question, onProgress),
          (answer) => this.#tell(answer),
        );
        return;
      case 'answer':
        this.#inquiries.answered(note);
        return;
      case 'progress':
        this.#inquiries.progressed(note);
    }
  }

  async #answer(question: InnerQuestion, onProgress: OnProgress): Promise<unknown> {
    if (question.what === 'command' && question.target === 'manager')
      return this.#context.commands.answer(question, 'manager');
    return this.#manager.answer(question, onProgress);
  }

  /** What a worker or a hook here asks is for the master to answer. */
  readonly #ask = async (question: InnerQuestion, onProgress?: OnProgress): Promise<unknown> =>
    this.#inquiries.ask(question, patienceFor(question), onProgress);

  async #stop(deadline: number): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await this.#manager.stop(deadline);
    await this.#context.hooksSafely('managerStop');
    await this.#context.dispose();
    this.#platform.self.exit(ExitCode.ok);
  }

  /** The master's death ends everything; a worker that is blocked in a loop does not leave by itself. */
  #orphaned(): void {
    const leave = (): void => {
      this.#manager.killAll();
      const { settings, runtimeDirectory } = this.assignment;
      removeDirectories(this.#platform.files, settings, runtimeDirectory);
      this.#platform.self.exit(ExitCode.orphaned);
    };
    this.#platform.clock.setTimer(ORPHAN_GRACE_MS, leave);
    void this.#manager.stop(ORPHAN_GRACE_MS).then(leave);
  }

  #tell(note: FromManager): void {
    this.#master.send(note);
  }
}
