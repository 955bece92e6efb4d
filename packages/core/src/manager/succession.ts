/**
 * How a worker that lives is replaced by another: reload, recycling and
 * `server.stop(id)` are this one procedure, within one budget.
 *
 *   current ─────────────── serves ──────────────┐ out of dispatch ─▶ finishes ─▶ gone
 *   successor  boots ─▶ start hooks ─▶ ready ────┴ takes the place ─▶ serves
 *
 * When the current one dies first, its successor takes the place as soon as it
 * is ready. Of a user process and of the queue there are never two: the old one leaves first.
 */
import { ProcessError } from '../errors.js';
import type { OnProgress } from '../pipe/inquiries.js';
import type { Question, ReloadReport } from '../pipe/questions.js';
import type { Place } from '../pipe/assignments.js';
import type { Timer } from '../platform/platform.js';
import type { Crew, CrewParts } from './crew.js';
import { Permits } from './permits.js';
import { RollingReload, type ReloadHost } from './rolling-reload.js';
import type { WorkerHandle } from './worker-handle.js';
import type { WorkerPlace } from './worker-place.js';

export interface SuccessionParts extends Pick<CrewParts, 'platform' | 'logger' | 'settings'> {
  readonly places: readonly WorkerPlace[];
  /** The id of the place, under a number of its own. */
  readonly nextIncarnation: (place: WorkerPlace) => Place;
  /** The generation of its first workers. */
  readonly generation: number;
  readonly onGeneration: (generation: number) => void;
  /** Somebody has another state or place. */
  readonly onChange: () => void;
  /** Rejects when a hook before a reload does. */
  readonly beforeReload: () => Promise<void>;
  readonly afterReload: (report: ReloadReport) => Promise<void>;
}

export class Succession implements ReloadHost {
  /** One more worker in replacement for each. */
  readonly #absences: Permits;
  #ending = false;
  readonly #timers = new Set<Timer>();
  #generation: number;
  #reload: RollingReload | undefined;

  constructor(
    private readonly crew: Crew,
    private readonly parts: SuccessionParts,
  ) {
    this.#absences = new Permits(parts.settings.maxUnavailable);
    this.#generation = parts.generation;
  }

  /** That of new workers. */
  get generation(): number {
    return this.#generation;
  }

  /** A worker asks to be replaced, or has to be. If no other can boot it serves on, and asks again later. */
  async recycle(place: WorkerPlace, worker: WorkerHandle, reason: string): Promise<void> {
    if (place.current !== worker || worker.recycling || this.#isEnding) return;
    worker.recycling = true;
    this.parts.logger.info(`${worker.title}, pid ${worker.identity.pid}, is to be replaced: ${reason}`);
    const failed = await this.#replace(place, worker, () => {});
    worker.recycling = false;
    if (failed === undefined || this.#isEnding) return;
    const timer = this.parts.platform.clock.setTimer(place.policy.longestDelay, () => {
      this.#timers.delete(timer);
      void this.recycle(place, worker, reason);
    });
    this.#timers.add(timer);
  }

  /** Resolves when another worker has the place. Rejects with `ProcessError` BOOT_FAILED when none can. */
  async stopWorker(place: WorkerPlace): Promise<null> {
    const { current, workerId } = place;
    // Nobody has the place: somebody is on the way already.
    if (current === undefined) return null;
    return new Promise<null>((resolve, reject) => {
      void this.#replace(place, current, () => resolve(null)).then((failed) => {
        if (failed === undefined) resolve(null);
        else reject(new ProcessError('BOOT_FAILED', `no new worker ${workerId} could be started: ${failed}`));
      });
    });
  }

  /** Rejects with `ProcessError` when it does not begin. */
  async reload(
    { only }: Extract<Question, { what: 'reload' }>,
    onProgress: OnProgress,
  ): Promise<ReloadReport> {
    if (this.crew.stopping) throw new ProcessError('SHUTTING_DOWN', 'the server is stopping');
    if (this.#reload !== undefined) throw new ProcessError('RELOAD_RUNNING', 'another reload is running');
    const places = this.parts.places.filter(
      ({ duty }) => duty.role === 'taskWorker' || (duty.role === 'worker' && only === undefined),
    );
    if (places.length === 0)
      throw new ProcessError('NO_SUCH_WORKER', 'there are no task workers to reload: taskWorkerNum is 0');
    this.#reload = new RollingReload(this, places, this.#generation + 1, onProgress);
    return this.#runReload(this.#reload);
  }

  /** A worker of the server has died without being asked to. */
  noteCrash(worker: WorkerHandle, reason: string): void {
    this.#reload?.noteCrash(worker, reason);
  }

  /** A successor whose predecessor has died takes the place. */
  promote(place: WorkerPlace, next: WorkerHandle): void {
    const { current } = place;
    if (current === undefined) place.restarts++;
    else place.retiring.add(current);
    place.current = next;
    place.successor = undefined;
    next.send({ type: 'serve' });
    this.parts.onChange();
  }

  /** The server drains: whoever asks to be replaced now leaves with it. */
  announceStop(): void {
    this.#ending = true;
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
  }

  get #isEnding(): boolean {
    return this.#ending || this.crew.stopping;
  }

