/** Base mode with one worker and no task workers: everything in this process. */
import type { Settings } from '../config/load.js';
import type { Definition } from '../definition.js';
import { ProcessError } from '../errors.js';
import type { ServerStats, WorkerNote } from '../pipe/messages.js';
import type { Question } from '../pipe/questions.js';
import { addStats } from '../pipe/stats.js';
import type { Endpoint, Platform } from '../platform/platform.js';
import { Worker } from '../worker/worker.js';
import { BaseSockets } from './base-sockets.js';
import type { Plant } from './first-process.js';
import type { ProcessContext } from './process-context.js';

/** The only incarnation there will ever be. */
const INCARNATION = 1;

export interface SinglePlantParts {
  readonly platform: Platform;
  readonly settings: Settings;
  readonly definition: Definition;
  readonly context: ProcessContext;
}

export class SinglePlant implements Plant {
  #sockets: BaseSockets | undefined;
  #worker: Worker | undefined;
  #state: 'starting' | 'ready' | 'stopping' | 'down' = 'starting';

  constructor(private readonly parts: SinglePlantParts) {}

  get worker(): Worker | undefined {
    return this.#worker;
  }

  get notes(): readonly WorkerNote[] {
    const { pid } = this.parts.platform.self;
    return [{ workerId: 0, pid, startedAt: '', incarnation: INCARNATION, state: this.#state, restarts: 0 }];
  }

  get managerPid(): number {
    return this.parts.platform.self.pid;
  }

  async start(): Promise<Endpoint[]> {
    const { platform, settings, definition, context } = this.parts;
    const { invoker, container, logger } = context;
    this.#worker = new Worker({
      clock: platform.clock,
      settings,
      definition,
      invoker,
      container,
      onLost: () => {},
    });
    this.#sockets = new BaseSockets(platform, { workerId: 0, incarnation: INCARNATION, settings }, logger);
    const own = await this.#sockets.open(this.#worker);
    const endpoints = await this.#sockets.listen();
    try {
      await context.hooks('managerStart');
      await context.hooks('workerStart', 0);
    } catch (cause) {
      // There is no manager to try again.
      throw new ProcessError('BOOT_FAILED', 'the server could not boot', { cause });
    }
    // A stop came meanwhile.
    if (this.#isStopping()) return endpoints;
    context.startTimers();
    this.#worker.serve(own);
    this.#state = 'ready';
    return endpoints;
  }

  async stop(): Promise<void> {
    const started = this.#state === 'ready';
    this.#state = 'stopping';
    this.parts.context.timers.clearTicks();
    const { settings, context, platform } = this.parts;
    const end = platform.clock.now() + settings.maxWaitTime;
    await this.#sockets?.drain(settings.maxWaitTime);
    await this.#worker?.stop(Math.max(0, end - platform.clock.now()));
    if (started) await context.hooksSafely('workerStop', 0);
    if (started) await context.hooksSafely('managerStop');
    this.#state = 'down';
  }

  // A method, because a check of the field would narrow it across calls that change it.
  #isStopping(): boolean {
    return this.#state !== 'starting';
  }

  /** Nothing else to end. */
  kill(): void {}

  async stats(): Promise<ServerStats> {
    return addStats([], this.#worker === undefined ? [] : [this.#worker.counters()]);
  }

  async ask({ what }: Question): Promise<never> {
    if (what === 'reload' || what === 'stopWorker') {
      throw new ProcessError(
        'NOT_SUPPORTED',
        'the server runs in one process, which cannot be replaced while it serves: set workerNum: 2, or restart the server',
      );
    }
    throw new ProcessError(
      'NOT_IN_THIS_ROLE',
      `the only process of the server does not answer '${what}' in this version`,
    );
  }
}
