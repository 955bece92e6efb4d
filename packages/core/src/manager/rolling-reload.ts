/**
 * Replaces all workers by new ones with the code on disk, such that nothing
 * happens if that code is broken.
 *
 *   1. A canary of each role boots beside the worker of its id: modules, settings,
 *      objects, start hooks. It gets no event yet.
 *   2. It is watched for `bakeTime`. Up to here the old workers serve untouched,
 *      and a failure is the end of the canaries alone.
 *   3. The canaries take over, then the other ids follow: each new worker is
 *      ready before the old one is out of dispatch. A new worker that dies while
 *      connections come to it, or within `bakeTime` of the last, stops the
 *      procession.
 *
 * It decides and waits; the manager, its host, acts.
 */
import type { WireError } from '../errors.js';
import type { ReloadProgress, ReloadReport } from '../pipe/questions.js';
import type { WorkerHandle } from './worker-handle.js';
import type { WorkerPlace } from './worker-place.js';

export interface ReloadHost {
  readonly stopping: boolean;
  /** ms. */
  readonly bakeTime: number;
  now(): number;
  wait(ms: number): Promise<void>;
  /** Starts a worker for a place beside the one that has it. */
  bootSuccessor(place: WorkerPlace, generation: number): WorkerHandle;
  /** Ends a worker that was started and is not wanted. */
  discard(place: WorkerPlace, worker: WorkerHandle): void;
  /** Lets the successor take the place; resolves with false when it dies before it serves. */
  handOver(place: WorkerPlace, next: WorkerHandle): Promise<boolean>;
  /** Resolves when nobody retires from the place any more. */
  retired(place: WorkerPlace): Promise<void>;
  /** A permit for one more worker in replacement. */
  absence(): Promise<() => void>;
  /** New workers are of this generation from now on. */
  accept(generation: number): void;
}

/** Why a reload does not go on. */
class Failure extends Error {
  constructor(
    readonly workerId: number,
    /** 0 where none was started. */
    readonly pid: number,
    readonly reason: string,
    readonly wire: WireError | undefined,
  ) {
    super(reason);
  }
}

interface Canary {
  readonly place: WorkerPlace;
  readonly worker: WorkerHandle;
  readonly release: () => void;
}

export class RollingReload {
  readonly #began: number;
  readonly #replaced: number[] = [];
  readonly #needRestart = new Set<string>();
  /** By worker id: when the last of its predecessors had left. */
  readonly #aloneSince = new Map<number, number>();
  #accepted = false;
  #failure: Failure | undefined;

  constructor(
    private readonly host: ReloadHost,
    /** Those to replace, by id; never empty. */
    private readonly places: readonly WorkerPlace[],
    private readonly generation: number,
    private readonly onProgress: (progress: ReloadProgress) => void,
  ) {
    this.#began = host.now();
  }

  async run(): Promise<ReloadReport> {
    let canaries: readonly Canary[] = [];
    try {
      canaries = await this.#bootCanaries();
      await this.#bake(canaries);
    } catch (error) {
      this.#discard(canaries);
      if (!(error instanceof Failure)) throw error;
      return this.#end('rolledBack', error);
    }
    this.#accept(canaries);
    try {
      await this.#roll(canaries);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return this.#end('halted', error);
    }
    return this.#end('done');
  }

