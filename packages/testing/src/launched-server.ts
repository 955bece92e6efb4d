import { readdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerStats } from '@shoal/core/internal/pipe/server-stats';
import type { ReloadReport, ServerStatus } from '@shoal/core/internal/pipe/questions';
import { identify } from '@shoal/core/internal/platform/node/process-identity';
import type { ProcessIdentity } from '@shoal/core/internal/platform/platform';
import {
  findListener,
  findWorker,
  findWorkerToHang,
  unready,
  type ConnectionOptions,
  type DatagramClientOptions,
  type RunningInfo,
  type TestClient,
  type TestDatagramClient,
  type TestLog,
  type TestServer,
} from './harness.js';
import type { LaunchedMaster } from './launched-master.js';
import type { LaunchedTrace } from './trace/launched-trace.js';
import { Picture, type ConnectionView, type PacketView, type TimerView } from './trace/picture.js';
import type { ClientFact, DatagramClientFact, TraceEvent } from './trace/trace-event.js';
import { moduleOf } from '@shoal/decorators';
import type { AppClass } from './application.js';
import { findExport } from './find-export.js';
import { PausedProcesses, standsStill } from './paused-processes.js';
import { linkIsReal, RealStream } from './real-stream.js';
import { REAL_PATIENCE } from './real-waiting.js';
import { proxiedFrom } from './proxy-header.js';
import { defaultAddress, reachable, ScriptedDatagramClient } from './datagram-client.js';
import { datagramLinkIsReal, RealDatagrams } from './real-datagrams.js';
import { ScriptedClient } from './scripted-client.js';

const STOP_PATIENCE = 15_000;
/** As long as the start has: replacements boot as the first processes do, all of them at once after the loss of a manager. */
const READY_PATIENCE = 15_000;
const RELOAD_PATIENCE = 60_000;
/** Nothing new in so many ms counts as quiet. */
const QUIET_MS = 25;
/** ms that processes have to be gone after their master. */
const LEAVE_PATIENCE = 1_000;

/** A server on real processes. */
export class LaunchedServer implements TestServer {
  readonly #clients: ScriptedClient[] = [];
  readonly #datagrams: RealDatagrams[] = [];
  readonly #picture: Picture;
  readonly #paused = new PausedProcesses();
  #stopped: Promise<{ exitCode: number }> | undefined;

  constructor(
    private readonly master: LaunchedMaster,
    /** Holds the server's runtime directory, and nothing else. */
    private readonly directory: string,
    private readonly facts: LaunchedTrace,
  ) {
    this.#picture = new Picture(facts.events, (pid) => identify(pid) !== undefined);
  }

  get running(): RunningInfo {
    return this.master.running;
  }

