/**
 * Plays a worker or a task worker in a process that the manager started: builds
 * the application's objects, runs the hooks, reports ready, serves, leaves.
 */
import { differences } from '../config/differences.js';
import type { Settings } from '../config/load.js';
import { ExitCode, ProcessError, toWire } from '../errors.js';
import { blockedStackPath, type FromWorker, type ToWorker, type WorkerAssignment } from '../pipe/messages.js';
import type { BoundListener, Link } from '../platform/platform.js';
import { RemoteSockets } from '../worker/remote-sockets.js';
import type { Sockets } from '../worker/sockets.js';
import { Worker } from '../worker/worker.js';
import { BaseSockets } from './base-sockets.js';
import { ProcessContext, type ProcessOrigin, type RolePowers } from './process-context.js';

/** A shorter block of the event loop leaves no stack: looking at it stops the process for some ms. */
const SHORTEST_BLOCK_MS = 500;
/** How long a worker without its reactors waits to hear that its manager is gone too, in ms. */
const ORPHAN_GRACE_MS = 500;

type Origin = Omit<ProcessOrigin, 'settings' | 'roles' | 'workerId' | 'masterPid' | 'managerPid'>;

export function playWorker(origin: Origin, assignment: WorkerAssignment, readSettings: () => Settings): void {
  new WorkerProcess(origin, assignment, readSettings).run();
}

class WorkerProcess {
  readonly #context: ProcessContext;
  readonly #manager: Link;
  readonly #base: BaseSockets | undefined;
  /** A task worker serves no connections and has none. */
  #worker: Worker | undefined;
  #state: 'starting' | 'serving' | 'stopping' = 'starting';

