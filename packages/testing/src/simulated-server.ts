import type { ServerStats } from '@shoal/core/internal/pipe/server-stats';
import type { RunningServer } from '@shoal/core/internal/kernel/running-server';
import { ExitCode, toWire } from '@shoal/core/internal/errors';
import type { FromWorker } from '@shoal/core/internal/pipe/notes';
import type { ReloadReport, ServerStatus } from '@shoal/core/internal/pipe/questions';
import type { Platform } from '@shoal/core/internal/platform/platform';
import type { AppClass } from './application.js';
import {
  findListener,
  findWorker,
  findWorkerToHang,
  unready,
  type ClientTlsOptions,
  type ConnectionOptions,
  type DatagramClientOptions,
  type TestClient,
  type TestDatagramClient,
  type TestLog,
  type TestServer,
  type Waiting,
} from './harness.js';
import { proxiedFrom, proxyHeader } from './proxy-header.js';
import { defaultAddress, reachable, ScriptedDatagramClient } from './datagram-client.js';
import { ScriptedClient } from './scripted-client.js';
import { Picture, type ConnectionView, type PacketView, type TimerView } from './trace/picture.js';
import type { ClientFact, DatagramClientFact, TraceEvent } from './trace/trace-event.js';
import { lastEvents } from './trace/trace-text.js';
import { lastLines } from './world/log-text.js';
import type { SecuredClient } from './world/tls/tls-client.js';
import { type Leftovers, type LinkedStream, World } from './world/world.js';
import type { WorldOptions } from './world/world-options.js';

/** What the processes and threads of a server run; `main` resolves in the master alone. */
export interface SimulatedProgram {
  main(platform: Platform): Promise<RunningServer>;
  /** Gives the processes that are started from now on another application. */
  deploy?(App: AppClass | URL): Promise<void>;
  threadMain(platform: Platform): unknown;
}

const START_PATIENCE = 120_000;
const STOP_PATIENCE = 300_000;
/** Virtual ms that processes have to be gone after their master. */
const LEAVE_PATIENCE = 1_000;

/** Starts a server in a world of its own, `prepare`d before anything happens; resolves when its master says that it runs. */
export async function startSimulated(
  program: SimulatedProgram,
  options: WorldOptions,
  prepare: (world: World) => void = () => {},
): Promise<SimulatedServer> {
  const world = new World(options);
  prepare(world);
  let outcome: { running: RunningServer } | { error: unknown } | undefined;
  const masterPid = world.start(async (platform) => {
    if (platform.self.assignment !== undefined) return playStarted(program, platform);
    try {
      outcome = { running: await program.main(platform) };
    } catch (error) {
      outcome = { error };
    }
  }, program.threadMain);
  const began = async (pid: number): Promise<RunningServer> => {
    const settled = (): boolean => outcome !== undefined || world.exits.has(pid);
    await world.until(settled, () => 'the server to start', START_PATIENCE);
    if (outcome !== undefined && 'running' in outcome) return outcome.running;
    if (outcome !== undefined) throw outcome.error;
    throw new Error(
      `the server left with ${exitText(world, pid)} before it was ready\n${lastLines(world.logs)}`,
    );
  };
  const again = async (): Promise<{ running: RunningServer; masterPid: number }> => {
    outcome = undefined;
    const pid = world.restart();
    return { running: await began(pid), masterPid: pid };
  };
  try {
    return new SimulatedServer(world, await began(masterPid), masterPid, program, again);
  } catch (error) {
    world.end();
    throw error;
  }
}

/** A program that cannot be loaded says so, as a real process does before the kernel is there. */
async function playStarted(program: SimulatedProgram, platform: Platform): Promise<unknown> {
  try {
    return await program.main(platform);
  } catch (error) {
    const note: FromWorker = { type: 'bootFailed', error: toWire(error) };
    platform.self.parent?.send(note);
    platform.self.exit(ExitCode.bootFailed);
    return undefined;
  }
}

/** A server in a simulated world. Tests that need more than the harness find it in `world`. */
export class SimulatedServer implements TestServer, Waiting {
  readonly #clients: ScriptedClient[] = [];
  #datagramClients = 0;
  readonly #picture: Picture;
  #stopped: Promise<{ exitCode: number }> | undefined;

  #running: RunningServer;
  #masterPid: number;

  constructor(
    readonly world: World,
    running: RunningServer,
    masterPid: number,
    private readonly program: SimulatedProgram,
    private readonly again: () => Promise<{ running: RunningServer; masterPid: number }>,
  ) {
    this.#running = running;
    this.#masterPid = masterPid;
    this.#picture = new Picture(this.trace);
    world.onForget = (count) => this.#picture.catchUp().forgotten(count);
  }

