/**
 * Starts, watches and replaces the workers of a server.
 *
 * Runs in a process of its own in process mode, and in the first process in base
 * mode. It owns no socket that carries client data and runs no code of the
 * application but its manager hooks, so that it has little to die of.
 */
import type { Settings } from '../config/load.js';
import { fromWire, ProcessError } from '../errors.js';
import type { WorkerErrorEvent } from '../events/event-table.js';
import type { Logger } from '../log.js';
import {
  workerTitle,
  type FromWorker,
  type ToWorker,
  type WorkerAssignment,
  type WorkerCounters,
  type WorkerNote,
} from '../pipe/messages.js';
import type { BoundListener, Exit, Platform, Timer } from '../platform/platform.js';
import { CrashReports } from './crash-reports.js';
import { RestartPolicy, type BootFailure } from './restart-policy.js';
import { WorkerHandle } from './worker-handle.js';

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
  /** Incarnations start above this number. */
  readonly incarnationBase: number;
  readonly onWorkers: (notes: readonly WorkerNote[]) => void;
  readonly onWorkerError: (event: WorkerErrorEvent) => void;
  /** A worker cannot boot, again and again. */
  readonly onGiveUp: (error: Error) => void;
  /** A worker asked to shut the server down. */
  readonly onShutdown: () => void;
}

export class Manager {
  readonly #workers: (WorkerHandle | undefined)[] = [];
  readonly #policies: RestartPolicy[] = [];
  readonly #restartTimers = new Set<Timer>();
  readonly #drained = new Set<WorkerHandle>();
  #incarnation: number;
  #stopping = false;
  #ready: (() => void) | undefined;
  #changed: (() => void) | undefined;
  #request = 0;
  readonly #answers = new Map<number, (counters: WorkerCounters) => void>();
  #lastCheck = 0;
  #watching: Timer | undefined;
  readonly #crashes: CrashReports;

  constructor(private readonly parts: ManagerParts) {
    const { platform, logger, runtimeDirectory } = parts;
    this.#crashes = new CrashReports(platform.clock, platform.files, logger, runtimeDirectory);
    this.#incarnation = parts.incarnationBase;
  }

  get notes(): readonly WorkerNote[] {
    return this.#workers.flatMap((worker) => (worker === undefined ? [] : [worker.note]));
  }