  constructor(
    private readonly origin: Origin,
    private readonly assignment: WorkerAssignment,
    private readonly readSettings: () => Settings,
  ) {
    const { settings, role, workerId, masterPid, managerPid } = assignment;
    this.#manager = origin.platform.self.parent!;
    this.#context = new ProcessContext({
      ...origin,
      settings,
      roles: [role],
      workerId,
      masterPid,
      managerPid: () => managerPid,
    });
    this.#base =
      settings.mode === 'base' && role === 'worker'
        ? new BaseSockets(origin.platform, assignment, this.#context.logger)
        : undefined;
  }

  run(): void {
    const { self } = this.origin.platform;
    this.#manager.onMessage((message, listener) => this.#hear(message as ToWorker, listener));
    this.#manager.onDisconnect(() => this.#orphaned());
    self.onUncaught((error, origin) => this.#uncaught(error, origin));
    // The master answers an interrupt for all; a terminal sends it to every process.
    self.onSignal('SIGINT', () => {});
    self.onSignal('SIGUSR1', () => {});
    self.onSignal('SIGUSR2', () => {});
    self.onSignal('SIGTERM', () => void this.#stop(this.assignment.settings.maxWaitTime));
    this.#boot().catch((error: unknown) => this.#bootFailed(error));
  }

  async #boot(): Promise<void> {
    const { role, workerId } = this.assignment;
    this.#reportDifferences();
    await this.#context.build(this.#powers());
    if (role === 'taskWorker') {
      await this.#context.hooks('workerStart', workerId);
    } else if (role === 'worker') {
      const worker = this.#makeWorker();
      this.#worker = worker;
      const sockets = await this.#openSockets(worker);
      await this.#context.hooks('workerStart', workerId);
      if (this.#state !== 'starting') return;
      this.#context.startTimers();
      worker.serve(sockets);
      await this.#base?.adoptListeners();
    }
    if (this.#state !== 'starting') return;
    this.#state = 'serving';
    this.#tell({ type: 'ready' });
    // Only now: it takes processor time that the boots of others need.
    this.#traceBlocks();
    if (role === 'userProcess') await this.#runUserProcess();
  }

  /** Early enough that the stack is there when the manager kills this process, for either reason that it may have. */
  #traceBlocks(): void {
    const { settings, runtimeDirectory } = this.assignment;
    const { workerTimeout, maxWaitTime } = settings;
    if (workerTimeout === 0) return;
    const { self } = this.origin.platform;
    const afterMs = Math.max(SHORTEST_BLOCK_MS, Math.min(workerTimeout, maxWaitTime) / 2);
    self.traceBlocks(afterMs, blockedStackPath(runtimeDirectory, self.pid));
  }

  /** What it throws ends the process, as an error that nobody caught. */
  async #runUserProcess(): Promise<void> {
    const { userProcess } = this.assignment;
    try {
      const spec = this.origin.definition.processes?.find((each) => each.name === userProcess);
      if (spec === undefined) throw new Error(`the program on disk has no process ${userProcess} any more`);
      await spec.run(this.origin.server.binding[1]);
    } catch (error) {
      this.#uncaught(error, 'uncaughtException');
    }
  }

  #makeWorker(): Worker {
    const { platform, definition } = this.origin;
    const { invoker, container } = this.#context;
    const { settings } = this.assignment;
    const onLost = (error: Error | undefined): void => {
      if (this.#state === 'stopping') return;
      // Mostly the master is gone, and the manager says so at once. If not, a replacement must take this place.
      const failure = error ?? new ProcessError('PIPE_BROKEN', 'a reactor closed its pipe');
      platform.clock.setTimer(ORPHAN_GRACE_MS, () => this.#uncaught(failure, 'uncaughtException'));
    };
    return new Worker({ clock: platform.clock, settings, definition, invoker, container, onLost });
  }

  async #openSockets(worker: Worker): Promise<Sockets> {
    if (this.#base !== undefined) return this.#base.open(worker);
    const { platform } = this.origin;
    const { settings, pipePaths, workerId, incarnation } = this.assignment;
    const hello = { role: 'worker', workerId, incarnation, pid: platform.self.pid } as const;
    return RemoteSockets.connect(platform, settings, pipePaths, hello, worker);
  }

  #powers(): RolePowers {
    const shutdown = async (): Promise<void> => this.#tell({ type: 'shutdown' });
    if (this.assignment.role !== 'worker') return { shutdown };
    return {
      shutdown,
      send: (id, data) => this.#worker?.send(id, data) ?? false,
      close: (id, reset) => this.#worker?.close(id, reset) ?? false,
    };
  }

  #hear(note: ToWorker, listener: BoundListener | undefined): void {
    switch (note.type) {
      case 'ping':
        this.#tell({ type: 'pong' });
        return;
      case 'stop':
        void this.#stop(note.deadline);
        return;
      case 'stats':
        this.#tell({ type: 'stats', request: note.request, counters: this.#counters() });
        return;
      case 'listener':
        if (listener !== undefined) this.#base?.receive(note.listener, listener);
        return;
      case 'peers':
        this.#base?.setPeers(note.peers.map((peer) => peer.incarnation));
        return;
      case 'drain':
        void this.#base?.drain(note.deadline).then(() => this.#tell({ type: 'drained' }));
    }
  }

  #counters(): ReturnType<Worker['counters']> {
    return this.#worker?.counters() ?? { failedHandlers: this.#context.invoker.failed };
  }

  async #stop(deadline: number): Promise<void> {
    if (this.#state === 'stopping') return;
    const serving = this.#state === 'serving';
    this.#state = 'stopping';
    this.#tell({ type: 'leaving' });
    this.#context.timers.clearTicks();
    await this.#worker?.stop(deadline);
    if (serving) await this.#context.hooksSafely('workerStop', this.assignment.workerId);
    await this.#context.dispose();
    this.origin.platform.self.exit(ExitCode.ok);
  }

  /** Nobody would replace or stop this process any more. */
  #orphaned(): void {
    this.#worker?.leave(false);
    const { meshDirectory } = this.assignment;
    if (meshDirectory !== undefined) this.origin.platform.files.removeDirectory(meshDirectory);
    this.origin.platform.self.exit(ExitCode.orphaned);
  }

  #bootFailed(error: unknown): void {
    this.#context.logger.error('could not boot', { error });
    this.#tell({ type: 'bootFailed', error: toWire(error) });
    this.origin.platform.self.exit(ExitCode.bootFailed);
  }

  #uncaught(error: unknown, origin: string): void {
    this.#context.logger.error(
      `ended by an ${origin === 'unhandledRejection' ? 'unhandled rejection' : 'uncaught exception'}`,
      {
        error,
      },
    );
    const starting = this.#state === 'starting';
    this.#tell({ type: starting ? 'bootFailed' : 'uncaught', error: toWire(error) });
    this.origin.platform.self.exit(starting ? ExitCode.bootFailed : ExitCode.uncaught);
  }

  /** The master's settings hold; what this process read differently needs a restart of the server. */
  #reportDifferences(): void {
    let own: Settings;
    try {
      own = this.readSettings();
    } catch (error) {
      this.#context.logger.warn(
        'the settings on disk are not valid any more; those of the running server hold',
        {
          error,
        },
      );
      return;
    }
    const paths = differences(this.assignment.settings, own);
    if (paths.length === 0) return;
    this.#context.logger.warn(
      `these settings have changed and need a restart of the server: ${paths.join(', ')}`,
    );
  }

  #tell(note: FromWorker): void {
    this.#manager.send(note);
  }
}
