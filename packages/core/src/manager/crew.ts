/**
 * All processes of a manager that live: starts them, speaks to them, ends them
 * when their time is over, and keeps account of what they have counted. Which of
 * them has which place is not its business.
 */
import type { Settings } from '../config/load.js';
import { ProcessError } from '../errors.js';
import type { Logger } from '../log.js';
import { Inquiries } from '../pipe/inquiries.js';
import { PIPE_VERSION, type Peer } from '../pipe/messages.js';
import { workerTitle, type Original, type Place, type WorkerAssignment } from '../pipe/assignments.js';
import type { WorkerCounters } from '../pipe/counters.js';
import type { Certificates, FromWorker, InnerQuestion } from '../pipe/notes.js';
import type { ClientInfo } from '../pipe/questions.js';
import { addCounters, ofTheDead } from '../pipe/stats.js';
import type { BoundListener, Exit, Platform } from '../platform/platform.js';
import { WorkerHandle } from './worker-handle.js';

/** What a stopping worker may take beyond its deadline for its stop hooks, in ms. */
export const STOP_GRACE_MS = 2_000;
/** An answer that a worker owes to a question of the manager, in ms. */
const ANSWER_TIMEOUT_MS = 2_000;

/** What all processes are started with. */
export interface CrewParts {
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
  /** base mode: the sockets that workers accept on. */
  readonly listeners?: readonly BoundListener[];
  /** base mode: what workers secure new connections with. */
  readonly certificates?: Certificates;
  /** Names of the user processes, whose ids follow those of the task workers. */
  readonly userProcesses: readonly string[];
  readonly original: Original;
}

export interface CrewEvents {
  heard(worker: WorkerHandle, note: FromWorker): void;
  /** It is no longer among those that live. */
  ended(worker: WorkerHandle, exit: Exit): void;
}

