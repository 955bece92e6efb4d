/**
 * Plays a worker, a task worker or a user process in a process that the manager
 * started.
 *
 *   loading ──▶ loaded ──▶ starting ──▶ ready ──▶ serving ──▶ stopping
 *   modules,    a spare     start       waits     events of
 *   objects     waits for   hooks       to be     its id
 *               its id                  told
 */
import { differences } from '../config/differences.js';
import { ExitCode, ProcessError, toWire } from '../errors.js';
import type { BoundHandler } from '../events/bound-handler.js';
import { changedParts } from '../events/fingerprint.js';
import { processOf } from '../events/handler-table.js';
import { answerNote, Inquiries } from '../pipe/inquiries.js';
import { PIPE_VERSION } from '../pipe/messages.js';
import { workerTitle, type Place, type WorkerAssignment } from '../pipe/assignments.js';
import type { WorkerCounters } from '../pipe/counters.js';
import type { WorkerVitals } from '../pipe/crew-status.js';
import type { Certificates, FromWorker, InnerQuestion, OnDisk, ToWorker } from '../pipe/notes.js';
import { blockedStackPath } from '../pipe/runtime-paths.js';
import type { BoundListener, Link } from '../platform/platform.js';
import { RemoteSockets } from '../worker/remote-sockets.js';
import type { Sockets } from '../worker/sockets.js';
import { Worker } from '../worker/worker.js';
import { patienceFor } from './ask-patience.js';
import type { BaseSockets } from './base-sockets.js';
import { ExitAnnouncement } from './exit-announcement.js';
import { joinLogFile } from './join-log-file.js';
import { baseSockets, settingsSchema } from './late.js';
import { loadBody } from './process-body.js';
import { ProcessContext, type RolePowers } from './process-context.js';
import { environmentOf, rawSettings, settingsText, type Program } from './program.js';
import { removeDirectories } from './server-directories.js';

/** A shorter block of the event loop leaves no stack: looking at it stops the process for some ms. */
const SHORTEST_BLOCK_MS = 500;
/** How long a worker that leaves waits until what its stop hooks have sent is with the system, in ms. */
const LAST_FLUSH_MS = 500;
/** How long a worker without its reactors waits to hear that its manager is gone too, in ms. */
const ORPHAN_GRACE_MS = 500;

export function playWorker(program: Program, assignment: WorkerAssignment): void {
  new WorkerProcess(program, assignment).run();
}

class WorkerProcess {
  readonly #context: ProcessContext;
  readonly #manager: Link;
  readonly #inquiries: Inquiries;
  #base: BaseSockets | undefined;
  /** A task worker serves no connections and has none. */
  #worker: Worker | undefined;
  #sockets: Sockets | undefined;
  #place: Place | undefined;
  #assume: ((place: Place) => void) | undefined;
  /** base mode: what came for the sockets before they were made. */
  readonly #earlyListeners: [number, BoundListener][] = [];
  #certificates: Certificates = [];
  /** Of a user process. */
  #body: BoundHandler | undefined;
  #bodyRuns = false;
  /** Set once it must leave. */
  #exiting: ExitAnnouncement | undefined;
  #state: 'loading' | 'loaded' | 'starting' | 'ready' | 'serving' | 'stopping' = 'loading';

