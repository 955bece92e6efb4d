/** Base mode: the first process is the manager, and the workers own the sockets. */
import { isStream } from '../config/limits.js';
import type { Settings } from '../config/load.js';
import { placeOf } from '../config/place.js';
import { listenFailed, ProcessError } from '../errors.js';
import { Manager } from '../manager/manager.js';
import type { Answerer, OnProgress } from '../pipe/inquiries.js';
import type { Original } from '../pipe/assignments.js';
import type { WorkerCounters } from '../pipe/counters.js';
import type { CrewStatus, WorkerNote } from '../pipe/crew-status.js';
import type { Certificates, InnerQuestion } from '../pipe/notes.js';
import { addStats } from '../pipe/stats.js';
import type { BoundListener, Endpoint, Platform } from '../platform/platform.js';
import { ConnectionIds } from '../pipe/connection-ids.js';
import { datagramOptions, listenOptions } from '../topology/listen-options.js';
import type { Plant } from './first-process.js';
import type { PlantReport } from './server-status.js';
import type { ProcessContext } from './process-context.js';

export interface BasePlantParts {
  readonly platform: Platform;
  readonly settings: Settings;
  /** By listener: the socket that came with the start; undefined where it binds its own. */
  readonly descriptors: readonly (number | undefined)[];
  readonly context: ProcessContext;
  readonly certificates: Certificates;
  readonly runtimeDirectory: string;
  readonly userProcesses: readonly string[];
  readonly onFailure: (error: Error) => void;
  readonly original: Original;
  readonly ask: Answerer;
}

export class BasePlant implements Plant {
  readonly #listeners: BoundListener[] = [];
  #manager: Manager | undefined;
  #rejectStart: ((error: Error) => void) | undefined;
  #generation = 1;

  constructor(private readonly parts: BasePlantParts) {}

  get notes(): readonly WorkerNote[] {
    return this.#manager?.notes ?? [];
  }

  get generation(): number {
    return this.#generation;
  }

  get managerPid(): number {
    return this.parts.platform.self.pid;
  }

  async start(): Promise<Endpoint[]> {
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
    await this.parts.context.hooksSafelyInTime('managerStop');
  }

  kill(): void {
    for (const listener of this.#listeners) listener.close();
    this.#manager?.killAll();
  }

  async report(): Promise<PlantReport> {
    const manager = this.#manager;
    if (manager === undefined) return { stats: addStats([], []), workers: [], connectionsOf: () => 0 };
    const counters = await this.#counters();
    const { workers } = (await manager.answer({ what: 'workers' }, () => {})) as CrewStatus;
    const connectionsOf = (workerId: number): number =>
      workers.find((row) => row.workerId === workerId && row.current)?.vitals?.connections ?? 0;
    return { stats: addStats([], counters), workers, connectionsOf };
  }

  async ask(question: InnerQuestion, onProgress: OnProgress): Promise<unknown> {
    switch (question.what) {
      case 'stats':
        return addStats([], await this.#counters());
      case 'clientInfo':
        return this.#clientInfo(question.id);
      case 'connections':
        return this.#manager?.connections(question.after, question.limit) ?? [];
      default:
        if (this.#manager !== undefined) return this.#manager.answer(question, onProgress);
        throw new ProcessError('ASK_LOST', 'the server has no workers yet');
    }
  }

  async #counters(): Promise<readonly WorkerCounters[]> {
    const counters = await this.#manager?.answer({ what: 'counters' }, () => {});
    return (counters ?? [this.parts.context.counters]) as readonly WorkerCounters[];
  }

  async #clientInfo(id: number): Promise<unknown> {
    if (!Number.isSafeInteger(id) || id < 0) return null;
    return this.#manager?.clientInfo(id, ConnectionIds.incarnationOf(id)) ?? null;
  }

  renew(certificates: Certificates): void {
    this.#manager?.renew(certificates);
  }

  reopenLogs(): void {
    this.#manager?.reopenLogs();
  }

  async bind(): Promise<void> {
    const { network } = this.parts.platform;
    const { settings, descriptors } = this.parts;
    for (const [index, listener] of settings.listeners.entries()) {
      try {
        if (!isStream(listener)) {
          const options = datagramOptions(listener, { descriptor: descriptors[index] });
          this.#listeners.push(await network.bindDatagrams(options));
          continue;
        }
        const options = listenOptions(listener, { descriptor: descriptors[index] });
        this.#listeners.push(await network.bind(options));
      } catch (cause) {
        throw listenFailed(listener.name, placeOf(listener), cause);
      }
    }
  }

  #makeManager(): Manager {
    const {
      platform,
      settings,
      context,
      runtimeDirectory,
      userProcesses,
      onFailure,
      original,
      ask,
      certificates,
    } = this.parts;
    return new Manager({
      platform,
      settings,
      logger: context.logger,
      name: settings.name,
      masterPid: platform.self.pid,
      pipePaths: [],
      runtimeDirectory,
      listeners: this.#listeners,
      ...(certificates.some((material) => material !== null) && { certificates }),
      userProcesses,
      original,
      incarnationBase: 0,
      generation: this.#generation,
      counters: () => context.counters,
      timersRan: [],
      onTimerRan: () => {},
      onWorkers: () => {},
      onPeers: (peers) => context.exchange.setPeers(peers),
      needsFilesOf: (incarnation) => context.exchange.needsFilesOf(incarnation),
      onGeneration: (generation) => (this.#generation = generation),
      beforeReload: async () => context.hooksInTime('beforeReload'),
      afterReload: async (report) => context.hooksSafelyInTime('afterReload', report),
      onWorkerError: (event) => void context.hooksSafely('workerError', event),
      onGiveUp: (error) => (this.#rejectStart ?? onFailure)(error),
      ask,
    });
  }
}
