import type { Definition } from '@shoal/core/internal/definition';
import type { AppClass } from './application.js';
import { checkFaults } from './exploration/check-faults.js';
import { ExplorationError } from './exploration/exploration-error.js';
import type { Fault } from './exploration/fault.js';
import { drawFaults, type FaultOptions, type Stage } from './exploration/fault-plan.js';
import { playRun, type Outcome, type Scenario, type Start } from './exploration/run.js';
import { shrink } from './exploration/shrink.js';
import { simulateIn, type SimulateOptions } from './simulate.js';
import type { TraceEvent } from './trace/trace-event.js';
import { describeEvent } from './trace/trace-text.js';
import { Prng } from './world/prng.js';
import { checkNames } from './option-names.js';
import { complete, worldOptionNames } from './world/world-options.js';

export interface ExploreOptions extends Omit<SimulateOptions, 'seed' | 'faults'> {
  /** How many runs with faults, from 1. Default 100. One without faults goes before them. */
  readonly runs?: number;
  /** Seeds of the runs are drawn from it. Default 1. */
  readonly seed?: number;
  /** What goes wrong, and how often at most; `false` for nothing but other interleavings. */
  readonly faults?: FaultOptions | false;
  /** Plays this one run and no other: what a failed exploration prints. */
  readonly replay?: Replay;
}

/** One run of an exploration. */
export interface Replay {
  readonly seed: number;
  readonly faults: readonly Fault[];
}

/** What an exploration has covered. */
export interface ExploreReport {
  /** Runs with faults; one when `SEED` replays it. */
  readonly runs: number;
  readonly seed: number;
  /** Runs whose events came in an order that no other run had; the one without faults counts too. */
  readonly interleavings: number;
  /** How often each kind of fault took effect. */
  readonly faults: Readonly<Record<string, number>>;
  /** Scenarios that a fault ended early, because it broke a connection. */
  readonly interrupted: number;
}

/** Runs that shrinking may take. */
const SHRINK_BUDGET = 400;
const LARGEST_SEED = 2 ** 31 - 1;

/**
 * Runs a scenario many times in simulated worlds, each with another seed and
 * with faults drawn from it, and checks after every run that the server has kept
 * its promises: nothing accepted is lost, order, exactly-once close, whole bytes,
 * bounds. The scenario's own expectations count as well.
 *
 * The first failure ends it. It is replayed, reduced to the faults that matter,
 * and thrown as `ExplorationError` with its seed. With the environment variable
 * `SEED` every exploration of the process replays that one run and nothing else, so choose
 * the test with it; when it does not fail there,
 * a line on standard error says so.
 *
 * The scenario may not keep state from one run to the next.
 */
export async function explore(
  target: AppClass | Definition,
  scenario: Scenario,
  options: ExploreOptions = {},
): Promise<ExploreReport> {
  checkNames('explore', options, [
    'runs',
    'seed',
    'faults',
    'replay',
    'settings',
    'override',
    ...worldOptionNames,
  ]);
  const { runs = 100, seed = 1, faults = {}, replay, ...world } = options;
  checkWhole('runs', runs, 1);
  checkWhole('seed', seed, 0);
  const start: Start = (runSeed, prepare) => simulateIn(target, { ...world, seed: runSeed }, prepare);
  const { kernelBuffer } = complete(world);
  const play = (runSeed: number, planned: readonly Fault[]): Promise<Outcome> =>
    playRun(start, scenario, runSeed, planned, kernelBuffer);
  const only = seedToReplay();
  return new Exploration(target.name, runs, seed, faults, play).explore(only, replay);
}

class Exploration {
  readonly #fingerprints = new Set<number>();
  readonly #faults: Record<string, number> = {};
  #interrupted = 0;

  constructor(
    private readonly app: string,
    private readonly runs: number,
    private readonly seed: number,
    private readonly faults: FaultOptions | false,
    private readonly play: (seed: number, faults: readonly Fault[]) => Promise<Outcome>,
  ) {}

  async explore(only: number | undefined, replay: Replay | undefined): Promise<ExploreReport> {
    // Seed 0 is the run without faults: it shows how long the scenario is and how many clients it has.
    const first = await this.#run(0, 0, []);
    const stage = stageOf(first);
    await this.#checkRepeats(first);
    if (replay !== undefined) await this.#run(1, replay.seed, this.#checked(replay.faults, stage));
    else if (only !== undefined) await this.#replay(only, stage);
    else for (let run = 1; run <= this.runs; run++) await this.#runDrawn(run, this.#seedOf(run), stage);
    const { seed } = this;
    const runs = only === undefined && replay === undefined ? this.runs : 1;
    const interleavings = this.#fingerprints.size;
    return { runs, seed, interleavings, faults: this.#faults, interrupted: this.#interrupted };
  }

  #checked(faults: readonly Fault[], { workerNum, taskWorkerNum }: Stage): readonly Fault[] {
    checkFaults(
      faults,
      Array.from({ length: workerNum + taskWorkerNum }, (_, workerId) => ({ workerId })),
    );
    return faults;
  }

