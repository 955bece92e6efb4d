/**
 * Plays the queue in a process that the manager started: opens it, serves those
 * who post and those who do tasks, and closes it as the last of all.
 *
 * Of the program it has its settings and nothing else: no object of the
 * application is made here, and no hook runs.
 */
import { ExitCode, ProcessError, toWire } from '../errors.js';
import { Logger } from '../log.js';
import { answerNote } from '../pipe/inquiries.js';
import { PIPE_VERSION } from '../pipe/messages.js';
import type { WorkerAssignment } from '../pipe/assignments.js';
import type { FromWorker, ToWorker } from '../pipe/notes.js';
import { blockedStackPath } from '../pipe/runtime-paths.js';
import type { Link, Platform } from '../platform/platform.js';
import { QueueProcess } from '../queue-process/queue-process.js';
import { joinLogFile } from './join-log-file.js';

/** A shorter block of the event loop leaves no stack. */
const SHORTEST_BLOCK_MS = 500;

export function playQueue(platform: Platform, assignment: WorkerAssignment): void {
  new QueueRole(platform, assignment).run();
}

class QueueRole {
  readonly #manager: Link;
  readonly #logger: Logger;
  readonly #queue: QueueProcess;
  #state: 'starting' | 'ready' | 'serving' | 'stopping' = 'starting';

  constructor(
    private readonly platform: Platform,
    private readonly assignment: WorkerAssignment,
  ) {
    const { settings, runtimeDirectory, place } = assignment;
    joinLogFile(platform.log, settings.logFile);
    this.#manager = platform.self.parent!;
    const { workerId } = place!;
    this.#logger = new Logger(platform.log, { role: 'queue', workerId }, settings.logLevel);
    const parts = { platform, settings, logger: this.#logger, directory: runtimeDirectory };
    this.#queue = new QueueProcess(parts);
  }

  run(): void {
    const { self } = this.platform;
    this.#manager.onMessage((message) => this.#hear(message as ToWorker));
    this.#manager.onDisconnect(() => this.#orphaned());
    self.onUncaught((error) => this.#uncaught(error));
    self.onSignal('SIGINT', () => {});
    self.onSignal('SIGUSR1', () => {});
    self.onSignal('SIGUSR2', () => {});
    self.onSignal('SIGTERM', () => this.#terminated());
    this.#boot().catch((error: unknown) => this.#bootFailed(error));
  }

  async #boot(): Promise<void> {
    const { version, place } = this.assignment;
    if (version !== PIPE_VERSION) {
      throw new ProcessError(
        'PIPE_REFUSED',
        `the kernel on disk speaks version ${PIPE_VERSION} of the protocol between processes, the running server ${version}: restart the server`,
      );
    }
    this.#tell({ type: 'loaded', onDisk: { needRestart: [] } });
    await this.#queue.open({ role: 'queue', ...place!, pid: this.platform.self.pid });
    if (this.#isStopping()) return;
    this.#state = 'ready';
    this.#tell({ type: 'ready' });
  }

  #hear(note: ToWorker): void {
    switch (note.type) {
      case 'ping':
        this.#tell({ type: 'pong', vitals: this.#vitals(), counters: this.#queue.counters });
        return;
      case 'serve':
        this.#serve();
        return;
      case 'stop':
        void this.#stop(note.deadline);
        return;
      case 'ask':
        answerNote(
          note,
          async (question) => this.#queue.answer(question),
          (answer) => this.#tell(answer as FromWorker),
        );
        return;
      case 'peers':
        this.#queue.setPeers(note.peers);
        return;
      case 'reopenLogs':
        this.platform.log.reopen();
        return;
      case 'drain':
        this.#tell({ type: 'drained' });
    }
  }

  #serve(): void {
    if (this.#state !== 'ready') return;
    this.#state = 'serving';
    this.#queue.serve();
    this.#tell({ type: 'serving' });
    const { settings, runtimeDirectory } = this.assignment;
    const { workerTimeout, maxWaitTime } = settings;
    if (workerTimeout === 0) return;
    const { self } = this.platform;
    const afterMs = Math.max(SHORTEST_BLOCK_MS, Math.min(workerTimeout, maxWaitTime) / 2);
    self.traceBlocks(afterMs, blockedStackPath(runtimeDirectory, self.pid));
  }

  #vitals(): Extract<FromWorker, { type: 'pong' }>['vitals'] {
    const { done, pending } = this.#queue;
    return { requests: done, inFlight: pending, ...this.platform.self.vitals() };
  }

  /** An operator means this process: the manager starts another one, when it has left. */
  #terminated(): void {
    if (this.#state === 'serving') this.#tell({ type: 'recycle', reason: 'SIGTERM' });
    else if (this.#state !== 'stopping') void this.#stop(this.assignment.settings.maxWaitTime);
  }

  async #stop(deadline: number): Promise<void> {
    if (this.#isStopping()) return;
    this.#state = 'stopping';
    this.#tell({ type: 'leaving' });
    await this.#queue.close(deadline);
    this.#tell({ type: 'account', counters: this.#queue.counters });
    this.platform.self.exit(ExitCode.ok);
  }

  /** Nobody would replace or stop this process any more. */
  #orphaned(): void {
    this.#queue.abandon();
    const { settings, runtimeDirectory } = this.assignment;
    if (settings.mode === 'base') this.platform.files.removeDirectory(runtimeDirectory);
    this.platform.self.exit(ExitCode.orphaned);
  }

  #bootFailed(error: unknown): void {
    if (this.#isStopping()) return;
    this.#logger.error('could not boot', { error });
    this.#tell({ type: 'bootFailed', error: toWire(error) });
    this.platform.self.exit(ExitCode.bootFailed);
  }

  #uncaught(error: unknown): void {
    this.#logger.error('ended by an error that nobody caught', { error });
    const booting = this.#state === 'starting';
    this.#tell({ type: booting ? 'bootFailed' : 'uncaught', error: toWire(error) });
    this.platform.self.exit(booting ? ExitCode.bootFailed : ExitCode.uncaught);
  }

  // A method, because a check of the field would narrow it across calls that change it.
  #isStopping(): boolean {
    return this.#state === 'stopping';
  }

  #tell(note: FromWorker): void {
    this.#manager.send(note);
  }
}
