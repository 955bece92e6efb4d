import type {
  Cpus,
  Exit,
  Fact,
  LogRecord,
  Message,
  Platform,
  ProcessIdentity,
  SignalName,
  SupervisedState,
} from '@shoal/core/internal/platform/platform';
import { bindGlobals, ProcessGlobals } from './globals/process-globals.js';
import { BlockTraces } from './block-traces.js';
import type { Owner } from './event-queue.js';
import { type Chronicle, VirtualProcess, VirtualThreadLife } from './life.js';
import { Medium, type MediumOptions } from './medium.js';
import { type Prng, Randomness } from './prng.js';
import { Channel, GRAIN, type Scheduler } from './scheduler.js';
import { VirtualClock } from './virtual-clock.js';
import { VirtualFiles } from './virtual-files.js';
import {
  copyByClone,
  copyByJson,
  VirtualChild,
  VirtualLink,
  VirtualThread,
  type LinkMedium,
} from './virtual-link.js';
import { VirtualDatagrams } from './virtual-datagrams.js';
import { VirtualNetwork } from './virtual-network.js';
import { VirtualPipes } from './virtual-pipes.js';
import { VirtualStores } from './virtual-stores.js';
import { virtualPlatform, type Machine } from './virtual-platform.js';
import type { WorldOptions } from './world-options.js';

export type Program = (platform: Platform) => unknown;

/** What the machine tells the world about what happened in it. */
export interface Journal {
  log(pid: number, record: LogRecord): void;
  notified(pid: number, state: SupervisedState, status: string): void;
  observe(pid: number, title: string, fact: Fact): void;
  spawned(pid: number, title: string): void;
  ended(pid: number, title: string, exit: Exit): void;
}

const FIRST_PID = 1_000;
const SIGNALS_IGNORED_BY_DEFAULT: readonly SignalName[] = ['SIGWINCH'];

/** The processes and threads of the virtual machine, and what they share: ports, pipes, directories. */
export class VirtualMachine implements Chronicle, Machine {
  readonly network: VirtualNetwork;
  readonly datagrams: VirtualDatagrams;
  readonly pipes: VirtualPipes;
  readonly files = new VirtualFiles();
  readonly stores: VirtualStores;
  readonly blockTraces = new BlockTraces(() => this.scheduler.time);
  readonly program: string;
  readonly cpus: Cpus;
  readonly outsideSettings: object;
  readonly openFiles: number;
  readonly #processes = new Map<number, VirtualProcess>();
  readonly #randomness: Randomness;
  readonly #spawning: Prng;
  readonly #links: LinkMedium;
  readonly #signals = new Channel();
  #nextPid = FIRST_PID;
  #births = 0;