  /** A run that goes another way the second time would make every seed worthless. */
  async #checkRepeats(first: Outcome): Promise<void> {
    const again = await this.play(0, []);
    const at = first.trace.findIndex((event, index) => {
      return JSON.stringify(event) !== JSON.stringify(again.trace[index]);
    });
    if (at < 0 && again.trace.length === first.trace.length) return;
    const difference = at < 0 ? first.trace.length : at;
    const show = (event: TraceEvent | undefined): string =>
      event === undefined ? 'nothing' : describeEvent(event);
    throw new Error(
      `${this.app}: the same run went another way the second time, so no seed would replay. Something outside of the simulation plays a part: real time or randomness, or a variable that outlives a run.\n  first: ${show(first.trace[difference])}\n  then:  ${show(again.trace[difference])}`,
    );
  }

  async #runDrawn(run: number, seed: number, stage: Stage): Promise<void> {
    await this.#run(run, seed, this.faults === false ? [] : drawFaults(seed, this.faults, stage));
  }

  async #run(run: number, seed: number, planned: readonly Fault[]): Promise<Outcome> {
    const outcome = await this.play(seed, planned);
    this.#fingerprints.add(outcome.fingerprint);
    for (const { kind } of outcome.effective) this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
    if (outcome.interrupted) this.#interrupted++;
    if (outcome.failure !== undefined) throw await this.#explain(run, seed, planned, outcome);
    return outcome;
  }

  async #replay(seed: number, stage: Stage): Promise<void> {
    if (seed !== 0) await this.#runDrawn(1, seed, stage);
    console.error(
      `${this.app}: the run of SEED=${seed} does not fail here. Either what failed is mended, or it depends on something outside of the simulation.`,
    );
  }

  #seedOf(run: number): number {
    return new Prng(`${this.seed}/run ${run}`).integer(1, LARGEST_SEED);
  }

  /** Plays the run again, leaves out the faults that do not matter, and makes the error. */
  async #explain(
    run: number,
    seed: number,
    faults: readonly Fault[],
    outcome: Outcome,
  ): Promise<ExplorationError> {
    const failure = outcome.failure!;
    const common = { app: this.app, run, runs: this.runs, seed, faults };
    let tries = 0;
    let best = { ...outcome, failure };
    const fails = async (subset: readonly Fault[]): Promise<boolean> => {
      tries++;
      const again = await this.play(seed, subset);
      if (again.failure?.kind !== failure.kind) return false;
      best = { ...again, failure: again.failure };
      return true;
    };
    if (!(await fails(faults))) {
      const doubt =
        'it did not fail when it was run again in this process: something outlives a run, such as a variable of a module, or real time or randomness plays a part';
      return new ExplorationError({
        ...common,
        shrunk: faults,
        tries,
        outcome: { ...outcome, failure },
        doubt,
      });
    }
    const effective = faults.filter((fault) => outcome.effective.includes(fault));
    const from = effective.length < faults.length && (await fails(effective)) ? effective : faults;
    const shrunk = await shrink(from, fails, SHRINK_BUDGET);
    return new ExplorationError({ ...common, shrunk, tries, outcome: best, doubt: undefined });
  }
}

function stageOf({ duration, clients, settings }: Outcome): Stage {
  if (settings === undefined) throw new Error('the server has not told its settings');
  const { workerNum, taskWorkerNum, mode } = settings;
  const replacesWorkers = mode === 'process' || workerNum + taskWorkerNum > 1;
  const managerMayDie = mode === 'process';
  return { duration, clients, workerNum, taskWorkerNum, managerMayDie, replacesWorkers };
}

function seedToReplay(): number | undefined {
  const text = process.env['SEED'];
  if (text === undefined || text === '') return undefined;
  const seed = Number(text);
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new Error(
    `SEED is ${JSON.stringify(text)}, and has to be a whole number from 0, as explore prints it`,
  );
}

function checkWhole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new Error(`${name} of explore is ${value}, and has to be a whole number from ${least}`);
}
