/** Base mode with one worker and no task workers: everything in this process. */
import type { Settings } from '../config/load.js';
import type { Definition } from '../definition.js';
import { ProcessError } from '../errors.js';
import type { WorkerNote } from '../pipe/crew-status.js';
import type { Certificates, InnerQuestion } from '../pipe/notes.js';
import { noQueue } from '../pipe/questions.js';
import { addStats } from '../pipe/stats.js';
import type { Endpoint, Platform } from '../platform/platform.js';
import { Worker } from '../worker/worker.js';
import { BaseSockets } from './base-sockets.js';
import { ExitAnnouncement } from './exit-announcement.js';
import type { Plant } from './first-process.js';
import type { PlantReport } from './server-status.js';
import type { ProcessContext } from './process-context.js';

/** The only incarnation there will ever be. */
const INCARNATION = 1;

export interface SinglePlantParts {
  readonly platform: Platform;
  readonly settings: Settings;
  /** By listener: the socket that came with the start; undefined where it binds its own. */
  readonly descriptors: readonly (number | undefined)[];
  readonly definition: Definition;
  readonly context: ProcessContext;
  readonly certificates: Certificates;
}

export class SinglePlant implements Plant {
  #sockets: BaseSockets | undefined;
  #worker: Worker | undefined;
  #startedAt = 0;
  #endpoints: Endpoint[] = [];
  #state: 'starting' | 'ready' | 'stopping' | 'down' = 'starting';

  constructor(private readonly parts: SinglePlantParts) {}

  get worker(): Worker | undefined {
    return this.#worker;
  }

  readonly generation = 1;

  get notes(): readonly WorkerNote[] {
    const { pid } = this.parts.platform.self;
    const rest = { restarts: 0, generation: this.generation, current: true };
    return [
      {
        role: 'worker',
        workerId: 0,
        pid,
        startedAt: '',
        incarnation: INCARNATION,
        state: this.#state,
        ...rest,
      },
    ];
  }

  get managerPid(): number {
    return this.parts.platform.self.pid;
  }

  async bind(): Promise<void> {
    const { platform, settings, context } = this.parts;
    const assignment = { workerId: 0, incarnation: INCARNATION, settings };
    this.#sockets = new BaseSockets(platform, assignment, context.logger, context.exchange);
    await this.#sockets.prepare();
    this.renew(this.parts.certificates);
    this.#endpoints = await this.#sockets.listen(this.parts.descriptors);
  }

  async start(): Promise<Endpoint[]> {
    const { platform, settings, definition, context } = this.parts;
    const { invoker, container } = context;
    this.#startedAt = platform.clock.now();
    this.#worker = new Worker({
      clock: platform.clock,
      settings,
      definition,
      invoker,
      container,
      onLost: () => {},
      byId: context,
    });
    const own = this.#sockets!.open(this.#worker);
    this.#worker.reach(own);
    try {
      await context.hooks('managerStart');
      await context.hooks('workerStart', 0);
    } catch (cause) {
      // There is no manager to try again.
      throw new ProcessError('BOOT_FAILED', 'the server could not boot', { cause });
    }
    // A stop came meanwhile.
    if (this.#isStopping()) return this.#endpoints;
    context.startTimers();
    // There is nobody else.
    context.declaredTimers.hold([], { ran: () => {}, released: () => {} });
    await this.#worker.serve(own);
    this.#state = 'ready';
    return this.#endpoints;
  }

  async stop(): Promise<void> {
    const started = this.#state === 'ready';
    this.#state = 'stopping';
    this.parts.context.endTimers();
    const { settings, context, platform } = this.parts;
    const end = platform.clock.now() + settings.maxWaitTime;
    const exiting = this.#announceExit();
    this.#worker?.warn(settings.maxWaitTime);
    await this.#sockets?.drain(settings.maxWaitTime);
    await this.#worker?.stop(Math.max(0, end - platform.clock.now()));
    await context.commands.finish(Math.max(0, end - platform.clock.now()));
    exiting.cancel();
    if (started) await context.hooksSafelyInTime('workerStop', 0);
    if (started) await context.hooksSafelyInTime('managerStop');
    this.#state = 'down';
  }

  #announceExit(): ExitAnnouncement {
    const { platform, context } = this.parts;
    const hasOpenWork = (): boolean =>
      (this.#worker?.inFlight ?? 0) + context.commands.running > 0 ||
      (this.#sockets?.openConnections ?? 0) > 0;
    const hooks = async (): Promise<void> => context.hooksSafely('workerExit', 0);
    const announcement = new ExitAnnouncement(platform.clock, hasOpenWork, hooks);
    void announcement.run();
    return announcement;
  }

  // A method, because a check of the field would narrow it across calls that change it.
  #isStopping(): boolean {
    return this.#state !== 'starting';
  }

  /** Nothing else to end. */
  kill(): void {}

  renew(certificates: Certificates): void {
    this.#sockets?.secure(certificates);
  }

  /** Nobody else writes. */
  reopenLogs(): void {}

  async report(): Promise<PlantReport> {
    const { platform } = this.parts;
    const connections = this.#sockets?.openConnections ?? 0;
    const { requests = 0, inFlight = 0 } = this.#worker ?? {};
    const vitals = { requests, inFlight, connections, ...platform.self.vitals() };
    const uptime = platform.clock.now() - this.#startedAt;
    const rate = uptime > 0 ? (requests * 1_000) / uptime : 0;
    const [note] = this.notes;
    return {
      stats: this.#stats(),
      workers: [{ ...note!, uptime, vitals, requestsPerSecond: rate, lastCrash: null }],
      connectionsOf: () => connections,
    };
  }

  async ask(question: InnerQuestion): Promise<unknown> {
    switch (question.what) {
      case 'stats':
        return this.#stats();
      case 'clientInfo':
        return this.#sockets?.clientInfo(question.id) ?? null;
      case 'connections':
        return this.#sockets?.connectionsAfter(question.after, question.limit) ?? [];
      case 'tasks':
      case 'retryTasks':
      case 'drainTasks':
        throw noQueue();
      case 'command': {
        const known = `there are 0, 'master' and 'manager'`;
        const wanted = JSON.stringify(question.target);
        throw new ProcessError('NO_SUCH_PROCESS', `there is no process ${wanted}; ${known}`);
      }
      default:
        throw new ProcessError(
          'NOT_SUPPORTED',
          `'${question.what}' needs a process that watches and replaces workers, and this server is one process: set workerNum: 2, or mode: 'process'`,
        );
    }
  }

  #stats(): PlantReport['stats'] {
    return addStats([], [{ ...this.parts.context.counters, ...this.#worker?.counters() }]);
  }
}