  /** Starts everything; resolves when every worker has been ready once. */
  async start(): Promise<void> {
    const { settings, platform } = this.parts;
    const workers = settings.workerNum + settings.taskWorkerNum;
    const total = this.#total;
    for (let id = 0; id < total; id++) {
      this.#policies.push(new RestartPolicy(settings.maxBootFailures, () => platform.random.next()));
    }
    const ready = new Promise<void>((resolve) => (this.#ready = resolve));
    // User processes first, then task workers: an event worker may need both in its first turn.
    for (let id = workers; id < total; id++) this.#spawn(id, 0);
    for (let id = settings.workerNum; id < workers; id++) this.#spawn(id, 0);
    for (let id = 0; id < settings.workerNum; id++) this.#spawn(id, 0);
    this.#watch();
    await ready;
  }

  /** Asks all workers to leave; those that have not after `deadline` ms and a grace are killed and named. */
  async stop(deadline: number): Promise<void> {
    const { platform, logger } = this.parts;
    this.#stopping = true;
    for (const timer of this.#restartTimers) timer.cancel();
    const timer = platform.clock.setTimer(deadline + STOP_GRACE_MS, () => {
      for (const worker of this.#living()) {
        logger.warn(`killed ${worker.title}, pid ${worker.identity.pid}: it had not stopped in time`);
        worker.kill('it had not stopped in time');
      }
    });
    // User processes last: workers may need them to the end.
    await this.#stopAll((worker) => worker.assignment.role !== 'userProcess', deadline);
    await this.#stopAll(() => true, deadline);
    timer.cancel();
    this.#watching?.cancel();
    this.#crashes.close();
  }

  /** Kills all workers at once, without hooks. */
  killAll(): void {
    this.#stopping = true;
    for (const worker of this.#living()) worker.kill('the server is gone');
  }

  /** base mode: workers stop accepting and reading; resolves when all connections are closed. */
  async drain(deadline: number): Promise<void> {
    const workers = this.#living().filter((worker) => worker.assignment.role === 'worker');
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

  /** Counters of the workers that answer. */
  async stats(): Promise<WorkerCounters[]> {
    const workers = this.#living().filter((worker) => worker.state === 'ready');
    const answers = await Promise.all(workers.map(async (worker) => this.#ask(worker)));
    return answers.filter((counters) => counters !== undefined);
  }

  get #total(): number {
    const { settings, userProcesses } = this.parts;
    return settings.workerNum + settings.taskWorkerNum + userProcesses.length;
  }

  async #stopAll(which: (worker: WorkerHandle) => boolean, deadline: number): Promise<void> {
    for (const worker of this.#living().filter(which)) {
      worker.state = 'stopping';
      worker.send({ type: 'stop', deadline });
    }
    await this.#until(() => !this.#living().some(which));
  }

  #roleOf(workerId: number): Pick<WorkerAssignment, 'role' | 'userProcess'> {
    const { settings, userProcesses } = this.parts;
    if (workerId < settings.workerNum) return { role: 'worker' };
    const userProcess = userProcesses[workerId - settings.workerNum - settings.taskWorkerNum];
    return userProcess === undefined ? { role: 'taskWorker' } : { role: 'userProcess', userProcess };
  }

  #living(): WorkerHandle[] {
    return this.#workers.filter(
      (worker) => worker !== undefined && worker.state !== 'down',
    ) as WorkerHandle[];
  }

  #spawn(workerId: number, restarts: number): void {
    const { platform, settings, name, masterPid, pipePaths, runtimeDirectory, base, logger } = this.parts;
    const assignment: WorkerAssignment = {
      ...this.#roleOf(workerId),
      workerId,
      incarnation: ++this.#incarnation,
      settings,
      masterPid,
      managerPid: platform.self.pid,
      pipePaths,
      runtimeDirectory,
      ...(base !== undefined && { meshDirectory: base.meshDirectory }),
    };
    const child = platform.processes.spawn(assignment, `shoal ${name}: ${workerTitle(assignment)}`);
    const identity = platform.processes.identify(child.pid) ?? { pid: child.pid, startedAt: '' };
    const worker = new WorkerHandle(assignment, child, identity, restarts, platform.clock.now());
    this.#workers[workerId] = worker;
    worker.onNote((note) => this.#hear(worker, note));
    const bootTimer = platform.clock.setTimer(settings.bootTimeout, () => {
      if (worker.state !== 'starting') return;
      worker.bootTimedOut = true;
      worker.kill(`it was not ready within bootTimeout, ${settings.bootTimeout} ms`);
    });
    worker.onExit((exit) => {
      bootTimer.cancel();
      this.#buried(worker, exit);
    });
    logger.debug(`started ${worker.title}, pid ${child.pid}`);
    if (assignment.role === 'worker') this.#giveListeners(worker);
    this.#report();
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
      case 'ready':
        if (worker.state === 'starting') worker.state = 'ready';
        worker.wasReady = true;
        this.#introducePeers();
        this.#report();
        return;
      case 'bootFailed':
      case 'uncaught':
        worker.failure = note.error;
        return;
      case 'leaving':
        worker.state = 'stopping';
        this.#report();
        if (!this.#stopping) this.#limitLeaving(worker);
        return;
      case 'drained':
        this.#drained.add(worker);
        this.#report();
        return;
      case 'shutdown':
        this.parts.onShutdown();
        return;
      case 'stats':
        this.#answers.get(note.request)?.(note.counters);
        return;
      case 'pong':
    }
  }

  /** A worker that leaves by itself has as long for it as one that is stopped. */
  #limitLeaving(worker: WorkerHandle): void {
    const { platform, settings, logger } = this.parts;
    const timer = platform.clock.setTimer(settings.maxWaitTime + STOP_GRACE_MS, () => {
      logger.warn(`killed ${worker.title}, pid ${worker.identity.pid}: it had not stopped in time`);
      worker.kill('it had not stopped in time');
    });
    worker.onBuried = () => timer.cancel();
  }

  #buried(worker: WorkerHandle, exit: Exit): void {
    worker.onBuried?.();
    const planned = worker.state === 'stopping';
    worker.state = 'down';
    this.#introducePeers();
    this.#report();
    if (!planned || worker.killReason !== undefined) this.#reportError(worker, exit);
    if (this.#stopping || this.#workers[worker.workerId] !== worker) return;
    const { clock } = this.parts.platform;
    const failure = { reason: worker.explain(exit), error: worker.failure, timedOut: worker.bootTimedOut };
    const end = { ready: worker.wasReady, lived: clock.now() - worker.startedAt, failure };
    const policy = this.#policies[worker.workerId]!;
    const next = policy.next(end);
    if (next === 'give-up') this.#giveUp(worker, policy.firstFailure ?? failure);
    else if (next === 0) this.#spawn(worker.workerId, worker.restarts + 1);
    else this.#spawnLater(worker, next);
  }

  #spawnLater(worker: WorkerHandle, delay: number): void {
    const timer = this.parts.platform.clock.setTimer(delay, () => {
      this.#restartTimers.delete(timer);
      this.#spawn(worker.workerId, worker.restarts + 1);
    });
    this.#restartTimers.add(timer);
  }

