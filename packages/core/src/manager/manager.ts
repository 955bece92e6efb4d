/**
 * Starts, watches and replaces the workers of a server.
 *
 * Runs in a process of its own in process mode, and in the first process in base
 * mode. It owns no socket that carries client data and runs no code of the
 * application but its manager hooks, so that it has little to die of.
 *
 * A worker that ends unasked is replaced at once, by a spare if there is one. A
 * worker that has to go is replaced while it lives: its successor boots beside
 * it, takes its place, and then it is told to finish and leave.
 */
import type { Settings } from '../config/load.js';
import { fromWire, ProcessError } from '../errors.js';
import type { WorkerErrorEvent } from '../events/event-table.js';
import type { Logger } from '../log.js';
import { answerNote, Inquiries, type Answerer, type OnProgress } from '../pipe/inquiries.js';
import {
  PIPE_VERSION,
  workerTitle,
  type FixedParts,
  type FromWorker,
  type InnerQuestion,
  type Place,
  type ToWorker,
  type WorkerAssignment,
  type WorkerCounters,
  type WorkerNote,
  type WorkerRow,
} from '../pipe/messages.js';
import type { ClientInfo, Question, ReloadReport } from '../pipe/questions.js';
import { addCounters, ofTheDead } from '../pipe/stats.js';
import type { BoundListener, Exit, Platform, Timer } from '../platform/platform.js';
import { CrashReports } from './crash-reports.js';
import { Permits } from './permits.js';
import { RestartPolicy, type BootFailure } from './restart-policy.js';
import { RollingReload, type ReloadHost } from './rolling-reload.js';
import { Standby } from './standby.js';
import { Watch } from './watch.js';
import { WorkerHandle } from './worker-handle.js';
import { WorkerPlace } from './worker-place.js';

/** What a stopping worker may take beyond its deadline for its stop hooks, in ms. */
const STOP_GRACE_MS = 2_000;
/** An answer that a worker owes to a question of the manager, in ms. */
const ANSWER_TIMEOUT_MS = 2_000;

export interface ManagerParts {
  readonly platform: Platform;
  readonly logger: Logger;
  readonly settings: Settings;
  /** `Chat`, for process titles. */
  readonly name: string;
  readonly masterPid: number;
  /** process mode: where the reactors take pipes. */
  readonly pipePaths: readonly string[];
  /** Where workers leave the stacks of blocked event loops. */
  readonly runtimeDirectory: string;
  /** base mode: the sockets that workers accept on, and where workers find each other. */
  readonly base?: { readonly listeners: readonly BoundListener[]; readonly meshDirectory: string };
  /** Names of the user processes, whose ids follow those of the task workers. */
  readonly userProcesses: readonly string[];
  /** What only a restart applies. */
  readonly fixed: FixedParts;
  /** Incarnations start above this number. */
  readonly incarnationBase: number;
  /** The generation of its first workers. */
  readonly generation: number;
  readonly onWorkers: (notes: readonly WorkerNote[]) => void;
  readonly onGeneration: (generation: number) => void;
  readonly onWorkerError: (event: WorkerErrorEvent) => void;
  /** Runs the hooks around a reload; rejects when a hook before it does. */
  readonly beforeReload: () => Promise<void>;
  readonly afterReload: (report: ReloadReport) => Promise<void>;
  /** A worker cannot boot, again and again. */
  readonly onGiveUp: (error: Error) => void;
  /** A worker asks something that the first process knows. */
  readonly ask: Answerer;
}

export class Manager {
  readonly #places: WorkerPlace[] = [];
  /** Every process that lives, spares included. */
  readonly #living = new Set<WorkerHandle>();
  readonly #restartTimers = new Set<Timer>();
  readonly #drained = new Set<WorkerHandle>();
  readonly #inquiries = new Map<WorkerHandle, Inquiries>();
  /** One more worker in replacement for each. */
  readonly #absences: Permits;
  readonly #standby: Standby;
  readonly #watch: Watch;
  /** What those had counted that are gone. */
  #departed: WorkerCounters | undefined;
  #incarnation: number;
  #generation: number;
  #reload: RollingReload | undefined;
  #stopping = false;
  #ready: (() => void) | undefined;
  readonly #changed = new Set<() => void>();
  readonly #crashes: CrashReports;