  /** A worker of the server has died without being asked to. */
  noteCrash(worker: WorkerHandle, reason: string): void {
    if (worker.generation !== this.generation || worker.servesSince === undefined) return;
    if (this.host.bakeTime === 0) return;
    // As long as its predecessor finishes, connections come to it that it has not seen yet.
    const since = this.#aloneSince.get(worker.workerId);
    if (since !== undefined && this.host.now() - since >= this.host.bakeTime) return;
    const { workerId, identity, failure } = worker;
    this.#failure ??= new Failure(
      workerId,
      identity.pid,
      `it died right after it had begun to serve: ${reason}`,
      failure,
    );
  }

  /** The first place of each role. All boot at once: the code of either may be what is broken. */
  async #bootCanaries(): Promise<readonly Canary[]> {
    const firsts = this.places.filter(
      ({ duty }, index) => this.places.findIndex((other) => other.duty.role === duty.role) === index,
    );
    const canaries: Canary[] = [];
    for (const place of firsts) {
      const release = await place.replacements.take();
      canaries.push({ place, worker: this.#boot(place, 'canary'), release });
    }
    const failures = await Promise.all(
      canaries.map(async ({ place, worker }) => this.#bootFailure(place, worker)),
    );
    const failure = failures.find((each) => each !== undefined);
    if (failure === undefined) return canaries;
    this.#discard(canaries);
    throw failure;
  }

  #discard(canaries: readonly Canary[]): void {
    for (const { place, worker, release } of canaries) {
      this.host.discard(place, worker);
      release();
    }
  }

  async #bake(canaries: readonly Canary[]): Promise<void> {
    const { bakeTime } = this.host;
    for (const { worker } of canaries) this.#tell('baking', worker);
    const deaths = canaries.map(async ({ worker }) => worker.reached('down').then(() => worker));
    if (bakeTime > 0) await Promise.race([this.host.wait(bakeTime), ...deaths]);
    const dead = canaries.find(({ worker }) => worker.state === 'down')?.worker;
    if (dead === undefined) return;
    throw this.#failureOf(dead, `it died within bakeTime, ${bakeTime} ms, of being ready: `);
  }

  #accept(canaries: readonly Canary[]): void {
    this.#accepted = true;
    this.host.accept(this.generation);
    const needRestart = [...this.#needRestart];
    for (const { worker } of canaries)
      this.onProgress({ ...stepOf('accepted', worker), ...(needRestart.length > 0 && { needRestart }) });
  }

  /** As many at once as there are permits. */
  async #roll(canaries: readonly Canary[]): Promise<void> {
    const followers = this.places.filter((place) => !canaries.some((canary) => canary.place === place));
    const moves = [
      ...canaries.map(async (canary) => this.#replaceByCanary(canary)),
      ...followers.map(async (place) => this.#replace(place)),
    ];
    const ends = await Promise.allSettled(moves);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason as unknown;
    this.#checkFailure();
  }

  async #replaceByCanary({ place, worker, release }: Canary): Promise<void> {
    const permit = await this.host.absence();
    try {
      if (this.#failure !== undefined) this.host.discard(place, worker);
      this.#checkFailure();
      await this.#handOver(place, worker);
    } finally {
      release();
      permit();
    }
  }

  async #replace(place: WorkerPlace): Promise<void> {
    const release = await place.replacements.take();
    const permit = await this.host.absence();
    try {
      this.#checkFailure();
      const worker = this.#boot(place, 'starting');
      const failure = await this.#bootFailure(place, worker);
      if (failure !== undefined) this.#failure ??= failure;
      // Another may have died while this one booted.
      if (this.#failure !== undefined) this.host.discard(place, worker);
      this.#checkFailure();
      await this.#handOver(place, worker);
    } finally {
      release();
      permit();
    }
  }

  async #handOver(place: WorkerPlace, worker: WorkerHandle): Promise<void> {
    const { pid } = place.current?.identity ?? { pid: 0 };
    if (!(await this.host.handOver(place, worker))) throw (this.#failure ??= this.#failureOf(worker, ''));
    this.#replaced.push(place.workerId);
    this.#tell('serving', worker);
    await this.host.retired(place);
    this.#aloneSince.set(place.workerId, this.host.now());
    // It may have died of what came to it last.
    this.#checkFailure();
    this.onProgress({ step: 'retired', workerId: place.workerId, pid });
  }

  #boot(place: WorkerPlace, step: 'canary' | 'starting'): WorkerHandle {
    if (this.host.stopping) throw new Failure(place.workerId, 0, 'the server is stopping', undefined);
    const worker = this.host.bootSuccessor(place, this.generation);
    this.#tell(step, worker);
    return worker;
  }

  async #bootFailure({ workerId }: WorkerPlace, worker: WorkerHandle): Promise<Failure | undefined> {
    const ready = await worker.reached('ready');
    const { needRestart, invalidSettings } = worker.onDisk;
    for (const each of needRestart) this.#needRestart.add(each);
    // It could serve, by the settings of the running server; the next restart could not.
    if (ready && invalidSettings !== undefined)
      return new Failure(workerId, worker.identity.pid, invalidSettings.message, invalidSettings);
    if (ready) return undefined;
    if (this.host.stopping)
      return new Failure(workerId, worker.identity.pid, 'the server is stopping', undefined);
    return this.#failureOf(worker, '');
  }

  #failureOf(worker: WorkerHandle, prefix: string): Failure {
    const reason = `${prefix}${worker.explain(worker.exit ?? { code: null, signal: null })}`;
    return new Failure(worker.workerId, worker.identity.pid, reason, worker.failure);
  }

  #checkFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #end(outcome: 'done' | 'rolledBack' | 'halted', failure?: Failure): ReloadReport {
    if (failure !== undefined) {
      const { workerId, pid, reason } = failure;
      this.onProgress({ step: 'failed', workerId, pid, text: reason });
    }
    return this.#report(this.host.stopping ? 'stopping' : outcome, failure);
  }

  #report(outcome: ReloadReport['outcome'], failure?: Failure): ReloadReport {
    return {
      outcome,
      generation: this.#accepted ? this.generation : this.generation - 1,
      replaced: [...this.#replaced].sort((a, b) => a - b),
      ...(failure !== undefined && {
        failure: {
          workerId: failure.workerId,
          reason: failure.reason,
          ...(failure.wire !== undefined && { error: failure.wire }),
        },
      }),
      needRestart: [...this.#needRestart],
      duration: Math.round(this.host.now() - this.#began),
    };
  }

  #tell(step: ReloadProgress['step'], worker: WorkerHandle): void {
    this.onProgress(stepOf(step, worker));
  }
}

function stepOf(step: ReloadProgress['step'], { workerId, identity }: WorkerHandle): ReloadProgress {
  return { step, workerId, pid: identity.pid };
}
