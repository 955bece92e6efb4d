/**
 * Keeps every place of a server filled: starts the workers, watches them,
 * replaces those that end, and knows when to give up.
 *
 * Runs in a process of its own in process mode, and in the first process in base
 * mode. It owns no socket that carries client data and runs no code of the
 * application but its manager hooks, so that it has little to die of.
 *
 * The processes themselves are the crew's business, and how one that lives gives
 * way to another is that of the succession.
 */
import { usesQueue } from '../config/limits.js';
import { fromWire, ProcessError } from '../errors.js';
import type { WorkerErrorEvent } from '../events/event-table.js';
import { commandPatience } from '../pipe/command-data.js';
import { answerNote, type Answerer, type OnProgress } from '../pipe/inquiries.js';
import type { Peer } from '../pipe/messages.js';
import type { Place } from '../pipe/assignments.js';
import type { WorkerCounters } from '../pipe/counters.js';
import type { CrewStatus, WorkerNote, WorkerRow } from '../pipe/crew-status.js';
import type { Certificates, FromWorker, InnerQuestion } from '../pipe/notes.js';
import { noQueue, QUEUE_PATIENCE_MS, type ClientInfo, type ReloadReport } from '../pipe/questions.js';
import { addCounters } from '../pipe/stats.js';
import type { Exit, Timer } from '../platform/platform.js';
import { CrashReports } from './crash-reports.js';
import { commandTarget } from './command-target.js';
import { Crew, STOP_GRACE_MS, type CrewParts } from './crew.js';
import { RestartPolicy, type BootFailure } from './restart-policy.js';
import { spoolDirectoryOf } from '../pipe/spool-names.js';
import { SpoolSweep } from './spool-sweep.js';
import { Standby } from './standby.js';
import { isOneOfAKind, Succession } from './succession.js';
import { TimerHolder } from './timer-holder.js';
import { Watch } from './watch.js';
import type { WorkerHandle, WorkerState } from './worker-handle.js';
import { WorkerPlace } from './worker-place.js';

export interface ManagerParts extends CrewParts {
  /** Incarnations start above this number. */
  readonly incarnationBase: number;
  /** The generation of its first workers. */
  readonly generation: number;
  /** What the manager's own process has counted. */
  readonly counters: () => WorkerCounters;
  /** Timers of `on: 'one'` that run once, and have. */
  readonly timersRan: readonly string[];
  readonly onTimerRan: (timer: string) => void;
  readonly onWorkers: (notes: readonly WorkerNote[]) => void;
  /** For the manager's own process. */
  readonly onPeers: (peers: readonly Peer[]) => void;
  /** Whether the manager's own process may still read files of a process that is gone. */
  readonly needsFilesOf: (incarnation: number) => boolean;
  readonly onGeneration: (generation: number) => void;
  readonly onWorkerError: (event: WorkerErrorEvent) => void;
  /** Rejects when a hook before a reload does. */
  readonly beforeReload: () => Promise<void>;
  readonly afterReload: (report: ReloadReport) => Promise<void>;
  /** A worker cannot boot, again and again. */
  readonly onGiveUp: (error: Error) => void;
  /** A worker asks something that the first process knows. */
  readonly ask: Answerer;
}

/** Before, `bootTimeout` ends a worker that is blocked. */
const WATCHED: ReadonlySet<WorkerState> = new Set(['ready', 'serving', 'stopping']);

/** In reverse order of the start: workers may need task workers, both user processes, and all the queue, to the end. */
const stopOrder: readonly ((worker: WorkerHandle) => boolean)[] = [
  ({ assignment }) => assignment.role === 'worker',
  ({ assignment }) => assignment.role === 'taskWorker',
  ({ assignment }) => assignment.role !== 'queue',
  () => true,
];

export class Manager {
  readonly #places: WorkerPlace[] = [];
  readonly #crew: Crew;
  readonly #succession: Succession;
  readonly #standby: Standby;
  readonly #watch: Watch;
  readonly #crashes: CrashReports;
  readonly #timerHolder: TimerHolder;
  readonly #spoolSweep: SpoolSweep;
  readonly #restartTimers = new Set<Timer>();
  readonly #drained = new Set<WorkerHandle>();
  #incarnation: number;
  #ready: (() => void) | undefined;