  #reportError(worker: WorkerHandle, exit: Exit): void {
    const reason = worker.explain(exit);
    const { pid } = worker.identity;
    const ending = { exitCode: exit.code, signal: exit.signal };
    const stack = this.#crashes.report(worker, exit);
    const { workerId } = worker;
    this.parts.onWorkerError({ workerId, pid, ...ending, reason, ...(stack !== undefined && { stack }) });
  }

  #giveUp(worker: WorkerHandle, { reason, error, timedOut }: BootFailure): void {
    this.#stopping = true;
    this.#crashes.close();
    for (const timer of this.#restartTimers) timer.cancel();
    const { maxBootFailures } = this.parts.settings;
    const message = `${worker.title} could not boot ${maxBootFailures} times in a row: ${reason}`;
    const options = error === undefined ? undefined : { cause: fromWire(error) };
    const code = timedOut ? 'BOOT_TIMEOUT' : 'BOOT_FAILED';
    this.parts.onGiveUp(new ProcessError(code, message, options));
  }

  /** base mode: tells all workers which incarnations live, so that they find each other. */
  #introducePeers(): void {
    if (this.parts.base === undefined || this.#stopping) return;
    const ready = this.#living().filter(
      (worker) => worker.state === 'ready' && worker.assignment.role === 'worker',
    );
    const peers = ready.map(({ assignment: { workerId, incarnation } }) => ({ workerId, incarnation }));
    const note: ToWorker = { type: 'peers', peers };
    for (const worker of ready) worker.send(note);
  }

  /** Something about the workers has changed. */
  #report(): void {
    this.parts.onWorkers(this.notes);
    this.#changed?.();
    if (this.#ready !== undefined && this.#workers.every((worker) => worker?.state === 'ready')) {
      if (this.notes.length < this.#total) return;
      this.#ready();
      this.#ready = undefined;
    }
  }

  async #until(done: () => boolean): Promise<void> {
    if (done()) return;
    await new Promise<void>((resolve) => {
      const before = this.#changed;
      this.#changed = () => {
        before?.();
        if (done()) resolve();
      };
    });
  }

  async #ask(worker: WorkerHandle): Promise<WorkerCounters | undefined> {
    const request = this.#request++;
    return new Promise((resolve) => {
      const timer = this.parts.platform.clock.setTimer(ANSWER_TIMEOUT_MS, () => settle(undefined));
      const settle = (counters: WorkerCounters | undefined): void => {
        timer.cancel();
        this.#answers.delete(request);
        resolve(counters);
      };
      this.#answers.set(request, settle);
      worker.send({ type: 'stats', request });
    });
  }

  /**
   * Kills workers whose event loop is blocked. Only gaps that this process did
   * not have itself are charged: after a pause of the whole machine everybody
   * starts anew.
   */
  #watch(): void {
    const { workerTimeout } = this.parts.settings;
    if (workerTimeout === 0) return;
    const { clock } = this.parts.platform;
    const interval = workerTimeout / 4;
    this.#lastCheck = clock.now();
    const check = (): void => {
      const now = clock.now();
      const ownGap = now - this.#lastCheck - interval;
      this.#lastCheck = now;
      for (const worker of this.#living()) {
        if (worker.state === 'starting') continue;
        if (ownGap > interval) worker.lastHeard = now;
        const silence = now - worker.lastHeard;
        if (silence > workerTimeout) {
          worker.blocked = true;
          worker.kill(
            `its event loop was blocked for ${Math.round(silence)} ms, workerTimeout is ${workerTimeout} ms`,
          );
        } else {
          worker.send({ type: 'ping' });
        }
      }
      this.#watching = clock.setTimer(interval, check);
    };
    this.#watching = clock.setTimer(interval, check);
  }
}
