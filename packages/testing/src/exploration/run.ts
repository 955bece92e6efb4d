import type { ConfiguredFact } from '@shoal/core/internal/events/facts';
import { Invariants } from '../invariants/invariants.js';
import type { Violation } from '../invariants/violation.js';
import type { SimulatedServer } from '../simulated-server.js';
import type { TraceEvent } from '../trace/trace-event.js';
import type { World } from '../world/world.js';
import type { Fault } from './fault.js';
import { FaultInjector } from './fault-injector.js';
import { Fingerprint } from './fingerprint.js';

export type Scenario = (server: SimulatedServer) => Promise<void>;

/** Starts the server of one run, in a world that was prepared. */
export type Start = (seed: number, prepare: (world: World) => void) => Promise<SimulatedServer>;

/** What was wrong with a run. */
export interface Failure {
  /** The promise that was broken, or which part of the run threw. */
  readonly kind: Violation['rule'] | 'start' | 'scenario' | 'rest' | 'stop';
  readonly message: string;
  readonly error: unknown;
  /** The connection concerned; 0 for none. */
  readonly connection: number;
  /** How many events of the trace had happened when it showed. */
  readonly at: number;
}

export interface Outcome {
  readonly failure: Failure | undefined;
  /** Undefined when the server did not come so far. */
  readonly settings: ConfiguredFact | undefined;
  /** Virtual ms from the start of the server to the end of the scenario. */
  readonly duration: number;
  readonly clients: number;
  readonly trace: readonly TraceEvent[];
  /** Two runs with the same one had the same events in the same order. */
  readonly fingerprint: number;
  /** Faults that took effect. */
  readonly effective: readonly Fault[];
  /** The scenario threw because a fault broke a connection, which says nothing of the server. */
  readonly interrupted: boolean;
}

/** Runs a scenario once, lets things go wrong meanwhile, and checks what the server promises. */
export async function playRun(
  start: Start,
  scenario: Scenario,
  seed: number,
  faults: readonly Fault[],
  kernelBuffer: number,
): Promise<Outcome> {
  return new Run(scenario, faults, kernelBuffer).play(start, seed);
}

/** Real ms that a scenario may take. */
const SCENARIO_PATIENCE_MS = 30_000;

/** Rejects when the promise takes longer than that in real time: nothing else ends one that waits for what never comes. */
async function within(ms: number, promise: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the scenario has not returned within ${ms} ms of real time`)),
      ms,
    );
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

class Run {
  readonly #invariants: Invariants;
  readonly #fingerprint = new Fingerprint();
  #world: World | undefined;
  #injector: FaultInjector | undefined;
  #failure: Failure | undefined;
  #settings: ConfiguredFact | undefined;
  #duration = 0;
  /** The scenario has stopped the server. */
  #stopped = false;
  #interrupted = false;
  /** Length of the trace when the first promise was broken. */
  #brokenAt: number | undefined;

  constructor(
    private readonly scenario: Scenario,
    private readonly faults: readonly Fault[],
    kernelBuffer: number,
  ) {
    this.#invariants = new Invariants(kernelBuffer, () => this.#world?.events ?? 0);
  }

  async play(start: Start, seed: number): Promise<Outcome> {
    let server: SimulatedServer;
    try {
      server = await start(seed, (world) => this.#watch(world));
    } catch (error) {
      this.#fail('start', error);
      return this.#outcome(0);
    }
    try {
      await this.#perform(server);
      if (this.#failure === undefined && !this.#stopped) await this.#rest(server);
      if (this.#failure === undefined) await this.#stop(server);
    } finally {
      server.world.end();
    }
    return this.#outcome(server.clients.length);
  }

  #watch(world: World): void {
    this.#world = world;
    world.watch((fact) => {
      const event = fact as unknown as TraceEvent;
      if (event.kind === 'configured') this.#settings = event;
      this.#fingerprint.add(event);
      this.#invariants.observe(event);
      if (this.#invariants.violations.length > 0) this.#brokenAt ??= world.trace.length;
      this.#injector?.observe(event);
    });
  }

  async #perform(server: SimulatedServer): Promise<void> {
    const began = server.world.time;
    this.#injector = new FaultInjector(server, this.faults);
    try {
      await within(SCENARIO_PATIENCE_MS, this.scenario(server));
    } catch (error) {
      if (this.#explained(server)) this.#interrupted = true;
      else this.#fail('scenario', error);
    }
    this.#duration = server.world.time - began;
    this.#injector.heal();
    this.#stopped = server.stopped;
    this.#checkPromises();
  }

  /** Whether a fault has broken a connection, as it may: then the scenario could not go on. */
  #explained(server: SimulatedServer): boolean {
    const { effective } = this.#injector!;
    const base = this.#invariants.settings.mode === 'base';
    for (const { kind } of effective) {
      if (kind === 'reset' || (base && kind === 'crashWorker')) return true;
    }
    return server.trace.some((event) => event.kind === 'closed' && event.reason === 'poison');
  }

  async #rest(server: SimulatedServer): Promise<void> {
    try {
      await server.until(
        () => !this.#injector!.replaces,
        () => 'the replacements of workers to end',
      );
      await server.workersReady();
      if (!(await this.#settles(server))) return;
      // At once: while statistics are on their way, timers may send.
      this.#invariants.atRest(server.clients, undefined);
      // In base mode the counters of a worker die with it.
      if (this.#invariants.settings.mode === 'process') this.#invariants.atRest([], await server.stats());
    } catch (error) {
      this.#fail('rest', error);
    }
    this.#checkPromises();
  }

  /**
   * False for an application that never rests: its timers send all the time, or a
   * handler waits for something that the scenario does not give. Packets that
   * nobody handles are no such thing, and `atRest` names them.
   */
  async #settles(server: SimulatedServer): Promise<boolean> {
    try {
      await server.settle();
      return true;
    } catch {
      // Where a handler never settles, the other connections rest all the same.
      if (this.#runsForEver(server)) return server.world.quiet;
      return server.outstanding.length > 0;
    }
  }

  #runsForEver(server: SimulatedServer): boolean {
    return server.connections.some(({ running }) => running.length > 0);
  }

  async #stop(server: SimulatedServer): Promise<void> {
    this.#invariants.stopping();
    try {
      await server.stop();
    } catch (error) {
      this.#checkPromises();
      this.#fail('stop', error);
      return;
    }
    this.#invariants.atEnd(server.clients);
    this.#checkPromises();
  }

  #checkPromises(): void {
    const [violation] = this.#invariants.violations;
    if (violation === undefined) return;
    const { rule, message, connection } = violation;
    const cause = this.#failure?.error;
    const at = this.#brokenAt ?? this.#world!.trace.length;
    this.#failure = { kind: rule, message, connection, at, error: cause };
  }

  #fail(kind: Failure['kind'], error: unknown): void {
    if (this.#failure !== undefined) return;
    const message = error instanceof Error ? error.message : String(error);
    const at = this.#world?.trace.length ?? 0;
    this.#failure = { kind, message, connection: 0, at, error };
  }

  #outcome(clients: number): Outcome {
    return {
      failure: this.#failure,
      settings: this.#settings,
      duration: this.#duration,
      clients,
      trace: (this.#world?.trace ?? []) as unknown as readonly TraceEvent[],
      fingerprint: this.#fingerprint.value,
      effective: [...(this.#injector?.effective ?? [])],
      interrupted: this.#interrupted,
    };
  }
}
