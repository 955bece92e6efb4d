/** Plays the manager in the process that the master started for it. */
import { ExitCode, toWire } from '../errors.js';
import { Manager } from '../manager/manager.js';
import type { FromManager, ManagerAssignment, ToManager } from '../pipe/messages.js';
import type { Link, Platform } from '../platform/platform.js';
import { ProcessContext, type ProcessOrigin } from './process-context.js';

/** Without a master the workers get this long to leave, in ms. */
const ORPHAN_GRACE_MS = 1_000;

type Origin = Pick<ProcessOrigin, 'platform' | 'definition' | 'server'>;

export function playManager(origin: Origin, assignment: ManagerAssignment): void {
  new ManagerProcess(origin, assignment).run();
}

class ManagerProcess {
  readonly #context: ProcessContext;
  readonly #master: Link;
  readonly #platform: Platform;
  readonly #manager: Manager;
  #stopping = false;

  constructor(
    origin: Origin,
    private readonly assignment: ManagerAssignment,
  ) {
    const { settings, masterPid, pipePaths, runtimeDirectory, userProcesses, incarnationBase } = assignment;
    const { platform } = origin;
    this.#platform = platform;
    this.#master = platform.self.parent!;
    const managerPid = (): number => platform.self.pid;
    this.#context = new ProcessContext({
      ...origin,
      settings,
      roles: ['manager'],
      workerId: -1,
      masterPid,
      managerPid,
    });
    this.#manager = new Manager({
      platform,
      settings,
      masterPid,
      pipePaths,
      runtimeDirectory,
      userProcesses,
      incarnationBase,
      logger: this.#context.logger,
      name: settings.name,
      onWorkers: (workers) => this.#tell({ type: 'workers', workers }),
      onWorkerError: (event) => void this.#context.hooksSafely('workerError', event),
      onGiveUp: (error) => this.#tell({ type: 'gaveUp', error: toWire(error) }),
      onShutdown: () => this.#tell({ type: 'shutdown' }),
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
    await this.#context.build({ shutdown: async () => this.#tell({ type: 'shutdown' }) });
    await this.#context.hooks('managerStart');
    await this.#manager.start();
    this.#tell({ type: 'ready' });
  }

  #hear(note: ToManager): void {
    switch (note.type) {
      case 'stop':
        void this.#stop(note.deadline);
        return;
      case 'stats':
        void this.#manager
          .stats()
          .then((workers) => this.#tell({ type: 'stats', request: note.request, workers }));
    }
  }

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
      this.#platform.files.removeDirectory(this.assignment.runtimeDirectory);
      this.#platform.self.exit(ExitCode.orphaned);
    };
    this.#platform.clock.setTimer(ORPHAN_GRACE_MS, leave);
    void this.#manager.stop(ORPHAN_GRACE_MS).then(leave);
  }

  #tell(note: FromManager): void {
    this.#master.send(note);
  }
}