  get running(): RunningServer {
    return this.#running;
  }

  /**
   * Ends the server, in order or every process of it at once, and starts it again:
   * what is in files and stores is still there. Clients have to connect anew.
   */
  async restart(end: 'stop' | 'kill' = 'stop'): Promise<void> {
    const { world } = this;
    const masterPid = this.#masterPid;
    for (const client of this.#clients) client.endWithServer();
    if (end === 'stop') world.signal(masterPid, 'SIGTERM');
    else for (const pid of world.pids) world.kill(pid);
    await world.until(
      () => world.pids.length === 0,
      () => 'every process of the server to end',
      STOP_PATIENCE,
    );
    const { running, masterPid: next } = await this.again();
    this.#running = running;
    this.#masterPid = next;
  }

  /** Whether somebody has asked it to stop. */
  get stopped(): boolean {
    return this.#stopped !== undefined || this.world.exits.has(this.#masterPid);
  }

  /** Clients in the order in which they connected. */
  get clients(): readonly ScriptedClient[] {
    return this.#clients;
  }

  get trace(): readonly TraceEvent[] {
    // What a kernel observes, and what the harness notes itself, is nothing else.
    return this.world.trace as unknown as readonly TraceEvent[];
  }

  get connections(): readonly ConnectionView[] {
    return this.#picture.catchUp().connections;
  }

  get outstanding(): readonly PacketView[] {
    return this.#picture.catchUp().outstanding;
  }

  get timers(): readonly TimerView[] {
    return this.#picture.catchUp().timers;
  }

  async settle(): Promise<void> {
    await this.until(
      () => this.world.quiet && this.#picture.catchUp().unfinished === undefined,
      () =>
        `the server to settle (${this.#picture.unfinished ?? 'bytes are on their way'}; a handler that waits for a timer of Node needs globals: true)`,
    );
  }

  /** Ends what faults have done to links and processes and what has not ended by itself. */
  heal(): void {
    for (const client of this.#clients) client.heal();
    this.world.heal();
  }

  async until(fact: () => boolean, expectation: () => string): Promise<void> {
    try {
      await this.world.until(fact, expectation);
    } catch (error) {
      if (error instanceof Error) error.message += `\n${lastEvents(this.trace)}`;
      throw error;
    }
  }

  async connect({ listener, tls, proxy, ...options }: ConnectionOptions = {}): Promise<TestClient> {
    if (this.#stopped !== undefined) throw new Error('the server has been stopped: nobody can connect');
    const { address, port } = findListener(this.running, listener);
    const stream = await this.#settle<LinkedStream>('a connection', (resolve, reject) => {
      const place = address.startsWith('/')
        ? { ...(options.link && { link: options.link }), path: address }
        : { ...options, host: address, port };
      this.world.connect(place, (outcome) => {
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      });
    });
    if (proxy !== undefined) stream.write(proxyHeader(proxy, stream.remote));
    const secured = tls === undefined ? undefined : await this.#secure(stream, tls);
    const id = this.#clients.length;
    const note = (fact: ClientFact): void => this.world.note(`client ${id}`, fact);
    note({ kind: 'connects', client: id, ...(proxy === undefined ? stream.local : proxiedFrom(proxy)) });
    const client = new ScriptedClient(id, secured?.stream ?? stream, this, note, secured?.tls);
    this.#clients.push(client);
    return client;
  }

  #secure(stream: LinkedStream, options: ClientTlsOptions): Promise<SecuredClient> {
    return this.#settle('a handshake', (resolve, reject) => {
      this.world.secure(stream, options, (outcome) => {
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      });
    });
  }

  async datagramClient(options: DatagramClientOptions = {}): Promise<TestDatagramClient> {
    const { listener, link = {} } = options;
    const place = findListener(this.running, listener);
    const { from = defaultAddress(place) } = options;
    const peer = this.world.datagramClient(from, link);
    const id = this.#datagramClients++;
    const note = (fact: DatagramClientFact): void => this.world.note(`datagram client ${id}`, fact);
    const lossy = (link.loss ?? 0) > 0;
    const duplicates = (link.duplication ?? 0) > 0;
    note({ kind: 'datagramClient', client: id, ...peer.local, lossy, duplicates });
    return new ScriptedDatagramClient(id, peer, reachable(place, from), this, note);
  }

  advance(ms: number): Promise<void> {
    return this.world.advance(ms);
  }

  async crashWorker(workerId: number): Promise<void> {
    const { pid } = findWorker(this.running, workerId);
    if (!this.world.kill(pid)) throw workerIsDead(workerId, pid);
  }

  async hangWorker(workerId: number, ms = Infinity): Promise<void> {
    const { pid } = findWorkerToHang(this.running, workerId, ms);
    if (!this.world.hang(pid, ms)) throw workerIsDead(workerId, pid);
  }

  async crashManager(): Promise<void> {
    const { managerPid } = this.running;
    if (!this.world.kill(managerPid)) throw new Error(`manager ${managerPid} is not alive`);
  }

  reload(options: { readonly only?: 'task' } = {}): Promise<ReloadReport> {
    return this.#settle('the end of the reload', (resolve, reject) => {
      void this.running.reload(options).then(resolve, reject);
    });
  }

  stopWorker(workerId: number): Promise<void> {
    return this.#settle(`another worker ${workerId}`, (resolve, reject) => {
      void this.running.stop(workerId).then(resolve, reject);
    });
  }

  async deploy(App: AppClass | URL): Promise<void> {
    if (this.program.deploy === undefined) throw new Error('this server is made of no application');
    await this.program.deploy(App);
  }

  /** Lets a worker have so many bytes of resident memory. */
  useMemory(workerId: number, bytes: number): void {
    const { pid } = findWorker(this.running, workerId);
    if (!this.world.useMemory(pid, bytes)) throw workerIsDead(workerId, pid);
  }

  status(): Promise<ServerStatus> {
    return this.#settle('the status', (resolve, reject) => void this.running.status().then(resolve, reject));
  }

  async workersReady(): Promise<void> {
    const reason = (): string | undefined => unready(this.running, (pid) => this.world.pids.includes(pid));
    await this.until(
      () => reason() === undefined,
      () => `all workers to be ready (${reason()})`,
    );
  }

  stats(): Promise<ServerStats> {
    return this.#settle(
      'the statistics',
      (resolve, reject) => void this.running.stats().then(resolve, reject),
    );
  }

  logs(): readonly TestLog[] {
    return this.world.logs;
  }

  async exited(): Promise<{ exitCode: number }> {
    await this.until(
      () => this.world.exits.has(this.#masterPid),
      () => 'the server to leave',
    );
    return { exitCode: this.#exitCode() };
  }

  stop(): Promise<{ exitCode: number }> {
    return (this.#stopped ??= this.#stop());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<{ exitCode: number }> {
    const { world } = this;
    const masterPid = this.#masterPid;
    try {
      for (const client of this.#clients) client.endWithServer();
      const asked = world.signal(masterPid, 'SIGTERM');
      await world.until(
        () => world.exits.has(masterPid),
        () => 'the server to stop',
        STOP_PATIENCE,
      );
      const exitCode = this.#exitCode();
      if (asked && exitCode !== 0)
        throw new Error(`the server stopped with ${exitCode} (seed ${world.seed})\n${lastLines(world.logs)}`);
      await world.until(
        () => isEmpty(world.leftovers()),
        () => `the server to leave nothing behind, but there is ${JSON.stringify(world.leftovers())}`,
        LEAVE_PATIENCE,
      );
      return { exitCode };
    } finally {
      world.end();
    }
  }

  #exitCode(): number {
    const exit = this.world.exits.get(this.#masterPid);
    if (exit?.code != null) return exit.code;
    throw new Error(`the master ended by ${exitText(this.world, this.#masterPid)} (seed ${this.world.seed})`);
  }

  /** Runs the world until a promise of a virtual process settles; it may never do so, when that process dies. */
  async #settle<T>(
    what: string,
    begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T> {
    let outcome: { value: T } | { error: unknown } | undefined;
    begin(
      (value) => (outcome = { value }),
      (error) => (outcome = { error }),
    );
    await this.until(
      () => outcome !== undefined,
      () => what,
    );
    if (outcome !== undefined && 'value' in outcome) return outcome.value;
    throw outcome?.error;
  }
}

function isEmpty({ processes, ports, pipes, directories }: Leftovers): boolean {
  return processes.length + ports.length + pipes.length + directories.length === 0;
}

function workerIsDead(workerId: number, pid: number): Error {
  return new Error(`worker ${workerId} is not alive: there is no process ${pid}`);
}

function exitText(world: World, pid: number): string {
  const exit = world.exits.get(pid);
  return exit?.signal ?? `exit code ${exit?.code}`;
}
