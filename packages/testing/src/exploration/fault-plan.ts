import { Prng } from '../world/prng.js';
import type { CrashMoment, Fault, WriteCause } from './fault.js';

/**
 * How much goes wrong in one run: the most faults of each kind. Each run draws
 * how many there are, when, and where; some runs have none of a kind at all.
 */
export interface FaultOptions {
  /**
   * Crashes of each event worker. Default 2: a third in a row may make a packet
   * poison, which is then refused and its connection closed, as it has to be.
   */
  readonly crashes?: number;
  /**
   * Crashes of task workers, all together. Default 1: a second one may hit the
   * same task, which then fails with `taskRetries` 1, as it has to.
   */
  readonly taskCrashes?: number;
  /** Crashes of the manager, in process mode. Default 1. */
  readonly managerCrashes?: number;
  /** Reloads of all workers. Default 1. */
  readonly reloads?: number;
  /** Workers that are replaced while they live. Default 2. */
  readonly stops?: number;
  /** Times that a worker's event loop is blocked, for 1 to 100 ms. Default 2. */
  readonly hangs?: number;
  /** Times that what goes to and from a worker takes up to 20 ms longer. Default 2. */
  readonly slowPipes?: number;
  /** Times that nothing passes between a client and the server for up to 200 ms. Default 3. */
  readonly stalls?: number;
  /** Clients whose link becomes slow, or yields a few bytes at a time. Default 3. */
  readonly shapes?: number;
  /** Connections that break. Default 0, because a client notices, and few scenarios are ready for it. */
  readonly resets?: number;
}

/** What a run without faults has shown of the scenario. */
export interface Stage {
  /** Virtual ms that the scenario took. */
  readonly duration: number;
  readonly clients: number;
  readonly workerNum: number;
  readonly taskWorkerNum: number;
  /** In base mode the manager is the first process, and the server ends with it. */
  readonly managerMayDie: boolean;
  /** Not so in a server of one process. */
  readonly replacesWorkers: boolean;
}

/** Deaths inside of writes are the hardest on the pipe, so they come twice as often as each other kind. */
const MOMENTS: readonly CrashMoment[] = ['now', 'started', 'sent', 'settled', 'write', 'write'];
const CAUSES: readonly (WriteCause | undefined)[] = [undefined, 'sent', 'settled', 'ended'];
/** With tasks there are more moments, in workers that post them and in those that do them. */
const TASK_MOMENTS: readonly CrashMoment[] = [...MOMENTS, 'posted', 'answered'];
const TASK_CAUSES: readonly (WriteCause | undefined)[] = [...CAUSES, 'posted', 'answered'];
const SHORTEST_STAGE_MS = 5;

const DEFAULTS: Required<FaultOptions> = {
  crashes: 2,
  taskCrashes: 1,
  managerCrashes: 1,
  reloads: 1,
  stops: 2,
  hangs: 2,
  slowPipes: 2,
  stalls: 3,
  shapes: 3,
  resets: 0,
};

/** The faults of the run with that seed, by time. The same arguments give the same faults. */
export function drawFaults(seed: number, options: FaultOptions, stage: Stage): readonly Fault[] {
  const limits = { ...DEFAULTS, ...options };
  for (const [name, limit] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULTS, name))
      throw new Error(`there are no faults '${name}'; there are ${Object.keys(DEFAULTS).join(', ')}`);
    if (!Number.isSafeInteger(limit) || limit < 0)
      throw new Error(`faults.${name} is ${limit}, and has to be a whole number from 0`);
  }
  return new FaultDraw(new Prng(`${seed}/faults`), limits, stage).all();
}

class FaultDraw {
  readonly #duration: number;

  constructor(
    private readonly random: Prng,
    private readonly limits: Required<FaultOptions>,
    private readonly stage: Stage,
  ) {
    this.#duration = Math.max(SHORTEST_STAGE_MS, stage.duration);
  }

  all(): readonly Fault[] {
    const { crashes, taskCrashes, managerCrashes, reloads, stops, hangs, slowPipes, stalls, shapes, resets } =
      this.limits;
    const faults: Fault[] = [];
    for (let workerId = 0; workerId < this.stage.workerNum; workerId++)
      faults.push(...this.#some(crashes, () => this.#crash(workerId)));
    if (this.stage.taskWorkerNum > 0)
      faults.push(...this.#some(taskCrashes, () => this.#crash(this.#taskWorker())));
    faults.push(
      ...this.#some(
        this.stage.managerMayDie ? managerCrashes : 0,
        () => ({ kind: 'crashManager', at: this.#moment() }) as const,
      ),
      ...this.#some(
        this.stage.replacesWorkers ? reloads : 0,
        () => ({ kind: 'reload', at: this.#moment() }) as const,
      ),
      ...this.#some(
        this.stage.replacesWorkers ? stops : 0,
        () => ({ kind: 'stopWorker', at: this.#moment(), workerId: this.#worker() }) as const,
      ),
      ...this.#some(hangs, () => this.#hang()),
      ...this.#some(slowPipes, () => this.#slowPipes()),
    );
    if (this.stage.clients > 0)
      faults.push(
        ...this.#some(stalls, () => this.#stall()),
        ...this.#some(shapes, () => this.#shape()),
        ...this.#some(resets, () => ({ kind: 'reset', at: this.#moment(), client: this.#client() }) as const),
      );
    return faults.sort((a, b) => a.at - b.at);
  }

  /** None in half of the runs, so that the other kinds show what they do alone. */
  #some(most: number, make: () => Fault): Fault[] {
    if (most === 0 || this.random.chance(0.5)) return [];
    return Array.from({ length: this.random.integer(1, most) }, make);
  }

  #crash(workerId: number): Fault {
    const crash = { kind: 'crashWorker', at: this.#moment(), workerId } as const;
    const withTasks = this.stage.taskWorkerNum > 0;
    const when = this.random.pick(withTasks ? TASK_MOMENTS : MOMENTS)!;
    const causes = withTasks ? TASK_CAUSES : CAUSES;
    const after = when === 'write' ? this.random.pick(causes) : undefined;
    return { ...crash, when, ...(after !== undefined && { after }) };
  }

  #hang(): Fault {
    return {
      kind: 'hangWorker',
      at: this.#moment(),
      workerId: this.#worker(),
      ms: this.random.integer(1, 100),
    };
  }

  #slowPipes(): Fault {
    return {
      kind: 'slowPipes',
      at: this.#moment(),
      workerId: this.#worker(),
      ms: this.random.integer(1, 20),
    };
  }

  #stall(): Fault {
    return { kind: 'stall', at: this.#moment(), client: this.#client(), ms: this.random.integer(1, 200) };
  }

  #shape(): Fault {
    const link = this.random.chance(0.5)
      ? { fragment: this.random.integer(1, 8) }
      : { latency: this.random.integer(2, 50) };
    return { kind: 'shape', at: this.#moment(), client: this.#client(), link };
  }

  #worker(): number {
    return this.random.integer(0, this.stage.workerNum + this.stage.taskWorkerNum - 1);
  }

  #taskWorker(): number {
    return this.stage.workerNum + this.random.integer(0, this.stage.taskWorkerNum - 1);
  }

  #client(): number {
    return this.random.integer(0, this.stage.clients - 1);
  }

  /** In sixteenths of a ms, the grain of virtual time. */
  #moment(): number {
    return this.random.integer(0, Math.round(this.#duration * 16)) / 16;
  }
}
