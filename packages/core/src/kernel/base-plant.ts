/** Base mode: the first process is the manager, and the workers own the sockets. */
import type { Settings } from '../config/load.js';
import { listenFailed } from '../errors.js';
import { Manager } from '../manager/manager.js';
import type { ServerStats, WorkerNote } from '../pipe/messages.js';
import { addStats } from '../pipe/stats.js';
import type { BoundListener, Endpoint, Platform } from '../platform/platform.js';
import type { Plant } from './first-process.js';
import type { ProcessContext } from './process-context.js';

export interface BasePlantParts {
  readonly platform: Platform;
  readonly settings: Settings;
  readonly context: ProcessContext;
  readonly runtimeDirectory: string;
  readonly userProcesses: readonly string[];
  readonly onFailure: (error: Error) => void;
  readonly onShutdown: () => void;
}

export class BasePlant implements Plant {
  readonly #listeners: BoundListener[] = [];
  #manager: Manager | undefined;
  #rejectStart: ((error: Error) => void) | undefined;

  constructor(private readonly parts: BasePlantParts) {}

  get notes(): readonly WorkerNote[] {
    return this.#manager?.notes ?? [];
  }

  get managerPid(): number {
    return this.parts.platform.self.pid;
  }

  async start(): Promise<Endpoint[]> {
    await this.#bind();
    await this.parts.context.hooks('managerStart');
    this.#manager = this.#makeManager();
    await new Promise<void>((resolve, reject) => {
      this.#rejectStart = reject;
      this.#manager!.start().then(resolve, reject);
    });
    this.#rejectStart = undefined;
    return this.#listeners.map((listener) => listener.endpoint);
  }

  async stop(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    const { clock } = this.parts.platform;
    const { maxWaitTime } = this.parts.settings;
    const end = clock.now() + maxWaitTime;
    await this.#manager?.drain(maxWaitTime);
    await this.#manager?.stop(Math.max(0, end - clock.now()));
    await this.parts.context.hooksSafely('managerStop');
  }

  kill(): void {
    for (const listener of this.#listeners) listener.close();
    this.#manager?.killAll();
  }

  async stats(): Promise<ServerStats> {
    return addStats([], (await this.#manager?.stats()) ?? []);
  }

  async #bind(): Promise<void> {
    const { network } = this.parts.platform;
    for (const { name, host, port, backlog, noDelay } of this.parts.settings.listeners) {
      try {
        this.#listeners.push(await network.bind({ host, port, backlog, noDelay, reusePort: false }));
      } catch (cause) {
        throw listenFailed(name, host, port, cause);
      }
    }
  }

  #makeManager(): Manager {
    const { platform, settings, context, runtimeDirectory, userProcesses, onFailure, onShutdown } =
      this.parts;
    return new Manager({
      platform,
      settings,
      logger: context.logger,
      name: settings.name,
      masterPid: platform.self.pid,
      pipePaths: [],
      runtimeDirectory,
      base: { listeners: this.#listeners, meshDirectory: runtimeDirectory },
      userProcesses,
      incarnationBase: 0,
      onWorkers: () => {},
      onWorkerError: (event) => void context.hooksSafely('workerError', event),
      onGiveUp: (error) => (this.#rejectStart ?? onFailure)(error),
      onShutdown,
    });
  }
}