  constructor(
    private readonly options: Required<WorldOptions>,
    readonly scheduler: Scheduler,
    private readonly journal: Journal,
    private readonly main: Program,
    private readonly threadMain: Program,
  ) {
    this.program = options.program;
    this.outsideSettings = options.outsideSettings;
    this.openFiles = options.openFiles;
    const cpus = `${options.cpus} ${options.cpus === 1 ? 'CPU' : 'CPUs'}`;
    this.cpus = { count: options.cpus, reason: `affinity allows ${cpus}, and there is no cgroup quota` };
    this.#randomness = new Randomness(options.seed);
    this.#spawning = this.#randomness.of('spawning');
    this.#links = { scheduler, random: this.#randomness.of('links') };
    const network = this.#medium('network', options.networkLatency, {
      brokenCode: 'ECONNRESET',
      lossByReset: 0.5,
    });
    const pipes = this.#medium('pipes', options.pipeLatency, { brokenCode: 'EPIPE', lossByReset: 0 });
    this.network = new VirtualNetwork(
      network,
      scheduler,
      this.#randomness.of('accepting'),
      this.files,
      options.reusePort,
    );
    this.network.pass(options.passedSockets);
    this.datagrams = new VirtualDatagrams(
      this.#medium('datagrams', options.networkLatency, { brokenCode: 'ECONNRESET', lossByReset: 0 }),
      scheduler,
      this.#randomness.of('datagrams'),
      options.reusePort,
    );
    this.pipes = new VirtualPipes(pipes, this.files);
    this.stores = new VirtualStores(scheduler, this.#randomness.of('stores'), this.files);
  }

  /** Starts the process that has no spawner. */
  boot(): VirtualProcess {
    const process = this.#bear(undefined, this.program);
    this.#begin(process, this.main, 0);
    return process;
  }

  spawnProcess(
    spawner: VirtualProcess | VirtualThreadLife,
    assignment: Message,
    title: string,
  ): VirtualChild {
    if (!spawner.actor.alive) return new VirtualChild(this.#links, spawner.actor, 0, () => {});
    const process = this.#bear(copyByJson(assignment), title);
    const { pid } = process;
    const child = new VirtualChild(this.#links, spawner.actor, pid, (signal) => {
      if (signal === 'SIGKILL') this.kill(pid);
      else this.signal(pid, signal);
    });
    process.user = this.#processes.get(spawner.pid)?.user ?? process.user;
    process.parentLink = new VirtualLink(this.#links, process.actor, copyByJson, true);
    process.child = child;
    VirtualLink.join(child, process.parentLink);
    spawner.childLinks.add(child);
    this.#begin(process, this.main, this.#delay(...this.options.spawnDelay));
    return child;
  }

  spawnThread(spawner: VirtualProcess | VirtualThreadLife, assignment: Message, name: string): VirtualThread {
    const seen = new VirtualThread(this.#links, spawner.actor);
    const process = this.#processes.get(spawner.pid);
    if (!spawner.actor.alive || process === undefined) return seen;
    const thread = new VirtualThreadLife(this.#birth(copyByClone(assignment), spawner.pid), process, name);
    thread.parentLink = new VirtualLink(this.#links, thread.actor, copyByClone, false);
    thread.seen = seen;
    VirtualLink.join(seen, thread.parentLink);
    spawner.childLinks.add(seen);
    this.#begin(thread, this.threadMain, this.#delay(5, 15));
    return seen;
  }

  identify(pid: number): ProcessIdentity | undefined {
    const process = this.#processes.get(pid);
    return process === undefined ? undefined : { pid, startedAt: process.startedAt };
  }

  isServer(pid: number): boolean {
    return this.#processes.get(pid)?.title.startsWith('shoal ') ?? false;
  }

  killExactly({ pid, startedAt }: ProcessIdentity, signal: 'SIGKILL' | 'SIGTERM'): boolean {
    if (this.#processes.get(pid)?.startedAt !== startedAt) return false;
    if (signal === 'SIGKILL') this.kill(pid);
    else this.signal(pid, signal);
    return true;
  }

  /** Cuts the process off, at once. False when it does not live. */
  kill(pid: number): boolean {
    const process = this.#processes.get(pid);
    process?.endsByKill();
    return process !== undefined;
  }

  /** Sends a signal, which arrives between two turns. False when the process does not live. */
  signal(pid: number, signal: SignalName): boolean {
    const process = this.#processes.get(pid);
    if (process === undefined) return false;
    const { actor } = process;
    const receiver: Owner = {
      get alive() {
        return actor.alive;
      },
      // The default action needs no event loop.
      enter: (event) => {
        if (actor.signalHandler(signal) === undefined) actor.run(event.run);
        else actor.enter(event);
      },
    };
    this.scheduler.after(
      GRAIN,
      receiver,
      () => {
        const handler = actor.signalHandler(signal);
        if (handler !== undefined) handler();
        else if (!SIGNALS_IGNORED_BY_DEFAULT.includes(signal)) process.endsBy({ code: null, signal });
      },
      this.#signals,
    );
    return true;
  }

  /** Blocks the event loop of the main thread for so many virtual ms. False when the process does not live. */
  hang(pid: number, ms: number): boolean {
    const process = this.#processes.get(pid);
    process?.actor.hang(this.scheduler, ms);
    return process !== undefined;
  }

  /** Holds what passes through the pipes of a process and its threads. False when the process does not live. */
  slowPipes(pid: number, ms: number): boolean {
    const process = this.#processes.get(pid);
    if (process === undefined) return false;
    this.pipes.slow(pid, ms, [process.actor, ...[...process.threads].map(({ actor }) => actor)]);
    return true;
  }

  /** Ends what `hang` and `slowPipes` have begun, and disarms deaths inside of writes. */
  heal(): void {
    for (const [pid, { actor }] of this.#processes) {
      if (actor.hung) this.hang(pid, 0);
      this.slowPipes(pid, 0);
      actor.dieInsideWrite(Infinity);
    }
  }

  /** Living processes by pid. */
  get processes(): ReadonlyMap<number, VirtualProcess> {
    return this.#processes;
  }

  setTitle(life: VirtualProcess | VirtualThreadLife, title: string): void {
    if (life instanceof VirtualProcess) life.title = title;
  }

  /** What it starts from here on belongs to that user too. */
  setUser(pid: number, user: string): void {
    const process = this.#processes.get(pid);
    if (process !== undefined) process.user = user;
  }

  log(pid: number, record: LogRecord): void {
    this.journal.log(pid, record);
  }

  notified(pid: number, state: SupervisedState, status: string): void {
    this.journal.notified(pid, state, status);
  }

  observe({ pid, title }: VirtualProcess | VirtualThreadLife, fact: Fact): void {
    this.journal.observe(pid, title, fact);
  }

  endedByError(label: string, pid: number, error: unknown): void {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.journal.log(pid, {
      level: 'error',
      role: 'world',
      message: `${label} ended by an error nobody caught: ${message}`,
    });
  }

  processEnded(process: VirtualProcess): void {
    this.#processes.delete(process.pid);
    this.blockTraces.ended(process);
    this.journal.ended(process.pid, process.title, process.ended!);
  }

  #bear(assignment: Message | undefined, title: string): VirtualProcess {
    const pid = this.#nextPid++;
    const process = new VirtualProcess(this.#birth(assignment, pid), title, `${this.scheduler.time}/${pid}`);
    this.#processes.set(pid, process);
    this.journal.spawned(pid, title);
    return process;
  }

  #birth(assignment: Message | undefined, pid: number): ConstructorParameters<typeof VirtualProcess>[0] {
    const clockOrigin = this.scheduler.time - this.#delay(20, 40);
    return { pid, clockOrigin, timerSalt: this.#spawning.next(), assignment, chronicle: this };
  }

  #begin(life: VirtualProcess | VirtualThreadLife, program: Program, delay: number): void {
    const name = `life ${this.#births++}`;
    if (this.options.globals) {
      const clock = new VirtualClock(this.scheduler, life.actor);
      bindGlobals(life.actor, new ProcessGlobals(clock, this.#randomness.of(`${name}, globals`)));
    }
    const platform = virtualPlatform(this, life, this.#randomness.of(name));
    // A promise that the program returns may reject unhandled; `attribution.ts` sees that.
    this.scheduler.after(delay, life.actor, () => void program(platform));
  }

  #delay(least: number, most: number): number {
    return least + GRAIN * this.#spawning.integer(0, Math.round((most - least) / GRAIN));
  }

  #medium(name: string, latency: number, kind: Pick<MediumOptions, 'brokenCode' | 'lossByReset'>): Medium {
    const { kernelBuffer, fragmentation, coalescing } = this.options;
    const options = { latency, kernelBuffer, fragmentation, coalescing, ...kind };
    return new Medium(options, this.#randomness.of(name), this.scheduler);
  }
}