  constructor(private readonly parts: ManagerParts) {
    const { platform, settings, logger, runtimeDirectory } = parts;
    const { clock } = platform;
    this.#incarnation = parts.incarnationBase;
    this.#crashes = new CrashReports(clock, platform.files, logger, runtimeDirectory);
    this.#spoolSweep = new SpoolSweep(
      clock,
      platform.files,
      spoolDirectoryOf(settings.taskTmpdir, runtimeDirectory),
      async (incarnation) => parts.needsFilesOf(incarnation) || (await this.#crew.needFilesOf(incarnation)),
    );
    this.#crew = new Crew(parts, {
      heard: (worker, note) => this.#hear(worker, note),
      ended: (worker, exit) => this.#ended(worker, exit),
    });
    this.#succession = new Succession(this.#crew, {
      ...parts,
      places: this.#places,
      nextIncarnation: (place) => this.#nextIncarnation(place),
      onChange: () => this.#report(),
      onGeneration: (generation) => {
        parts.onGeneration(generation);
        this.#standby.renew();
      },
    });
    const isStopping = (): boolean => this.#crew.stopping;
    this.#timerHolder = new TimerHolder(this.#places, parts.timersRan, parts.onTimerRan, isStopping);
    this.#standby = new Standby(
      clock,
      settings.standbyNum,
      new RestartPolicy(Infinity, () => platform.random.next()),
      () => this.#startSpare(),
      (spare) => this.#dismissSpare(spare),
    );
    this.#watch = new Watch(
      clock,
      settings.workerTimeout,
      () => [...this.#crew.living].filter(({ state }) => WATCHED.has(state)),
      (worker, silence) => this.#crew.killBlocked(worker, silence),
    );
  }

  /** Every process, and for each place without one that it is empty. */
  get notes(): readonly WorkerNote[] {
    const others = this.#withoutPlace.map((worker) =>
      worker.note(this.#placeOf(worker)?.restarts ?? 0, false),
    );
    return [...this.#places.map((place) => place.note), ...others];
  }

  /** Starts everything; resolves when every worker has been ready once. */
  async start(): Promise<void> {
    const { settings, platform, userProcesses, incarnationBase, masterPid } = this.parts;
    this.#spoolSweep.begin(incarnationBase, [masterPid, platform.self.pid]);
    const workers = settings.workerNum + settings.taskWorkerNum;
    const others = workers + userProcesses.length;
    const total = others + (usesQueue(settings) ? 1 : 0);
    for (let id = 0; id < total; id++) {
      const policy = new RestartPolicy(settings.maxBootFailures, () => platform.random.next());
      this.#places.push(new WorkerPlace(id, this.#dutyOf(id), policy));
    }
    const ready = new Promise<void>((resolve) => (this.#ready = resolve));
    // The queue first, then user processes, then task workers: an event worker may need them all in its first turn.
    if (total > others) this.#fill(this.#places[others]!);
    for (let id = workers; id < others; id++) this.#fill(this.#places[id]!);
    for (let id = settings.workerNum; id < workers; id++) this.#fill(this.#places[id]!);
    for (let id = 0; id < settings.workerNum; id++) this.#fill(this.#places[id]!);
    this.#watch.start();
    await ready;
    this.#standby.fill();
  }

  /** Asks all workers to leave; those that have not after `deadline` ms and a grace are killed and named. */
  async stop(deadline: number): Promise<void> {
    this.#endReplacing();
    const { clock } = this.parts.platform;
    const end = clock.now() + deadline;
    const timer = clock.setTimer(deadline + STOP_GRACE_MS, () => {
      for (const worker of this.#crew.living) this.#crew.killLate(worker);
    });
    // What comes later has what is left: else it would be killed before it had heard that it should leave.
    for (const isNext of stopOrder) await this.#crew.dismiss(isNext, Math.max(0, end - clock.now()));
    timer.cancel();
    this.#watch.stop();
    this.#crashes.close();
  }

  /** Kills all workers at once, without hooks. */
  killAll(): void {
    this.#endReplacing();
    for (const worker of this.#crew.living) this.#crew.kill(worker, 'the server is gone');
  }

  /** process mode: the server stops, and the reactors wait for the handlers that run, at most `deadline` ms. */
  announceStop(deadline: number): void {
    this.#succession.announceStop();
    for (const worker of this.#crew.living) worker.send({ type: 'drain', deadline });
  }

  /** base mode: workers stop accepting and reading; resolves when all connections are closed. */
  async drain(deadline: number): Promise<void> {
    this.#endReplacing();
    const workers = [...this.#crew.living].filter(({ assignment }) => assignment.role === 'worker');
    for (const worker of workers) worker.send({ type: 'drain', deadline });
    const done = (): boolean =>
      workers.every((worker) => this.#drained.has(worker) || worker.state === 'down');
    await new Promise<void>((resolve) => {
      const late = this.parts.platform.clock.setTimer(deadline + STOP_GRACE_MS, resolve);
      void this.#crew.until(done).then(() => {
        late.cancel();
        resolve();
      });
    });
  }

  /** base mode: workers secure new connections by these from now on. */
  renew(certificates: Certificates): void {
    this.#crew.renew(certificates);
  }

  reopenLogs(): void {
    this.#crew.reopenLogs();
  }

  /** What only the manager can answer. */
  async answer(question: InnerQuestion, onProgress: OnProgress): Promise<unknown> {
    switch (question.what) {
      case 'counters':
        return [...(await this.#crew.counters()), this.parts.counters()];
      case 'workers':
        return this.#status;
      case 'reload':
        return this.#succession.reload(question, onProgress);
      case 'stopWorker':
        return this.#stopWorker(question.workerId);
      case 'tasks':
      case 'retryTasks':
      case 'drainTasks':
        return this.#askQueue(question);
      case 'command':
        return this.#crew.ask(
          commandTarget(
            this.#places.filter(({ duty }) => duty.role !== 'queue'),
            question.target,
          ),
          question,
          commandPatience(question),
        );
      default:
        throw new ProcessError('NOT_IN_THIS_ROLE', `the manager does not answer '${question.what}'`);
    }
  }

  /** base mode: the connection with that id, of the worker of that incarnation. */
  async clientInfo(id: number, incarnation: number): Promise<ClientInfo | null> {
    return this.#crew.clientInfo(id, incarnation);
  }

  /** base mode: a page of connections. */
  async connections(after: number, limit: number): Promise<readonly ClientInfo[]> {
    return this.#crew.connections(after, limit);
  }

  #dutyOf(workerId: number): WorkerPlace['duty'] {
    const { settings, userProcesses } = this.parts;
    if (workerId < settings.workerNum) return { role: 'worker' };
    const taskWorkers = settings.workerNum + settings.taskWorkerNum;
    if (workerId < taskWorkers) return { role: 'taskWorker' };
    const userProcess = userProcesses[workerId - taskWorkers];
    return userProcess === undefined ? { role: 'queue' } : { role: 'userProcess', userProcess };
  }

  async #askQueue(question: InnerQuestion): Promise<unknown> {
    const place = this.#places.find(({ duty }) => duty.role === 'queue');
    if (place === undefined) throw noQueue();
    if (place.current?.state !== 'serving')
      throw new ProcessError('ASK_LOST', 'the queue does not serve yet, or is being replaced: ask again');
    return this.#crew.ask(place.current, question, QUEUE_PATIENCE_MS);
  }

  #nextIncarnation({ workerId }: WorkerPlace): Place {
    return { workerId, incarnation: ++this.#incarnation };
  }

  // What becomes of the workers.

  #hear(worker: WorkerHandle, note: FromWorker): void {
    const place = this.#placeOf(worker);
    switch (note.type) {
      case 'loaded':
        worker.onDisk = note.onDisk;
        worker.send({ type: 'peers', peers: this.#peers });
        if (worker.state === 'loading') worker.state = place === undefined ? 'loaded' : 'starting';
        return;
      case 'ready':
        if (place !== undefined) this.#becameReady(place, worker);
        return;
      case 'serving':
        worker.mayHoldTimers = note.mayHoldTimers === true;
        if (place !== undefined) this.#serves(place, worker);
        return;
      case 'timerRan':
        this.#timerHolder.ran(note.timer);
        return;
      case 'released':
        this.#timerHolder.released(worker);
        this.#timerHolder.look();
        return;
      case 'recycle':
        if (place !== undefined) void this.#succession.recycle(place, worker, note.reason);
        return;
      case 'drained':
        this.#drained.add(worker);
        this.#report();
        return;
      case 'pong':
        this.#checkPulse(worker, note);
        return;
      case 'leaving':
        this.#report();
        return;
      case 'ask':
        answerNote(note, this.parts.ask, (answer) => worker.send(answer));
        return;
      case 'shutdown':
      case 'bootFailed':
      case 'uncaught':
      case 'account':
      case 'answer':
    }
  }

  #becameReady(place: WorkerPlace, worker: WorkerHandle): void {
    if (worker.state === 'stopping' || worker.state === 'down') return;
    worker.state = 'ready';
    if (place.current === worker) worker.send({ type: 'serve' });
    else if (place.successor === worker && place.current === undefined)
      this.#succession.promote(place, worker);
  }

  #serves(place: WorkerPlace, worker: WorkerHandle): void {
    if (worker.state !== 'ready') return;
    worker.servesSince = this.parts.platform.clock.now();
    worker.state = 'serving';
    this.#introducePeers();
    // Whoever had the place is out of dispatch now, and is told.
    for (const old of place.retiring) this.#crew.tellToLeave(old, true);
    this.#report();
  }

  /** Tells every process who else there is. */
  #introducePeers(): void {
    if (this.#crew.stopping) return;
    const peers = this.#peers;
    this.#crew.introduce(peers);
    this.parts.onPeers(peers);
  }

  /** Those that others may want something of. */
  get #peers(): Peer[] {
    const all = [...this.#crew.living].filter(
      ({ servesSince, state }) => servesSince !== undefined && state !== 'down',
    );
    return all.map((worker) => {
      const { role, userProcess } = worker.assignment;
      const current = this.#placeOf(worker)?.current === worker;
      const name = userProcess === undefined ? {} : { name: userProcess };
      return { role, ...worker.place!, ...name, current };
    });
  }

  #ended(worker: WorkerHandle, exit: Exit): void {
    const inOrder = exit.code === 0 && worker.killReason === undefined;
    const planned = worker.state === 'stopping' && inOrder;
    const lived = this.parts.platform.clock.now() - worker.startedAt;
    const place = this.#placeOf(worker);
    const hadPlace = place?.current === worker;
    // The end of one that retires is not that of the one after it.
    const hadPart = hadPlace || place?.successor === worker;
    place?.left(worker);
    this.#standby.lost(worker, { ready: worker.state !== 'loading', lived });
    worker.state = 'down';
    this.#timerHolder.released(worker);
    this.#introducePeers();
    if (worker.place !== undefined) this.#spoolSweep.ended(worker.place.incarnation);
    if (!planned && !worker.discarded) this.#noteCrash(worker, exit, hadPlace ? place : undefined);
    this.#report();
    if (this.#crew.stopping || place === undefined || !hadPart) return;
    // One that was to leave makes room for another: nobody has died.
    if (planned && isOneOfAKind(place)) place.restarts--;
    if (place.vacant) this.#refill(place, worker, exit, lived);
  }

  #noteCrash(worker: WorkerHandle, exit: Exit, place: WorkerPlace | undefined): void {
    const { workerId, identity } = worker;
    const { pid } = identity;
    const reason = worker.explain(exit);
    this.#succession.noteCrash(worker, reason);
    if (place !== undefined) place.lastCrash = { at: this.parts.platform.clock.wallTime(), reason };
    const stack = this.#crashes.report(worker, exit);
    const ending = { exitCode: exit.code, signal: exit.signal, reason };
    this.parts.onWorkerError({ workerId, pid, ...ending, ...(stack !== undefined && { stack }) });
  }

  /** Told at once: whoever comes after this manager has to know what it has left behind. */
  #startSpare(): WorkerHandle {
    const spare = this.#crew.spawn({ role: 'worker' }, undefined, this.#succession.generation);
    this.#report();
    return spare;
  }

  #dismissSpare(spare: WorkerHandle): void {
    spare.discarded = true;
    this.#crew.tellToLeave(spare, false);
  }

  /** A worker for an empty place: a spare, or a new one. */
  #fill(place: WorkerPlace): void {
    const next = this.#nextIncarnation(place);
    const spare = place.duty.role === 'worker' ? this.#standby.take() : undefined;
    if (spare !== undefined) this.#crew.assume(spare, next);
    place.current = spare ?? this.#crew.spawn(place.duty, next, this.#succession.generation);
    place.restarts++;
    this.#report();
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
      // A reload may have started one meanwhile, which has the place already or takes it when it is ready.
      if (place.vacant) this.#fill(place);
    });
    this.#restartTimers.add(timer);
  }

  #othersServe({ duty }: WorkerPlace): boolean {
    // Each user process is one of a kind; once the server serves, it goes on without.
    if (duty.role === 'userProcess') return this.#ready === undefined;
    return this.#places.some(
      ({ duty: other, current }) => other.role === duty.role && current?.state === 'serving',
    );
  }

  /** The code on disk may be broken while older workers serve on: better some of the service than none. */
  #tryOn(place: WorkerPlace, { title }: WorkerHandle): void {
    const delay = place.policy.longestDelay;
    const { maxBootFailures } = this.parts.settings;
    this.parts.logger.error(
      `${title} could not boot ${maxBootFailures} times in a row; others serve on, and it is tried again in ${Math.round(delay)} ms`,
    );
    this.#fillLater(place, delay);
  }

  #giveUp({ title }: WorkerHandle, { reason, error, timedOut }: BootFailure): void {
    this.#endReplacing();
    this.#crashes.close();
    const { maxBootFailures } = this.parts.settings;
    const message = `${title} could not boot ${maxBootFailures} times in a row: ${reason}`;
    const options = error === undefined ? undefined : { cause: fromWire(error) };
    const code = timedOut ? 'BOOT_TIMEOUT' : 'BOOT_FAILED';
    this.parts.onGiveUp(new ProcessError(code, message, options));
  }

  /** From here on whoever ends is gone. */
  #endReplacing(): void {
    this.#crew.stop();
    this.#standby.stop();
    this.#spoolSweep.close();
    this.#succession.stop();
    for (const timer of this.#restartTimers) timer.cancel();
  }

  async #stopWorker(workerId: number): Promise<null> {
    const place = this.#places[workerId];
    if (place !== undefined) return this.#succession.stopWorker(place);
    throw new ProcessError('NO_SUCH_WORKER', `there is no worker ${workerId} to replace`);
  }

  // What is known of the workers.

  #checkPulse(worker: WorkerHandle, { vitals, counters }: Extract<FromWorker, { type: 'pong' }>): void {
    const { maxMemory } = this.parts.settings;
    this.#watch.heard(worker, vitals);
    worker.counters = { of: counters };
    const place = this.#placeOf(worker);
    if (maxMemory === 0 || vitals.rss <= maxMemory || place === undefined) return;
    if (!isOneOfAKind(place))
      void this.#succession.recycle(place, worker, `maxMemory, ${vitals.rss} bytes are resident`);
  }

  get #status(): CrewStatus {
    const counters = addCounters(this.#crew.lastCounted, this.parts.counters());
    return { workers: this.#rows(), manager: this.parts.platform.self.vitals(), counters };
  }

  #rows(): readonly WorkerRow[] {
    const now = this.parts.platform.clock.now();
    const places = this.#places.map((place) => ({
      ...(place.current?.figures(now) ?? { uptime: 0, vitals: null, requestsPerSecond: 0 }),
      ...place.note,
      role: place.duty.role,
      ...named(place),
      lastCrash: place.lastCrash,
    }));
    const others = this.#withoutPlace.map((worker) => {
      const place = this.#placeOf(worker);
      const { lastCrash = null, restarts = 0 } = place ?? {};
      const role = place?.duty.role ?? ('spare' as const);
      return { ...worker.figures(now), ...worker.note(restarts, false), role, ...named(place), lastCrash };
    });
    return [...places, ...others];
  }

  /** Spares, successors that are not ready, and those that retire. */
  get #withoutPlace(): WorkerHandle[] {
    return [...this.#crew.living].filter((worker) => this.#placeOf(worker)?.current !== worker);
  }

  #placeOf({ workerId }: WorkerHandle): WorkerPlace | undefined {
    return this.#places[workerId];
  }

  /** Something about the workers has changed. */
  #report(): void {
    this.parts.onWorkers(this.notes);
    this.#timerHolder.look();
    this.#crew.changed();
    if (this.#ready !== undefined && this.#places.every(({ current }) => current?.state === 'serving')) {
      this.#ready();
      this.#ready = undefined;
    }
  }
}

function named(place: WorkerPlace | undefined): { readonly name?: string } {
  const { userProcess } = place?.duty ?? {};
  return userProcess === undefined ? {} : { name: userProcess };
}