export class Crew {
  readonly #living = new Set<WorkerHandle>();
  readonly #inquiries = new Map<WorkerHandle, Inquiries>();
  /** What those had counted that are gone. */
  #departed: WorkerCounters | undefined;
  #stopping = false;
  #certificates: Certificates | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly parts: CrewParts,
    private readonly events: CrewEvents,
  ) {
    this.#certificates = parts.certificates;
  }

  get living(): ReadonlySet<WorkerHandle> {
    return this.#living;
  }

  /** The server stops: whoever leaves from here on leaves with it, and nobody is replaced. */
  get stopping(): boolean {
    return this.#stopping;
  }

  stop(): void {
    this.#stopping = true;
  }

  /** Without a place it is a spare. */
  spawn(
    duty: Pick<WorkerAssignment, 'role' | 'userProcess'>,
    place: Place | undefined,
    generation: number,
  ): WorkerHandle {
    const { platform, settings, name, masterPid, pipePaths, runtimeDirectory, original, logger } = this.parts;
    const assignment: WorkerAssignment = {
      ...duty,
      ...(place !== undefined && { place }),
      version: PIPE_VERSION,
      original,
      settings,
      masterPid,
      managerPid: platform.self.pid,
      pipePaths,
      runtimeDirectory,
      userProcesses: this.parts.userProcesses,
    };
    const child = platform.processes.spawn(assignment, `shoal ${name}: ${workerTitle(assignment)}`);
    const identity = platform.processes.identify(child.pid) ?? { pid: child.pid, startedAt: '' };
    const worker = new WorkerHandle(assignment, child, identity, generation, platform.clock.now());
    this.#living.add(worker);
    this.#inquiries.set(worker, new Inquiries(platform.clock, (note) => worker.send(note)));
    worker.onNote((note) => this.#hear(worker, note));
    this.#limitBoot(worker);
    worker.onExit((exit) => this.#bury(worker, exit));
    logger.debug(`started ${worker.title}, pid ${child.pid}`);
    if (duty.role === 'worker') this.#giveListeners(worker);
    return worker;
  }

  /** Gives a spare its place. */
  assume(spare: WorkerHandle, place: Place): void {
    spare.assume(place);
    this.#limitBoot(spare);
  }

  /** Asks a worker to finish and leave. `replaced`: another one has its place. */
  tellToLeave(worker: WorkerHandle, replaced: boolean, deadline = this.parts.settings.maxWaitTime): void {
    if (worker.state === 'stopping' || worker.state === 'down') return;
    worker.state = 'stopping';
    worker.send({ type: 'stop', deadline, replaced });
    this.#limitLeaving(worker);
  }

  /** Asks all of a kind; resolves when they are gone. */
  async dismiss(which: (worker: WorkerHandle) => boolean, deadline: number): Promise<void> {
    for (const worker of this.#living) if (which(worker)) this.tellToLeave(worker, false, deadline);
    await this.until(() => ![...this.#living].some(which));
  }

  /** Ends one that was started and is not wanted: its end is no crash. */
  kill(worker: WorkerHandle, reason: string): void {
    worker.discarded = true;
    worker.kill(reason);
  }

  killLate(worker: WorkerHandle): void {
    const { inFlight = 0 } = worker.vitals ?? {};
    const doing = inFlight > 0 ? `, ${inFlight} handlers had not settled when it was last heard` : '';
    this.parts.logger.warn(
      `killed ${worker.title}, pid ${worker.identity.pid}: it had not stopped in time${doing}`,
    );
    worker.kill('it had not stopped in time');
  }

  killBlocked(worker: WorkerHandle, silence: number): void {
    const { workerTimeout } = this.parts.settings;
    worker.blocked = true;
    worker.kill(
      `its event loop was blocked for ${Math.round(silence)} ms, workerTimeout is ${workerTimeout} ms`,
    );
  }

  /** Tells everybody who else there is. */
  introduce(peers: readonly Peer[]): void {
    for (const worker of this.#living) worker.send({ type: 'peers', peers });
  }

  reopenLogs(): void {
    for (const worker of this.#living) worker.send({ type: 'reopenLogs' });
  }

  /** Counters of the workers that live, and of those that are gone. */
  async counters(): Promise<readonly WorkerCounters[]> {
    const asked = [...this.#living].filter(({ state }) => state === 'serving' || state === 'stopping');
    await Promise.all(asked.map(async (worker) => this.#count(worker)));
    // One that has died meanwhile is among the departed.
    const living = asked.filter((worker) => this.#living.has(worker));
    const counters = living.flatMap((worker) => worker.counters?.of ?? []);
    return this.#departed === undefined ? counters : [...counters, this.#departed];
  }

  /** What all of them have counted, those included that are gone, as last heard. */
  get lastCounted(): WorkerCounters | undefined {
    let total = this.#departed;
    for (const { counters } of this.#living) total = addCounters(total, counters?.of);
    return total;
  }

  /** Whether somebody may still read files of a process that is gone. One that does not answer may. */
  async needFilesOf(incarnation: number): Promise<boolean> {
    const asked = [...this.#living].filter(({ servesSince }) => servesSince !== undefined);
    const answers = await Promise.all(
      asked.map(async (worker) => (await this.#askOr(worker, { what: 'needsFiles', incarnation })) ?? true),
    );
    return asked.some((worker, index) => this.#living.has(worker) && answers[index] !== false);
  }

  async #count(worker: WorkerHandle): Promise<void> {
    const answer = (await this.#askOr(worker, { what: 'counters' })) as WorkerCounters | undefined;
    if (answer !== undefined) worker.counters = { of: answer };
  }

  /** base mode: the connection with that id, asked of the worker that owns it. */
  async clientInfo(id: number, incarnation: number): Promise<ClientInfo | null> {
    const owner = [...this.#living].find(({ place }) => place?.incarnation === incarnation);
    if (owner === undefined) return null;
    return ((await this.#askOr(owner, { what: 'clientInfo', id })) ?? null) as ClientInfo | null;
  }

  /** base mode: a page of connections, asked of all workers. */
  async connections(after: number, limit: number): Promise<readonly ClientInfo[]> {
    const owners = [...this.#living].filter(({ assignment }) => assignment.role === 'worker');
    const pages = await Promise.all(
      owners.map(async (owner) => this.#askOr(owner, { what: 'connections', after, limit })),
    );
    return (pages as (readonly ClientInfo[] | undefined)[])
      .flatMap((page) => page ?? [])
      .sort((a, b) => a.id - b.id)
      .slice(0, limit);
  }

  /** Wakes those that wait for a fact about the workers. */
  changed(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Resolves when the fact holds; it is looked at whenever something has changed. */
  async until(fact: () => boolean): Promise<void> {
    if (fact()) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        if (!fact()) return;
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
    });
  }

  #hear(worker: WorkerHandle, note: FromWorker): void {
    worker.lastHeard = this.parts.platform.clock.now();
    switch (note.type) {
      case 'bootFailed':
      case 'uncaught':
        worker.failure = note.error;
        return;
      case 'account':
        worker.counters = { of: note.counters };
        return;
      case 'answer':
        this.#inquiries.get(worker)?.answered(note);
        return;
      case 'leaving':
        if (worker.state === 'stopping') return;
        worker.state = 'stopping';
        this.#limitLeaving(worker);
        this.events.heard(worker, note);
        return;
      default:
        this.events.heard(worker, note);
    }
  }

  #bury(worker: WorkerHandle, exit: Exit): void {
    worker.exit = exit;
    worker.onBuried?.();
    this.#living.delete(worker);
    this.#inquiries.get(worker)?.close();
    this.#inquiries.delete(worker);
    this.#departed = addCounters(this.#departed, ofTheDead(worker.counters));
    this.events.ended(worker, exit);
  }

  /** From its start, and again from the moment at which a spare gets its id, a worker has `bootTimeout`. */
  #limitBoot(worker: WorkerHandle): void {
    const { bootTimeout } = this.parts.settings;
    const aim = worker.place === undefined ? 'loaded' : 'ready';
    const timer = this.parts.platform.clock.setTimer(bootTimeout, () => {
      worker.bootTimedOut = true;
      worker.kill(`it was not ready within bootTimeout, ${bootTimeout} ms`);
    });
    void worker.reached(aim).then(() => timer.cancel());
  }

  /** A worker that leaves while the server goes on has as long for it as one that stops with the server. */
  #limitLeaving(worker: WorkerHandle): void {
    if (this.#stopping) return;
    const { platform, settings } = this.parts;
    const timer = platform.clock.setTimer(settings.maxWaitTime + STOP_GRACE_MS, () => this.killLate(worker));
    worker.onBuried = () => timer.cancel();
  }

  /** base mode: workers secure new connections by these from now on. */
  renew(certificates: Certificates): void {
    this.#certificates = certificates;
    for (const worker of this.#living)
      if (worker.assignment.role === 'worker') worker.send({ type: 'certificates', certificates });
  }

  /** The certificates first: nobody may accept without them. */
  #giveListeners(worker: WorkerHandle): void {
    const { listeners = [] } = this.parts;
    if (this.#certificates !== undefined)
      worker.send({ type: 'certificates', certificates: this.#certificates });
    listeners.forEach((bound, listener) => {
      worker.send({ type: 'listener', listener, endpoint: bound.endpoint }, bound);
    });
  }

  /** Rejects when the worker does not answer within `patience` ms, or ends. */
  async ask(worker: WorkerHandle, question: InnerQuestion, patience: number): Promise<unknown> {
    const inquiries = this.#inquiries.get(worker);
    if (inquiries === undefined) throw new ProcessError('ASK_LOST', `${worker.title} is gone`);
    return inquiries.ask(question, patience);
  }

  /** Undefined when the worker does not answer in time, or ends. */
  async #askOr(worker: WorkerHandle, question: InnerQuestion): Promise<unknown> {
    try {
      return await this.ask(worker, question, ANSWER_TIMEOUT_MS);
    } catch {
      return undefined;
    }
  }
}