  /**
   * Replaces a worker, unless it has lost its place meanwhile: `served` is called
   * when its successor has it. Resolves when the old one is gone, or with the
   * reason why nobody could take over.
   */
  async #replace(place: WorkerPlace, old: WorkerHandle, served: () => void): Promise<string | undefined> {
    const release = await place.replacements.take();
    const permit = await this.absence();
    try {
      if (place.current !== old || this.#isEnding) return undefined;
      if (isOneOfAKind(place)) return await this.#renew(place, old);
      const next = this.bootSuccessor(place, this.#generation);
      if (!(await next.reached('ready'))) return next.explain(next.exit ?? { code: null, signal: null });
      if (await this.handOver(place, next)) served();
      await this.retired(place);
      return undefined;
    } finally {
      release();
      permit();
    }
  }

  /**
   * A user process may be the only one that can hold what it holds: the manager
   * fills its place when the old one has left, and never has two of them.
   */
  async #renew(place: WorkerPlace, old: WorkerHandle): Promise<string | undefined> {
    this.crew.tellToLeave(old, true);
    await this.crew.until(() => this.#isEnding || (place.current !== undefined && place.current !== old));
    const { current } = place;
    if (this.#isEnding || current === undefined || (await current.reached('serving'))) return undefined;
    return current.explain(current.exit ?? { code: null, signal: null });
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
    this.#tell(report);
    await afterReload(report);
    return report;
  }

  #tell({ outcome, failure, needRestart, generation, replaced, duration }: ReloadReport): void {
    const { logger } = this.parts;
    const stack = failure?.error?.stack;
    const fields = stack === undefined ? undefined : { stack };
    if (outcome === 'done') logger.info(`reloaded in ${duration} ms: generation ${generation} serves`);
    if (outcome === 'rolledBack')
      logger.error(
        `the reload was rolled back, generation ${generation} serves on: ${failure?.reason}`,
        fields,
      );
    if (outcome === 'halted')
      logger.error(
        `the reload was halted, workers ${replaced.join(', ')} are new: ${failure?.reason}`,
        fields,
      );
    if (needRestart.length > 0)
      logger.warn(`changed on disk, and in need of a restart: ${needRestart.join(', ')}`);
  }

  // What a reload asks.

  get stopping(): boolean {
    return this.crew.stopping;
  }

  get bakeTime(): number {
    return this.parts.settings.bakeTime;
  }

  now(): number {
    return this.parts.platform.clock.now();
  }

  async wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => void this.parts.platform.clock.setTimer(ms, resolve));
  }

  async absence(): Promise<() => void> {
    return this.#absences.take();
  }

  bootSuccessor(place: WorkerPlace, generation: number): WorkerHandle {
    place.successor = this.crew.spawn(place.duty, this.parts.nextIncarnation(place), generation);
    this.parts.onChange();
    return place.successor;
  }

  async handOver(place: WorkerPlace, next: WorkerHandle): Promise<boolean> {
    // Else it was promoted already, because the one before had died; or it is dead itself.
    if (place.successor === next) this.promote(place, next);
    return next.reached('serving');
  }

  /** One that has run its start hooks runs its stop hooks. */
  discard(place: WorkerPlace, worker: WorkerHandle): void {
    // Nobody else had the place: it serves already, and whoever came after it would have the same code.
    if (place.current === worker) return;
    worker.discarded = true;
    if (worker.state === 'ready') this.crew.tellToLeave(worker, false);
    else this.crew.kill(worker, 'it was not needed any more');
  }

  async retired(place: WorkerPlace): Promise<void> {
    await this.crew.until(() => place.retiring.size === 0);
  }

  accept(generation: number): void {
    this.#generation = generation;
    this.parts.onGeneration(generation);
  }
}

/** There are never two of it at once. */
export function isOneOfAKind({ duty }: WorkerPlace): boolean {
  return duty.role === 'userProcess' || duty.role === 'queue';
}