  constructor(
    private readonly program: Program,
    private readonly assignment: WorkerAssignment,
  ) {
    const { settings, role, place, userProcess, masterPid, managerPid } = assignment;
    const { runtimeDirectory, userProcesses } = assignment;
    const { platform } = program;
    joinLogFile(platform.log, settings.logFile);
    this.#manager = platform.self.parent!;
    this.#inquiries = new Inquiries(platform.clock, (note) => this.#tell(note));
    this.#place = place;
    this.#context = new ProcessContext({
      ...program,
      settings,
      roles: [role],
      ...(userProcess !== undefined && { process: userProcess }),
      workerId: place?.workerId ?? -1,
      masterPid,
      managerPid: () => managerPid,
      runtimeDirectory,
      userProcesses,
      onTaskLimit: () =>
        this.#tell({ type: 'recycle', reason: `taskMaxRequest, ${settings.taskMaxRequest}` }),
    });
  }

  run(): void {
    const { self } = this.program.platform;
    this.#manager.onMessage((message, listener) => this.#hear(message as ToWorker, listener));
    this.#manager.onDisconnect(() => this.#orphaned());
    self.onUncaught((error, origin) => this.#uncaught(error, origin));
    // The master answers an interrupt for all; a terminal sends it to every process.
    self.onSignal('SIGINT', () => {});
    self.onSignal('SIGUSR1', () => {});
    self.onSignal('SIGUSR2', () => {});
    self.onSignal('SIGTERM', () => this.#terminated());
    this.#boot().catch((error: unknown) => this.#bootFailed(error));
  }

  async #boot(): Promise<void> {
    this.#checkVersion();
    await this.#context.build(this.#powers());
    if (this.assignment.role === 'userProcess') await this.#loadBody();
    if (this.#isStopping()) return;
    const onDisk = await this.#lookAtDisk();
    if (this.#isStopping()) return;
    this.#state = 'loaded';
    this.#tell({ type: 'loaded', onDisk });
    const place = this.#place ?? (await new Promise<Place>((resolve) => (this.#assume = resolve)));
    if (this.#isStopping()) return;
    await this.#start(place);
  }

  /** The id is this process's own from here on. */
  async #start(place: Place): Promise<void> {
    const { role } = this.assignment;
    this.#state = 'starting';
    const { exchange } = this.#context;
    exchange.identify({ role, ...place, pid: this.program.platform.self.pid });
    await exchange.listen();
    if (role === 'worker') {
      this.#worker = this.#makeWorker();
      this.#sockets = await this.#openSockets(this.#worker, place);
      this.#worker.reach(this.#sockets);
    }
    await this.#context.hooks('workerStart', place.workerId);
    if (this.#isStopping()) return;
    this.#state = 'ready';
    this.#tell({ type: 'ready' });
  }

  #take(place: Place): void {
    const { platform } = this.program;
    this.#place = place;
    this.#context.assume(place.workerId);
    const { settings } = this.assignment;
    platform.self.setTitle(`shoal ${settings.name}: ${workerTitle({ ...this.assignment, place })}`);
    this.#assume?.(place);
  }

  async #serve(): Promise<void> {
    if (this.#state !== 'ready') return;
    this.#state = 'serving';
    this.#context.startTimers();
    if (this.assignment.role === 'worker') {
      await this.#worker!.serve(this.#sockets!);
      await this.#base?.adoptListeners();
    }
    this.#tell({ type: 'serving', ...(this.#context.declaredTimers.mayHold && { mayHoldTimers: true }) });
    // Only now: it takes processor time that the boots of others need.
    this.#traceBlocks();
    if (this.#body !== undefined) await this.#runBody(this.#body);
  }

  /** Early enough that the stack is there when the manager kills this process, for either reason that it may have. */
  #traceBlocks(): void {
    const { settings, runtimeDirectory } = this.assignment;
    const { workerTimeout, maxWaitTime } = settings;
    if (workerTimeout === 0) return;
    const { self } = this.program.platform;
    const afterMs = Math.max(SHORTEST_BLOCK_MS, Math.min(workerTimeout, maxWaitTime) / 2);
    self.traceBlocks(afterMs, blockedStackPath(runtimeDirectory, self.pid));
  }

  async #loadBody(): Promise<void> {
    const { userProcess } = this.assignment;
    const spec = processOf(this.program.definition, userProcess);
    if (spec === undefined)
      throw new ProcessError('BOOT_FAILED', `the program on disk has no process ${userProcess} any more`);
    this.#body = await loadBody(spec, this.#context.container, this.program.server.binding[1]);
  }

  /** What it throws ends the process, as an error that nobody caught; once it leaves, that was to be expected. */
  async #runBody(body: BoundHandler): Promise<void> {
    this.#bodyRuns = true;
    try {
      await this.#context.invoker.hooks([body]);
    } catch (error) {
      if (this.#isStopping()) this.#context.logger.debug(`${body.label} has ended`, { error });
      else this.#uncaught(error, 'uncaughtException');
    } finally {
      this.#bodyRuns = false;
    }
  }

  #makeWorker(): Worker {
    const { platform, definition } = this.program;
    const { invoker, container } = this.#context;
    const { settings } = this.assignment;
    const { maxRequest, maxRequestGrace } = settings;
    const onLost = (error: Error | undefined): void => {
      if (this.#state === 'stopping') return;
      // Mostly the master is gone, and the manager says so at once. If not, a replacement must take this place.
      const failure = error ?? new ProcessError('PIPE_BROKEN', 'a reactor closed its pipe');
      platform.clock.setTimer(ORPHAN_GRACE_MS, () => this.#uncaught(failure, 'uncaughtException'));
    };
    return new Worker({
      clock: platform.clock,
      settings,
      definition,
      invoker,
      container,
      onLost,
      onLeft: () => this.#serveNobody(),
      byId: this.#context,
      requestLimit:
        maxRequest === 0 ? 0 : maxRequest + Math.floor(platform.random.next() * (maxRequestGrace + 1)),
      onRequestLimit: () => this.#tell({ type: 'recycle', reason: `maxRequest, ${maxRequest}` }),
    });
  }

  async #openSockets(worker: Worker, place: Place): Promise<Sockets> {
    const { platform } = this.program;
    const { settings, pipePaths } = this.assignment;
    if (settings.mode === 'base') {
      const { BaseSockets } = await baseSockets.get();
      const { logger, exchange } = this.#context;
      this.#base = new BaseSockets(platform, { ...place, settings }, logger, exchange);
      this.#earlyListeners.forEach(([index, bound]) => this.#base!.receive(index, bound));
      await this.#base.prepare();
      this.#base.secure(this.#certificates);
      return this.#base.open(worker);
    }
    const hello = { role: 'worker', ...place, pid: platform.self.pid } as const;
    return RemoteSockets.connect(platform, settings, pipePaths, hello, worker);
  }

  #powers(): RolePowers {
    const ask: RolePowers['ask'] = async (question) => this.#inquiries.ask(question, patienceFor(question));
    if (this.assignment.role !== 'worker') return { ask };
    return {
      ask,
      send: (id, data) => this.#worker?.send(id, data) ?? false,
      close: (id, reset) => this.#worker?.close(id, reset) ?? false,
      acts: () => this.#worker?.acts,
      sendto: (to, data, bytes) => this.#worker?.sendto(to, data, bytes) ?? false,
      clients: () => this.#worker,
    };
  }

  #hear(note: ToWorker, listener: BoundListener | undefined): void {
    switch (note.type) {
      case 'ping':
        this.#tell({ type: 'pong', vitals: this.#vitals(), counters: this.#counters() });
        return;
      case 'assume':
        this.#take(note.place);
        return;
      case 'serve':
        this.#serve().catch((error: unknown) => this.#uncaught(error, 'uncaughtException'));
        return;
      case 'stop':
        void this.#stop(note.deadline, note.replaced);
        return;
      case 'hold':
        this.#context.declaredTimers.hold(note.ran, {
          ran: (timer) => this.#tell({ type: 'timerRan', timer }),
          released: () => this.#tell({ type: 'released' }),
        });
        return;
      case 'ask':
        answerNote(
          note,
          async (question) => this.#answer(question),
          (answer) => this.#tell(answer as FromWorker),
        );
        return;
      case 'answer':
        this.#inquiries.answered(note);
        return;
      case 'progress':
        this.#inquiries.progressed(note);
        return;
      case 'listener':
        if (listener === undefined) return;
        if (this.#base === undefined) this.#earlyListeners.push([note.listener, listener]);
        else this.#base.receive(note.listener, listener);
        return;
      case 'certificates':
        this.#certificates = note.certificates;
        this.#base?.secure(note.certificates);
        return;
      case 'peers':
        this.#context.exchange.setPeers(note.peers);
        return;
      case 'drain':
        void this.#drain(note.deadline);
        return;
      case 'reopenLogs':
        this.program.platform.log.reopen();
    }
  }

  #answer(question: InnerQuestion): unknown {
    switch (question.what) {
      case 'counters':
        return this.#counters();
      case 'needsFiles':
        return this.#context.exchange.needsFilesOf(question.incarnation);
      case 'clientInfo':
        return this.#base?.clientInfo(question.id) ?? null;
      case 'command':
        return this.#context.commands.answer(question, this.assignment.role);
      case 'connections':
        return this.#base?.connectionsAfter(question.after, question.limit) ?? [];
      default:
        throw new ProcessError('NOT_IN_THIS_ROLE', `a worker does not answer '${question.what}'`);
    }
  }

  #counters(): WorkerCounters {
    return { ...this.#context.counters, ...this.#worker?.counters() };
  }

  #vitals(): WorkerVitals {
    const connections = this.#base?.openConnections;
    const { exchange } = this.#context;
    return {
      requests: this.#worker?.requests ?? exchange.done,
      inFlight: this.#inFlight,
      ...(connections !== undefined && { connections }),
      ...this.program.platform.self.vitals(),
    };
  }

  /** An operator means this worker: it is replaced like any other that must go. */
  #terminated(): void {
    if (this.#state === 'stopping') return;
    if (this.#state === 'serving') this.#tell({ type: 'recycle', reason: 'SIGTERM' });
    else void this.#stop(this.assignment.settings.maxWaitTime, false);
  }

  /** The server stops. The owners of the sockets wait for the handlers that run, which are told that they should end. */
  async #drain(deadline: number): Promise<void> {
    if (this.#isStopping()) return;
    this.#worker?.warn(deadline);
    // User processes leave after the workers, which may need them to their end.
    if (this.assignment.role !== 'userProcess') this.#announceExit();
    await this.#base?.drain(deadline);
    this.#tell({ type: 'drained' });
  }

  async #stop(deadline: number, replaced: boolean): Promise<void> {
    if (this.#isStopping()) return;
    const before = this.#state;
    this.#state = 'stopping';
    this.#tell({ type: 'leaving' });
    this.#context.endTimers();
    if (replaced) this.#context.exchange.retire();
    else this.#context.exchange.retireTasks();
    this.#announceExit();
    if (before === 'serving') await this.#finish(deadline, replaced);
    this.#exiting?.cancel();
    if (before === 'serving' || before === 'ready') {
      if (before === 'ready') this.#worker?.leave(true);
      this.#serveNobody();
      const { workerId } = this.#place!;
      this.#context.commands.close();
      await this.#context.hooksSafely('workerStop', workerId);
      await this.#context.exchange.flush(LAST_FLUSH_MS);
    }
    await this.#context.dispose();
    this.#context.exchange.close();
    this.#tell({ type: 'account', counters: this.#counters() });
    this.program.platform.self.exit(ExitCode.ok);
  }

  async #finish(deadline: number, replaced: boolean): Promise<void> {
    const { clock } = this.program.platform;
    const end = clock.now() + deadline;
    const left = (): number => Math.max(0, end - clock.now());
    if (replaced) this.#worker?.drainPinned();
    if (replaced && this.#base !== undefined)
      await Promise.all([this.#base.outlast(deadline), this.#worker?.outlastPinned(deadline)]);
    else if (replaced) {
      await this.#worker?.allRetired(deadline);
      await this.#worker?.outlastPinned(left());
    }
    await this.#worker?.stop(left());
    await this.#context.commands.finish(left());
    await this.#context.exchange.finish(left(), replaced);
  }

  /** In process mode the sockets are others' and outlive it. */
  #serveNobody(): void {
    if (this.#base === undefined) this.#context.serveNobody();
  }

  #announceExit(): void {
    if (this.#exiting !== undefined) return;
    const hooks = async (): Promise<void> => this.#context.hooksSafely('workerExit', this.#place!.workerId);
    this.#exiting = new ExitAnnouncement(this.program.platform.clock, () => this.#hasOpenWork(), hooks);
    void this.#exiting.run();
  }

  #hasOpenWork(): boolean {
    const connections = this.#base?.openConnections ?? 0;
    const pinned = this.#worker?.pinned ?? 0;
    return this.#inFlight > 0 || this.#bodyRuns || connections + pinned > 0 || this.#context.exchange.busy;
  }

  get #inFlight(): number {
    const { commands, exchange } = this.#context;
    return (this.#worker?.inFlight ?? 0) + commands.running + exchange.inFlight;
  }

  /** Nobody would replace or stop this process any more. */
  #orphaned(): void {
    this.#worker?.leave(false);
    this.#context.exchange.close();
    const { settings, runtimeDirectory } = this.assignment;
    // In base mode the manager was the first process, and nobody else is left to do it.
    if (settings.mode === 'base') removeDirectories(this.program.platform.files, settings, runtimeDirectory);
    this.program.platform.self.exit(ExitCode.orphaned);
  }

  #bootFailed(error: unknown): void {
    if (this.#isStopping()) return;
    this.#context.logger.error('could not boot', { error });
    this.#tell({ type: 'bootFailed', error: toWire(error) });
    this.program.platform.self.exit(ExitCode.bootFailed);
  }

  #uncaught(error: unknown, origin: string): void {
    this.#context.logger.error(
      `ended by an ${origin === 'unhandledRejection' ? 'unhandled rejection' : 'uncaught exception'}`,
      {
        error,
      },
    );
    const booting = this.#state !== 'serving' && this.#state !== 'ready' && this.#state !== 'stopping';
    this.#tell({ type: booting ? 'bootFailed' : 'uncaught', error: toWire(error) });
    this.program.platform.self.exit(booting ? ExitCode.bootFailed : ExitCode.uncaught);
  }

  /** The kernel on disk may have been replaced under a running server. */
  #checkVersion(): void {
    if (this.assignment.version === PIPE_VERSION) return;
    throw new ProcessError(
      'PIPE_REFUSED',
      `the kernel on disk speaks version ${PIPE_VERSION} of the protocol between processes, the running server ${this.assignment.version}: restart the server`,
    );
  }

  /** What this process found on disk that the running server cannot take over. The master's settings hold. */
  async #lookAtDisk(): Promise<OnDisk> {
    const { logger } = this.#context;
    let paths: readonly string[];
    try {
      paths = await this.#changedSettings();
    } catch (error) {
      logger.warn('the settings on disk are not valid any more; those of the running server hold', { error });
      return { needRestart: [], invalidSettings: toWire(error) };
    }
    const parts = changedParts(this.assignment.original.fixed, this.#context.fixedParts());
    if (paths.length > 0)
      logger.warn(`these settings have changed and need a restart of the server: ${paths.join(', ')}`);
    if (parts.length > 0)
      logger.warn(`these have changed and need a restart of the server: ${parts.join(', ')}`);
    return { needRestart: [...paths, ...parts] };
  }

  /** Mostly what is written is the same, and the schema need not be loaded to see that. */
  async #changedSettings(): Promise<readonly string[]> {
    const { original, settings } = this.assignment;
    const given = rawSettings(this.program);
    const written = settingsText(this.program, given);
    if (written !== undefined && written === original.written) return [];
    const { loadSettings } = await settingsSchema.get();
    return differences(settings, loadSettings(given, environmentOf(this.program)));
  }

  // A method, because a check of the field would narrow it across calls that change it.
  #isStopping(): boolean {
    return this.#state === 'stopping';
  }

  #tell(note: FromWorker): void {
    this.#manager.send(note);
  }
}