  async connect({ listener, from, link, tls, proxy }: ConnectionOptions = {}): Promise<TestClient> {
    if (link !== undefined) throw linkIsReal();
    if (this.#stopped !== undefined) throw new Error('the server has been stopped: nobody can connect');
    const { address, port } = findListener(this.running, listener);
    // An address that the machine does not have is the simulation's business.
    const local = from !== undefined && from.startsWith('127.') ? from : undefined;
    const place = address.startsWith('/')
      ? { path: address }
      : { host: address, port, ...(local !== undefined && { from: local }) };
    const stream = await RealStream.connect({ ...place, tls, proxy }, () => this.master.waiting.poke());
    const id = this.#clients.length;
    const note = (fact: ClientFact): void => this.facts.note(`client ${id}`, fact);
    note({ kind: 'connects', client: id, ...(proxy === undefined ? stream.local : proxiedFrom(proxy)) });
    const client = new ScriptedClient(id, stream, this.master.waiting, note, stream.tls);
    this.#clients.push(client);
    return client;
  }

  async datagramClient(options: DatagramClientOptions = {}): Promise<TestDatagramClient> {
    if (options.link !== undefined) throw datagramLinkIsReal();
    const place = findListener(this.running, options.listener);
    const { from = defaultAddress(place) } = options;
    const socket = await RealDatagrams.open(from, () => this.master.waiting.poke());
    const id = this.#datagrams.length;
    this.#datagrams.push(socket);
    const note = (fact: DatagramClientFact): void => this.facts.note(`datagram client ${id}`, fact);
    note({ kind: 'datagramClient', client: id, ...socket.local, lossy: true, duplicates: false });
    return new ScriptedDatagramClient(id, socket, reachable(place, from), this.master.waiting, note);
  }

  async advance(ms: number): Promise<void> {
    await sleep(ms);
  }

  async crashWorker(workerId: number): Promise<void> {
    await this.master.ask({ what: 'running' });
    await this.#kill(findWorker(this.running, workerId).pid, `worker ${workerId}`);
  }

  async hangWorker(workerId: number, ms = Infinity): Promise<void> {
    await this.master.ask({ what: 'running' });
    const who = `worker ${workerId}`;
    const identity = living(findWorkerToHang(this.running, workerId, ms).pid, who);
    this.#paused.stop(identity);
    await this.master.waiting.until(
      () => standsStill(identity),
      () => `${who} (${identity.pid}) to stand still`,
    );
    this.#paused.continueIn(ms, identity);
  }

  async crashManager(): Promise<void> {
    await this.master.ask({ what: 'running' });
    await this.#kill(this.running.managerPid, 'the manager');
  }

  async workersReady(): Promise<void> {
    const deadline = performance.now() + READY_PATIENCE;
    for (;;) {
      await this.master.ask({ what: 'running' });
      const reason = unready(this.running, (pid) => identify(pid) !== undefined);
      if (reason === undefined) return;
      if (performance.now() > deadline) {
        throw new Error(
          `expected all workers to be ready (${reason}), not within ${READY_PATIENCE} ms; ${this.master.lastLines()}`,
        );
      }
      await sleep(10);
    }
  }

  async stats(): Promise<ServerStats> {
    const { result } = await this.master.ask({ what: 'stats' });
    return result as ServerStats;
  }

  async status(): Promise<ServerStatus> {
    const { result } = await this.master.ask({ what: 'status' });
    return result as ServerStatus;
  }

  async reload(options: { readonly only?: 'task' } = {}): Promise<ReloadReport> {
    const { result } = await this.master.ask({ what: 'reload', ...options }, RELOAD_PATIENCE);
    return result as ReloadReport;
  }

  async stopWorker(workerId: number): Promise<void> {
    await this.master.ask({ what: 'stop', workerId }, RELOAD_PATIENCE);
  }

  async deploy(App: AppClass | URL): Promise<void> {
    if (App instanceof URL) {
      this.master.deploy(App.href, 'default');
      return;
    }
    const module = moduleOf(App);
    this.master.deploy(module, await findExport(App, module));
  }

  async settle(): Promise<void> {
    const deadline = performance.now() + REAL_PATIENCE;
    for (let seen = -1; ; await sleep(QUIET_MS)) {
      const { length } = this.trace;
      const unfinished = this.#view.unfinished;
      if (unfinished === undefined && length === seen) return;
      seen = length;
      if (performance.now() < deadline) continue;
      const what = unfinished ?? 'things still happen';
      throw new Error(
        `expected the server to settle (${what}), not within ${REAL_PATIENCE} ms; ${this.master.lastLines()}`,
      );
    }
  }

  get clients(): readonly TestClient[] {
    return this.#clients;
  }

  get trace(): readonly TraceEvent[] {
    return this.facts.catchUp();
  }

  get connections(): readonly ConnectionView[] {
    return this.#view.connections;
  }

  get outstanding(): readonly PacketView[] {
    return this.#view.outstanding;
  }

  get timers(): readonly TimerView[] {
    return this.#view.timers;
  }

  get #view(): Picture {
    this.facts.catchUp();
    return this.#picture.catchUp();
  }

  logs(): readonly TestLog[] {
    return this.master.logs;
  }

  async exited(): Promise<{ exitCode: number }> {
    await this.master.waiting.until(
      () => this.master.exit !== undefined,
      () => 'the server to leave',
    );
    return { exitCode: this.master.exitCode() };
  }

  stop(): Promise<{ exitCode: number }> {
    return (this.#stopped ??= this.#stop());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<{ exitCode: number }> {
    const { master } = this;
    try {
      const asked = master.exit === undefined;
      for (const client of this.#clients) client.endWithServer();
      master.terminate();
      await master.waiting.until(
        () => master.exit !== undefined,
        () => 'the server to stop',
        STOP_PATIENCE,
      );
      const exitCode = master.exitCode();
      if (asked && exitCode !== 0)
        throw new Error(`the server stopped with ${exitCode}; ${master.lastLines()}`);
      await this.#leftNothing();
      return { exitCode };
    } finally {
      master.end();
      this.#paused.forget();
      for (const client of this.#clients) client.drop();
      for (const socket of this.#datagrams) socket.close();
      this.facts.close();
      rmSync(this.directory, { recursive: true, force: true });
    }
  }

  async #leftNothing(): Promise<void> {
    const leftovers = (): { processes: readonly number[]; files: readonly string[] } => ({
      processes: this.master.group.members(),
      files: readdirSync(this.directory),
    });
    await this.master.waiting.until(
      () => leftovers().processes.length + leftovers().files.length === 0,
      () => `the server to leave nothing behind, but there is ${JSON.stringify(leftovers())}`,
      LEAVE_PATIENCE,
    );
  }

  async #kill(pid: number, who: string): Promise<void> {
    const identity = living(pid, who);
    process.kill(pid, 'SIGKILL');
    await this.master.waiting.until(
      () => identify(pid)?.startedAt !== identity.startedAt,
      () => `${who} (${pid}) to be dead`,
    );
  }
}

function living(pid: number, who: string): ProcessIdentity {
  const identity = identify(pid);
  if (identity === undefined) throw new Error(`${who} is not alive: there is no process ${pid}`);
  return identity;
}
