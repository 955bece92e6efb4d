import type { ByteStream, Exit, Fact, LogRecord, SignalName } from '@shoal/core/internal/platform/platform';
import { lastLines } from './log-text.js';
import { Pump } from './pump.js';
import { Randomness } from './prng.js';
import { Scheduler } from './scheduler.js';
import { type Journal, type Program, VirtualMachine } from './virtual-machine.js';
import { complete, type WorldOptions } from './world-options.js';

/** A log line of the simulation: what was written, by which process, when. */
export interface WorldLog extends LogRecord {
  readonly pid: number;
  /** Virtual ms since the world began. */
  readonly time: number;
}

/** An observed fact, with the process and the virtual ms. */
export interface TracedFact extends Fact {
  readonly pid: number;
  readonly time: number;
}

/** What nobody has closed, removed or ended. */
export interface Leftovers {
  /** `1001 worker 0`. */
  readonly processes: readonly string[];
  readonly ports: readonly number[];
  readonly pipes: readonly string[];
  readonly directories: readonly string[];
}

/**
 * A simulated machine, deterministic from its seed, for any number of virtual
 * processes in one JavaScript realm. It runs only while a test waits for
 * something in it (`until`, `advance`), and holds nothing real open.
 *
 * A program runs once per process and may live on without end: a virtual
 * process ends by `exit`, by a signal or by an error, never for want of work.
 */
export class World implements Journal {
  readonly logs: WorldLog[] = [];
  readonly trace: TracedFact[] = [];
  /** How processes ended, by pid. */
  readonly exits = new Map<number, Exit>();
  readonly seed: number;
  readonly #options: Required<WorldOptions>;
  readonly #scheduler: Scheduler;
  readonly #pump: Pump;
  #machine: VirtualMachine | undefined;

  constructor(options: WorldOptions = {}) {
    this.#options = complete(options);
    this.seed = this.#options.seed;
    this.#scheduler = new Scheduler(new Randomness(this.seed).of('order'));
    this.#pump = new Pump(this.#scheduler, this.#options.maxEventsPerWait);
  }

  /** Starts the first process and gives its pid. Every process runs `main`, every thread `threadMain`. */
  start(main: Program, threadMain: Program = main): number {
    if (this.#machine !== undefined) throw new Error('a world is started once');
    this.#machine = new VirtualMachine(this.#options, this.#scheduler, this, main, threadMain);
    return this.#machine.boot().pid;
  }

  /** Virtual ms since the world began. */
  get time(): number {
    return this.#scheduler.time;
  }

  /** Events that have happened since the world began. */
  get events(): number {
    return this.#pump.events;
  }

  /** Pids of the living processes, oldest first. */
  get pids(): readonly number[] {
    return [...this.#running.processes.keys()];
  }

  /** Runs the world until the fact is true; rejects after `patience` virtual ms, or when nothing is left to happen. */
  until(fact: () => boolean, expectation: () => string, patience = 30_000): Promise<void> {
    return this.#pump.wait({
      satisfied: fact,
      patience,
      failure: (reason) => new Error(this.#explain(expectation(), reason, patience)),
    });
  }

  /** Runs the world for so many virtual ms. */
  advance(ms: number): Promise<void> {
    return this.#pump.wait({ satisfied: () => false, patience: ms });
  }

  /** Connects a client from outside of all processes; the callback runs in the world. */
  connect(
    options: { host?: string; port: number; from?: string },
    connected: (outcome: ByteStream | Error) => void,
  ): void {
    const { host = '127.0.0.1', port, from = '127.0.0.1' } = options;
    this.#running.network.connect({ host, port, from }, connected);
  }

  /** Cuts a process off, at once. False when it does not live. */
  kill(pid: number): boolean {
    return this.#running.kill(pid);
  }

  /**
   * Arms a kill in the middle of a write: the `writes`-th of the process's main
   * thread from now leaves only a first part of its bytes, and the process is dead.
   */
  killInsideWrite(pid: number, writes = 1): void {
    this.#running.processes.get(pid)?.actor.dieInsideWrite(writes);
  }

  /** Sends a signal. False when the process does not live. */
  signal(pid: number, name: SignalName): boolean {
    return this.#running.signal(pid, name);
  }

  leftovers(): Leftovers {
    const { processes, network, pipes, files } = this.#running;
    return {
      processes: [...processes.values()].map((process) => `${process.pid} ${process.title}`),
      ports: network.ports,
      pipes: pipes.paths,
      directories: files.directories,
    };
  }

  /** Ends every process and forgets every event. */
  end(): void {
    for (const pid of this.#machine === undefined ? [] : this.pids) this.kill(pid);
    this.#scheduler.clear();
  }

  log(pid: number, record: LogRecord): void {
    this.logs.push({ time: this.time, pid, ...record });
  }

  observe(pid: number, fact: Fact): void {
    this.trace.push({ time: this.time, pid, ...fact });
  }

  ended(pid: number, exit: Exit): void {
    this.exits.set(pid, exit);
  }

  get #running(): VirtualMachine {
    if (this.#machine === undefined) throw new Error('the world has not been started');
    return this.#machine;
  }

  #explain(expectation: string, reason: 'deadline' | 'idle' | 'livelock', patience: number): string {
    const why = {
      deadline: `not within ${patience} virtual ms`,
      idle: 'and nothing is left to happen in the world',
      livelock: `not within ${this.#options.maxEventsPerWait} events: the processes go round in circles`,
    };
    return `expected ${expectation}, ${why[reason]} (seed ${this.seed}, virtual time ${this.time} ms); ${lastLines(this.logs)}`;
  }
}
