import { readdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerStats } from '@shoal/core/internal/pipe/messages';
import { identify } from '@shoal/core/internal/platform/node/process-identity';
import {
  findListener,
  findWorker,
  unready,
  type ConnectionOptions,
  type RunningInfo,
  type TestClient,
  type TestLog,
  type TestServer,
} from './harness.js';
import type { LaunchedMaster } from './launched-master.js';
import { RealStream } from './real-stream.js';
import { REAL_PATIENCE } from './real-waiting.js';
import { ScriptedClient } from './scripted-client.js';

const STOP_PATIENCE = 15_000;
/** ms that processes have to be gone after their master. */
const LEAVE_PATIENCE = 1_000;

/** A server on real processes. */
export class LaunchedServer implements TestServer {
  readonly #clients: ScriptedClient[] = [];
  #stopped: Promise<{ exitCode: number }> | undefined;

  constructor(
    private readonly master: LaunchedMaster,
    /** Holds the server's runtime directory, and nothing else. */
    private readonly directory: string,
  ) {}

  get running(): RunningInfo {
    return this.master.running;
  }

  async connect({ listener, from }: ConnectionOptions = {}): Promise<TestClient> {
    const { address, port } = findListener(this.running, listener);
    // An address that the machine does not have is the simulation's business.
    const local = from !== undefined && from.startsWith('127.') ? from : undefined;
    const stream = await RealStream.connect(
      { host: address, port, ...(local !== undefined && { from: local }) },
      () => this.master.waiting.poke(),
    );
    const client = new ScriptedClient(this.#clients.length, stream, this.master.waiting);
    this.#clients.push(client);
    return client;
  }

  async advance(ms: number): Promise<void> {
    await sleep(ms);
  }

  async crashWorker(workerId: number): Promise<void> {
    await this.master.ask('running');
    await this.#kill(findWorker(this.running, workerId).pid, `worker ${workerId}`);
  }

  async crashManager(): Promise<void> {
    await this.master.ask('running');
    await this.#kill(this.running.managerPid, 'the manager');
  }

  async workersReady(): Promise<void> {
    const deadline = performance.now() + REAL_PATIENCE;
    for (;;) {
      await this.master.ask('running');
      const reason = unready(this.running, (pid) => identify(pid) !== undefined);
      if (reason === undefined) return;
      if (performance.now() > deadline) {
        throw new Error(
          `expected all workers to be ready (${reason}), not within ${REAL_PATIENCE} ms; ${this.master.lastLines()}`,
        );
      }
      await sleep(10);
    }
  }

  async stats(): Promise<ServerStats> {
    const { stats } = await this.master.ask('stats');
    if (stats === undefined) throw new Error('the server answered without statistics');
    return stats;
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
      for (const client of this.#clients) client.drop();
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
    const identity = identify(pid);
    if (identity === undefined) throw new Error(`${who} is not alive: there is no process ${pid}`);
    process.kill(pid, 'SIGKILL');
    await this.master.waiting.until(
      () => identify(pid)?.startedAt !== identity.startedAt,
      () => `${who} (${pid}) to be dead`,
    );
  }
}