  constructor(private readonly parts: ManagerParts) {
    const { platform, settings, logger, runtimeDirectory } = parts;
    this.#crashes = new CrashReports(platform.clock, platform.files, logger, runtimeDirectory);
    this.#incarnation = parts.incarnationBase;
    this.#generation = parts.generation;
    this.#absences = new Permits(settings.maxUnavailable);
    this.#standby = new Standby(
      platform.clock,
      settings.standbyNum,
      new RestartPolicy(Infinity, () => platform.random.next()),
      () => this.#spawn({ role: 'worker' }, undefined, this.#generation),
    );
    this.#watch = new Watch(
      platform.clock,
      settings.workerTimeout,
      () => [...this.#living].filter(({ state }) => state === 'serving' || state === 'stopping'),
      (worker, silence) => this.#killBlocked(worker, silence),
    );
  }

  get notes(): readonly WorkerNote[] {
    const current = this.#places.map((place) => place.note);
    const others = [...this.#living].filter((worker) => !this.#isCurrent(worker));
    return [...current, ...others.map((worker) => worker.note(this.#restartsOf(worker), false))];
  }

  /** Starts everything; resolves when every worker has been ready once. */
  async start(): Promise<void> {
    const { settings, platform, userProcesses } = this.parts;
    const workers = settings.workerNum + settings.taskWorkerNum;
    const total = workers + userProcesses.length;
    for (let id = 0; id < total; id++) {
      const policy = new RestartPolicy(settings.maxBootFailures, () => platform.random.next());
      this.#places.push(new WorkerPlace(id, this.#dutyOf(id), policy));
    }
    const ready = new Promise<void>((resolve) => (this.#ready = resolve));
    // User processes first, then task workers: an event worker may need both in its first turn.
    for (let id = workers; id < total; id++) this.#fill(this.#places[id]!);
    for (let id = settings.workerNum; id < workers; id++) this.#fill(this.#places[id]!);
    for (let id = 0; id < settings.workerNum; id++) this.#fill(this.#places[id]!);
    this.#watch.start();
    await ready;
    this.#standby.fill();
  }

  /** Asks all workers to leave; those that have not after `deadline` ms and a grace are killed and named. */
  async stop(deadline: number): Promise<void> {
    const { platform } = this.parts;
    this.#stopping = true;
    this.#standby.stop();
    for (const timer of this.#restartTimers) timer.cancel();
    const timer = platform.clock.setTimer(deadline + STOP_GRACE_MS, () => {
      for (const worker of this.#living) this.#killLate(worker);
    });
    // In reverse order of the start: workers may need task workers, and both user processes, to the end.
    await this.#stopAll((worker) => worker.assignment.role === 'worker', deadline);
    await this.#stopAll((worker) => worker.assignment.role === 'taskWorker', deadline);
    await this.#stopAll(() => true, deadline);
    timer.cancel();
    this.#watch.stop();
    this.#crashes.close();
  }

  /** Kills all workers at once, without hooks. */
  killAll(): void {
    this.#stopping = true;
    this.#standby.stop();
    for (const worker of this.#living) {
      worker.discarded = true;
      worker.kill('the server is gone');
    }
  }

  /** All workers open their log file anew. */
  reopenLogs(): void {
    for (const worker of this.#living) worker.send({ type: 'reopenLogs' });
  }

  /** process mode: the server stops, and the reactors wait for the handlers that run, at most `deadline` ms. */
  announceStop(deadline: number): void {
    for (const worker of this.#living) worker.send({ type: 'drain', deadline });
  }

  /** base mode: workers stop accepting and reading; resolves when all connections are closed. */
  async drain(deadline: number): Promise<void> {
    this.#stopping = true;
    this.#standby.stop();
    const workers = [...this.#living].filter(({ assignment }) => assignment.role === 'worker');
    for (const worker of workers) worker.send({ type: 'drain', deadline });
    const done = (): boolean =>
      workers.every((worker) => this.#drained.has(worker) || worker.state === 'down');
    await new Promise<void>((resolve) => {
      const late = this.parts.platform.clock.setTimer(deadline + STOP_GRACE_MS, resolve);
      void this.#until(done).then(() => {
        late.cancel();
        resolve();
      });
    });
  }

  /** What only the manager can answer. */
  async answer(question: InnerQuestion, onProgress: OnProgress): Promise<unknown> {
    switch (question.what) {
      case 'counters':
        return this.#counters();
      case 'workers':
        return this.#rows();
      case 'reload':
        return this.#startReload(question, onProgress);
      case 'stopWorker':
        return this.#stopWorker(question.workerId);
      default:
        throw new ProcessError('NOT_IN_THIS_ROLE', `the manager does not answer '${question.what}'`);
    }
  }

  /** base mode: the connection with that id, asked of the worker that owns it. */
  async clientInfo(id: number, incarnation: number): Promise<ClientInfo | null> {
    const owner = [...this.#living].find(({ place }) => place?.incarnation === incarnation);
    if (owner === undefined) return null;
    return (await this.#ask(owner, { what: 'clientInfo', id })) as ClientInfo | null;
  }

  /** base mode: a page of connections, asked of all workers. */
  async connections(after: number, limit: number): Promise<readonly ClientInfo[]> {
    const owners = [...this.#living].filter(({ assignment }) => assignment.role === 'worker');
    const pages = await Promise.all(
      owners.map(async (owner) => this.#ask(owner, { what: 'connections', after, limit })),
    );
    return (pages as (readonly ClientInfo[] | undefined)[])
      .flatMap((page) => page ?? [])
      .sort((a, b) => a.id - b.id)
      .slice(0, limit);
  }

  // Starting and ending processes.

  #dutyOf(workerId: number): Pick<WorkerAssignment, 'role' | 'userProcess'> {
    const { settings, userProcesses } = this.parts;
    if (workerId < settings.workerNum) return { role: 'worker' };
    const userProcess = userProcesses[workerId - settings.workerNum - settings.taskWorkerNum];
    return userProcess === undefined ? { role: 'taskWorker' } : { role: 'userProcess', userProcess };
  }

  /** A worker for an empty place: a spare, or a new one. */
  #fill(place: WorkerPlace): void {
    const next = this.#nextPlace(place);
    const spare = place.duty.role === 'worker' ? this.#standby.take() : undefined;
    if (spare !== undefined) {
      spare.assume(next);
      this.#limitBoot(spare);
    }
    place.current = spare ?? this.#spawn(place.duty, next, this.#generation);
    place.restarts++;
    this.#report();
  }

  #nextPlace({ workerId }: WorkerPlace): Place {
    return { workerId, incarnation: ++this.#incarnation };
  }

  #spawn(duty: WorkerPlace['duty'], place: Place | undefined, generation: number): WorkerHandle {
    const { platform, settings, name, masterPid, pipePaths, runtimeDirectory, base, fixed, logger } =
      this.parts;
    const assignment: WorkerAssignment = {
      ...duty,
      ...(place !== undefined && { place }),
      version: PIPE_VERSION,
      fixed,
      settings,
      masterPid,
      managerPid: platform.self.pid,
      pipePaths,
      runtimeDirectory,
      ...(base !== undefined && { meshDirectory: base.meshDirectory }),
    };
    const child = platform.processes.spawn(assignment, `shoal ${name}: ${workerTitle(assignment)}`);
    const identity = platform.processes.identify(child.pid) ?? { pid: child.pid, startedAt: '' };
    const worker = new WorkerHandle(assignment, child, identity, generation, platform.clock.now());
    this.#living.add(worker);
    const inquiries = new Inquiries(platform.clock, (note) => worker.send(note));
    this.#inquiries.set(worker, inquiries);
    worker.onNote((note) => this.#hear(worker, note));
    this.#limitBoot(worker);
    worker.onExit((exit) => this.#buried(worker, exit));
    logger.debug(`started ${worker.title}, pid ${child.pid}`);
    if (duty.role === 'worker') this.#giveListeners(worker);
    return worker;
  }

  /** From its start, and again from the moment at which a spare gets its id, a worker has `bootTimeout`. */
  #limitBoot(worker: WorkerHandle): void {
    const { bootTimeout } = this.parts.settings;
    const spare = worker.place === undefined;
    const timer = this.parts.platform.clock.setTimer(bootTimeout, () => {
      if (worker.state === 'down' || worker.wasReady || (spare && worker.state !== 'loading')) return;
      worker.bootTimedOut = true;
      worker.kill(`it was not ready within bootTimeout, ${bootTimeout} ms`);
    });
    void worker.reached(spare ? 'loaded' : 'ready').then(() => timer.cancel());
  }

  #giveListeners(worker: WorkerHandle): void {
    const listeners = this.parts.base?.listeners ?? [];
    listeners.forEach((bound, listener) => {
      worker.send({ type: 'listener', listener, endpoint: bound.endpoint }, bound);
    });
  }

  #hear(worker: WorkerHandle, note: FromWorker): void {
    worker.lastHeard = this.parts.platform.clock.now();
    switch (note.type) {
      case 'loaded':
        worker.needRestart = note.needRestart;
        if (worker.state === 'loading') worker.state = worker.place === undefined ? 'loaded' : 'starting';
        return;
      case 'ready':
        this.#becameReady(worker);
        return;
      case 'serving':
        this.#serves(worker);
        return;
      case 'bootFailed':
      case 'uncaught':
        worker.failure = note.error;
        return;
      case 'recycle':
        void this.#recycle(worker, note.reason);
        return;
      case 'leaving':
        if (worker.state === 'stopping') return;
        worker.state = 'stopping';
        this.#report();
        this.#limitLeaving(worker);
        return;
      case 'account':
        worker.counters = { of: note.counters, final: true };
        return;
      case 'drained':
        this.#drained.add(worker);
        this.#report();
        return;
      case 'pong':
        this.#checkPulse(worker, note);
        return;
      case 'ask':
        answerNote(note, this.parts.ask, (answer) => worker.send(answer));
        return;
      case 'answer':
        this.#inquiries.get(worker)?.answered(note);
        return;
      case 'shutdown':
    }
  }

  #becameReady(worker: WorkerHandle): void {
    if (worker.state === 'stopping' || worker.state === 'down') return;
    worker.state = 'ready';
    const place = this.#placeOf(worker);
    if (place?.current === worker) worker.send({ type: 'serve' });
    else if (place?.successor === worker && place.current === undefined) this.#promote(place, worker);
  }

  #serves(worker: WorkerHandle): void {
    if (worker.state !== 'ready') return;
    worker.servesSince = this.parts.platform.clock.now();
    worker.state = 'serving';
    this.#introducePeers();
    const place = this.#placeOf(worker);
    // Whoever had the place is out of dispatch now, and is told.
    for (const old of place?.retiring ?? []) this.#tellToLeave(old, true);
    this.#report();
  }

  #tellToLeave(worker: WorkerHandle, replaced: boolean, deadline = this.parts.settings.maxWaitTime): void {
    if (worker.state === 'stopping' || worker.state === 'down') return;
    worker.state = 'stopping';
    worker.send({ type: 'stop', deadline, replaced });
    this.#limitLeaving(worker);
  }

  /** A worker that leaves while the server goes on has as long for it as one that stops with the server. */
  #limitLeaving(worker: WorkerHandle): void {
    if (this.#stopping) return;
    const { platform, settings } = this.parts;
    const timer = platform.clock.setTimer(settings.maxWaitTime + STOP_GRACE_MS, () => this.#killLate(worker));
    worker.onBuried = () => timer.cancel();
  }

  #killLate(worker: WorkerHandle): void {
    const doing =
      worker.vitals !== null && worker.vitals.inFlight > 0
        ? `, ${worker.vitals.inFlight} handlers had not settled when it was last heard`
        : '';
    this.parts.logger.warn(
      `killed ${worker.title}, pid ${worker.identity.pid}: it had not stopped in time${doing}`,
    );
    worker.kill('it had not stopped in time');
  }

  #killBlocked(worker: WorkerHandle, silence: number): void {
    const { workerTimeout } = this.parts.settings;
    worker.blocked = true;
    worker.kill(
      `its event loop was blocked for ${Math.round(silence)} ms, workerTimeout is ${workerTimeout} ms`,
    );
  }

  #buried(worker: WorkerHandle, exit: Exit): void {
    const planned = worker.state === 'stopping' && worker.killReason === undefined;
    const { clock } = this.parts.platform;
    const lived = clock.now() - worker.startedAt;
    worker.exit = exit;
    worker.onBuried?.();
    this.#living.delete(worker);
    this.#inquiries.get(worker)?.close();
    this.#inquiries.delete(worker);
    this.#departed = addCounters(this.#departed, ofTheDead(worker.counters));
    const place = this.#placeOf(worker);
    const hadPlace = place?.current === worker;
    if (hadPlace) place.current = undefined;
    if (place?.successor === worker) place.successor = undefined;
    place?.retiring.delete(worker);
    const spare = this.#standby.lost(worker, { ready: worker.state !== 'loading', lived });
    worker.state = 'down';
    this.#introducePeers();
    if (!planned && !worker.discarded) this.#noteCrash(worker, exit, hadPlace ? place : undefined);
    this.#report();
    if (this.#stopping || place === undefined || spare) return;
    if (place.current === undefined && place.successor === undefined)
      this.#refill(place, worker, exit, lived);
  }

  #noteCrash(worker: WorkerHandle, exit: Exit, place: WorkerPlace | undefined): void {
    const reason = worker.explain(exit);
    this.#reload?.noteCrash(worker, reason);
    if (place !== undefined) place.lastCrash = { at: this.parts.platform.clock.wallTime(), reason };
    this.#reportError(worker, exit, reason);
  }

  /** Nobody has the place, and nobody is on the way to it. */
  #refill(place: WorkerPlace, last: WorkerHandle, exit: Exit, lived: number): void {
    const failure = { reason: last.explain(exit), error: last.failure, timedOut: last.bootTimedOut };
    const { policy } = place;
    const next = policy.next({ ready: last.wasReady, lived, failure });
    if (next !== 'give-up') this.#fillLater(place, next);
    else if (this.#othersServe(place)) this.#tryOn(place, last);
    else this.#giveUp(last, policy.firstFailure ?? failure);
  }

  #fillLater(place: WorkerPlace, delay: number): void {
    if (delay === 0) {
      this.#fill(place);
      return;
    }
    const timer = this.parts.platform.clock.setTimer(delay, () => {
      this.#restartTimers.delete(timer);
      // A reload may have started one meanwhile, which then takes the place when it is ready.
      if (place.successor === undefined) this.#fill(place);
    });
    this.#restartTimers.add(timer);
  }

  #othersServe({ duty }: WorkerPlace): boolean {
    return this.#places.some(
      ({ duty: other, current }) => other.role === duty.role && current?.state === 'serving',
    );
  }

  /** The code on disk may be broken while older workers serve on: better some of the service than none. */
  #tryOn(place: WorkerPlace, last: WorkerHandle): void {
    const delay = place.policy.longestDelay;
    this.parts.logger.error(
      `${last.title} could not boot ${this.parts.settings.maxBootFailures} times in a row; others serve on, and it is tried again in ${Math.round(delay)} ms`,
    );
    this.#fillLater(place, delay);
  }

  #reportError(worker: WorkerHandle, exit: Exit, reason: string): void {
    const { pid } = worker.identity;
    const ending = { exitCode: exit.code, signal: exit.signal };
    const stack = this.#crashes.report(worker, exit);
    const { workerId } = worker;
    this.parts.onWorkerError({ workerId, pid, ...ending, reason, ...(stack !== undefined && { stack }) });
  }

  #giveUp(worker: WorkerHandle, { reason, error, timedOut }: BootFailure): void {
    this.#stopping = true;
    this.#standby.stop();
    this.#crashes.close();
    for (const timer of this.#restartTimers) timer.cancel();
    const { maxBootFailures } = this.parts.settings;
    const message = `${worker.title} could not boot ${maxBootFailures} times in a row: ${reason}`;
    const options = error === undefined ? undefined : { cause: fromWire(error) };
    const code = timedOut ? 'BOOT_TIMEOUT' : 'BOOT_FAILED';
    this.parts.onGiveUp(new ProcessError(code, message, options));
  }

  // Replacing workers that live.

  /** A worker asks to be replaced, or has to be. If no other can boot it serves on, and asks again later. */
  async #recycle(worker: WorkerHandle, reason: string): Promise<void> {
    const place = this.#placeOf(worker);
    if (place?.current !== worker || worker.recycling || this.#stopping) return;
    worker.recycling = true;
    this.parts.logger.info(`${worker.title}, pid ${worker.identity.pid}, is to be replaced: ${reason}`);
    const failed = await this.#replace(place, worker, () => {});
    worker.recycling = false;
    if (failed === undefined || this.#stopping) return;
    const timer = this.parts.platform.clock.setTimer(place.policy.longestDelay, () => {
      this.#restartTimers.delete(timer);
      void this.#recycle(worker, reason);
    });
    this.#restartTimers.add(timer);
  }

  async #stopWorker(workerId: number): Promise<null> {
    const place = this.#places[workerId];
    if (place === undefined || place.duty.role === 'userProcess')
      throw new ProcessError('NO_SUCH_WORKER', `there is no worker ${workerId} to replace`);
    const { current } = place;
    // Nobody has the place: somebody is on the way already.
    if (current === undefined) return null;
    return new Promise<null>((resolve, reject) => {
      void this.#replace(place, current, () => resolve(null)).then((failed) => {
        if (failed === undefined) resolve(null);
        else reject(new ProcessError('BOOT_FAILED', `no new worker ${workerId} could be started: ${failed}`));
      });
    });
  }

  /**
   * Replaces a worker, unless it has lost its place meanwhile: `served` is called
   * when its successor has it. Resolves when the old one is gone, or with the
   * reason why nobody could take over.
   */
  async #replace(place: WorkerPlace, old: WorkerHandle, served: () => void): Promise<string | undefined> {
    const release = await place.replacements.take();
    const permit = await this.#absences.take();
    try {
      if (place.current !== old || this.#stopping) return undefined;
      const next = this.#bootSuccessor(place, this.#generation);
      if (!(await next.reached('ready'))) return next.explain(next.exit ?? { code: null, signal: null });
      if (await this.#handOver(place)) served();
      await this.#retired(place);
      return undefined;
    } finally {
      release();
      permit();
    }
  }

  #bootSuccessor(place: WorkerPlace, generation: number): WorkerHandle {
    place.successor = this.#spawn(place.duty, this.#nextPlace(place), generation);
    this.#report();
    return place.successor;
  }

  /** The successor has run its start hooks and takes the place. Resolves with false when it dies before it serves. */
  async #handOver(place: WorkerPlace): Promise<boolean> {
    const next = place.successor;
    // It was promoted already, because the one before had died.
    if (next === undefined) return (await place.current?.reached('serving')) ?? false;
    this.#promote(place, next);
    return next.reached('serving');
  }

  #promote(place: WorkerPlace, next: WorkerHandle): void {
    const { current } = place;
    if (current !== undefined) place.retiring.add(current);
    place.current = next;
    place.successor = undefined;
    place.restarts++;
    next.send({ type: 'serve' });
    this.#report();
  }

  /** One that has run its start hooks runs its stop hooks. */
  #discard(worker: WorkerHandle): void {
    // Nobody else had the place: it serves already, and whoever came after it would have the same code.
    if (this.#isCurrent(worker)) return;
    worker.discarded = true;
    if (worker.state === 'ready') this.#tellToLeave(worker, false);
    else worker.kill('it was not needed any more');
  }

  async #retired(place: WorkerPlace): Promise<void> {
    await this.#until(() => place.retiring.size === 0);
  }

  async #startReload(
    question: Extract<Question, { what: 'reload' }>,
    onProgress: OnProgress,
  ): Promise<ReloadReport> {
    if (this.#stopping) throw new ProcessError('SHUTTING_DOWN', 'the server is stopping');
    if (this.#reload !== undefined) throw new ProcessError('RELOAD_RUNNING', 'another reload is running');
    const places = this.#places.filter(
      ({ duty }) => duty.role === 'taskWorker' || (duty.role === 'worker' && question.only === undefined),
    );
    if (places.length === 0)
      throw new ProcessError('NO_SUCH_WORKER', 'there are no task workers to reload: taskWorkerNum is 0');
    const reload = new RollingReload(this.#reloadHost, places, this.#generation + 1, onProgress);
    this.#reload = reload;
    return this.#runReload(reload);
  }

  async #runReload(reload: RollingReload): Promise<ReloadReport> {
    const { logger, beforeReload, afterReload } = this.parts;
    logger.info('reloading');
    let report: ReloadReport;
    try {
      await beforeReload();
      report = await reload.run();
    } finally {
      this.#reload = undefined;
    }
    const { outcome, failure, needRestart, generation, duration } = report;
    if (outcome === 'done') logger.info(`reloaded in ${duration} ms: generation ${generation} serves`);
    else if (outcome === 'rolledBack' || outcome === 'halted')
      logger.error(
        outcome === 'rolledBack'
          ? `the reload was rolled back, generation ${generation} serves on: ${failure?.reason}`
          : `the reload was halted, workers ${report.replaced.join(', ')} are new: ${failure?.reason}`,
        failure?.error?.stack === undefined ? undefined : { stack: failure.error.stack },
      );
    if (needRestart.length > 0)
      logger.warn(`changed on disk, and in need of a restart: ${needRestart.join(', ')}`);
    await afterReload(report);
    return report;
  }

  get #reloadHost(): ReloadHost {
    const { clock } = this.parts.platform;
    const isStopping = (): boolean => this.#stopping;
    return {
      get stopping() {
        return isStopping();
      },
      bakeTime: this.parts.settings.bakeTime,
      now: () => clock.now(),
      wait: async (ms) => new Promise<void>((resolve) => void clock.setTimer(ms, resolve)),
      bootSuccessor: (place, generation) => this.#bootSuccessor(place, generation),
      discard: (worker) => this.#discard(worker),
      handOver: async (place) => this.#handOver(place),
      retired: async (place) => this.#retired(place),
      absence: async () => this.#absences.take(),
      accept: (generation) => this.#accept(generation),
    };
  }

  #accept(generation: number): void {
    this.#generation = generation;
    this.parts.onGeneration(generation);
    this.#standby.renew();
  }

  // What is known of the workers.

  #checkPulse(worker: WorkerHandle, { vitals, counters }: Extract<FromWorker, { type: 'pong' }>): void {
    const { maxMemory } = this.parts.settings;
    this.#watch.heard(worker, vitals);
    worker.counters = { of: counters, final: false };
    if (maxMemory > 0 && vitals.rss > maxMemory && worker.assignment.role !== 'userProcess')
      void this.#recycle(worker, `maxMemory, ${vitals.rss} bytes are resident`);
  }

  /** Counters of the workers that live, and of those that are gone. */
  async #counters(): Promise<readonly WorkerCounters[]> {
    const workers = [...this.#living].filter(({ state }) => state === 'serving' || state === 'stopping');
    const answers = await Promise.all(
      workers.map(
        async (worker) => this.#ask(worker, { what: 'counters' }) as Promise<WorkerCounters | undefined>,
      ),
    );
    const living = answers.flatMap((counters, index) => counters ?? workers[index]!.counters?.of ?? []);
    return this.#departed === undefined ? living : [...living, this.#departed];
  }

  #rows(): readonly WorkerRow[] {
    const rows = this.#places.map((place) => this.#row(place.current, place));
    const others = [...this.#living].filter((worker) => !this.#isCurrent(worker));
    return [...rows, ...others.map((worker) => this.#row(worker, this.#placeOf(worker)))];
  }

  #row(worker: WorkerHandle | undefined, place: WorkerPlace | undefined): WorkerRow {
    const restarts = Math.max(0, place?.restarts ?? 0);
    const lastCrash = place?.lastCrash ?? null;
    const role = place?.duty.role ?? 'spare';
    if (worker === undefined)
      return { ...place!.note, role, uptime: 0, vitals: null, requestsPerSecond: 0, lastCrash };
    const { vitals, requestsPerSecond, startedAt } = worker;
    const uptime = this.parts.platform.clock.now() - startedAt;
    const note = worker.note(restarts, this.#isCurrent(worker));
    return { ...note, role, uptime, vitals, requestsPerSecond, lastCrash };
  }

  #placeOf({ workerId }: WorkerHandle): WorkerPlace | undefined {
    return this.#places[workerId];
  }

  #isCurrent(worker: WorkerHandle): boolean {
    return this.#placeOf(worker)?.current === worker;
  }

  #restartsOf(worker: WorkerHandle): number {
    return Math.max(0, this.#placeOf(worker)?.restarts ?? 0);
  }

  /** base mode: tells all workers which incarnations live, so that they find each other. */
  #introducePeers(): void {
    if (this.parts.base === undefined || this.#stopping) return;
    const owners = [...this.#living].filter(
      ({ assignment, servesSince, state }) =>
        assignment.role === 'worker' && servesSince !== undefined && state !== 'down',
    );
    const peers = owners.map(({ place }) => place!);
    const note: ToWorker = { type: 'peers', peers };
    for (const worker of owners) worker.send(note);
  }

  /** Something about the workers has changed. */
  #report(): void {
    this.parts.onWorkers(this.notes);
    for (const wake of this.#changed) wake();
    if (this.#ready !== undefined && this.#places.every(({ current }) => current?.state === 'serving')) {
      this.#ready();
      this.#ready = undefined;
    }
  }

  async #until(done: () => boolean): Promise<void> {
    if (done()) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        if (!done()) return;
        this.#changed.delete(wake);
        resolve();
      };
      this.#changed.add(wake);
    });
  }

  async #stopAll(which: (worker: WorkerHandle) => boolean, deadline: number): Promise<void> {
    for (const worker of this.#living) if (which(worker)) this.#tellToLeave(worker, false, deadline);
    await this.#until(() => ![...this.#living].some(which));
  }

  /** Undefined when the worker does not answer in time, or ends. */
  async #ask(worker: WorkerHandle, question: InnerQuestion): Promise<unknown> {
    try {
      return await this.#inquiries.get(worker)?.ask(question, ANSWER_TIMEOUT_MS);
    } catch {
      return undefined;
    }
  }
}
