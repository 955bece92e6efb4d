import type { DatagramTarget } from '../config/datagram-target.js';
import { shortestHandlerTimeout } from '../config/limits.js';
import type { Settings } from '../config/load.js';
import type { Binding, Container, Definition, EventName, RoleName, TimerSpec } from '../definition.js';
import type { BoundHandler } from '../events/bound-handler.js';
import { eventTable } from '../events/event-table.js';
import { bind, hooksOf, typesOf } from '../events/handler-table.js';
import { Invoker } from '../events/invoke.js';
import { timersAt } from '../events/timer-place.js';
import { Logger, type LogOrigin } from '../log.js';
import type { ConnectionActs } from '../directory/connection-acts.js';
import { byteLength, type Part } from '../pipe/parts.js';
import { fixedParts } from '../events/fingerprint.js';
import type { FixedParts } from '../pipe/assignments.js';
import type { WorkerCounters } from '../pipe/counters.js';
import type { AnswerTo, Question } from '../pipe/questions.js';
import type { Platform } from '../platform/platform.js';
import type { Messenger } from '../messaging/messenger.js';
import type { ClientActions, RoleActions, TaskActions } from '../role-actions.js';
import { ProcessError } from '../errors.js';
import { Exchange } from './exchange.js';
import { CommandsInFlight, packCommandData, unpackCommandData } from '../pipe/command-data.js';
import { Commands } from './commands.js';
import { DeclaredTimers } from '../timers/declared-timers.js';
import { Timers, type TimerFunction } from '../timers/timers.js';

/** The `Server` object of this process: handlers get it injected, and it acts through the role that runs here. */
export interface ServerObject {
  readonly binding: Binding;
  attach(actions: RoleActions): void;
}

export interface ProcessOrigin {
  readonly platform: Platform;
  readonly definition: Definition;
  readonly server: ServerObject;
  readonly settings: Settings;
  /** What this process is; the first process of base mode is several at once. */
  readonly roles: readonly RoleName[];
  /** The name of a user process. */
  readonly process?: string;
  /** -1 where there is none, or not yet. */
  readonly workerId: number;
  readonly masterPid: number;
  /** A function, because a master outlives its managers. */
  readonly managerPid: () => number;
  readonly runtimeDirectory: string;
  /** Names of the user processes, in the order of their ids. */
  readonly userProcesses: readonly string[];
  /** A task worker has done as many tasks as it should. */
  readonly onTaskLimit?: () => void;
}

/** What the role brings. Who serves no connections sends over the mesh. */
export interface RolePowers {
  send?(connectionId: number, data: Part): boolean;
  close?(connectionId: number, reset: boolean): boolean;
  /** Undefined until there are some. */
  acts?(): ConnectionActs | undefined;
  sendto?(to: DatagramTarget, data: Part, bytes: number): boolean;
  clients?(): ClientActions | undefined;
  ask(question: Question): Promise<unknown>;
}

/** What every role of the application's code has in its process: objects, hooks, timers, logger. */
export class ProcessContext implements RoleActions {
  readonly logger: Logger;
  readonly invoker: Invoker;
  readonly timers: Timers;
  readonly exchange: Exchange;
  readonly commands: Commands;
  readonly #commandsInFlight = new CommandsInFlight();
  readonly declaredTimers: DeclaredTimers;
  #container: Container | undefined;
  #state: 'building' | 'built' | 'disposed' = 'building';
  #powers: RolePowers | undefined;
  #workerId: number;
  readonly #logOrigin: LogOrigin;

  constructor(private readonly origin: ProcessOrigin) {
    const { platform, definition, settings, roles, workerId, process } = origin;
    const [role] = roles as [RoleName];
    const label = role === 'taskWorker' ? 'task worker' : role === 'userProcess' ? 'process' : role;
    this.#workerId = workerId;
    this.#logOrigin = { role: label, ...(workerId >= 0 && { workerId }) };
    this.logger = new Logger(platform.log, this.#logOrigin, settings.logLevel);
    const shortestTimeout = shortestHandlerTimeout(settings);
    this.invoker = new Invoker(this.logger, platform.observe, platform.clock, shortestTimeout);
    this.timers = new Timers(platform.clock, this.invoker);
    this.exchange = new Exchange({
      platform,
      settings,
      definition: origin.definition,
      logger: this.logger,
      invoker: this.invoker,
      role,
      ...(process !== undefined && { process }),
      directory: origin.runtimeDirectory,
      userProcesses: origin.userProcesses,
      container: () => this.#container,
      workerId: () => this.#workerId,
      onRequestLimit: () => origin.onTaskLimit?.(),
    });
    this.commands = new Commands(definition, this.invoker, platform.clock, process);
    this.declaredTimers = new DeclaredTimers(
      this.timers,
      (spec) => bind(spec, this.#container),
      platform.observe,
    );
  }

  get container(): Container | undefined {
    return this.#container;
  }

  /** A spare has got its id. */
  assume(workerId: number): void {
    this.#workerId = workerId;
    this.#logOrigin.workerId = workerId;
  }

  /** What this process has counted, but for sockets. */
  get counters(): WorkerCounters {
    return { failedHandlers: this.invoker.failed, tasks: this.exchange.counters };
  }

  /** What this program has on disk of that which only a restart applies. */
  fixedParts(): FixedParts {
    const { definition, settings, platform } = this.origin;
    return fixedParts(definition, settings, (url) => platform.files.fingerprint(url));
  }

  /** Gives the `Server` object its powers and builds the application's objects. */
  async build(powers: RolePowers): Promise<void> {
    const { definition, server, roles, process } = this.origin;
    this.#powers = powers;
    server.attach(this);
    if (definition.container === undefined) {
      this.#state = 'built';
      this.commands.open(undefined);
      return;
    }
    const types = roles.map((role) => typesOf(definition, role, this.#timersOf(role), process));
    const container = await definition.container({
      role: roles[0]!,
      processTypes: [...new Set(types.flatMap(({ process }) => process))],
      connectionTypes: [...new Set(types.flatMap(({ connection }) => connection))],
      bindings: [server.binding, [Logger, this.logger]],
    });
    // The process may have been stopped meanwhile.
    if (this.#isDisposed()) {
      await container.dispose();
      throw new ProcessError('SHUTTING_DOWN', 'the server was stopped while it was starting');
    }
    this.#container = container;
    this.#state = 'built';
    this.commands.open(container);
  }

  /** This process has given its connections back: what it says to clients from here on goes over the mesh, as from one that never served any. */
  serveNobody(): void {
    if (this.#powers !== undefined) this.#powers = { ask: this.#powers.ask };
  }

  /** Runs the hooks of an event in this process; the first that fails rejects. */
  async hooks(event: EventName, argument?: unknown): Promise<void> {
    await this.invoker.hooks(this.#bound(event), argument);
  }

  /** Runs the hooks of an event; what fails is logged and the next one runs. */
  async hooksSafely(event: EventName, argument?: unknown): Promise<void> {
    // Before the objects are there, nothing has started that a hook could end.
    if (this.#state === 'building') return;
    await this.invoker.hooksSafely(this.#bound(event), argument);
  }

  /** As `hooks`, for at most `maxWaitTime`: rejects with `ProcessError` RELOAD_FAILED for those that have not settled by then. */
  async hooksInTime(event: EventName, argument?: unknown): Promise<void> {
    const late = await this.#lateness(eventTable[event].decorator, this.hooks(event, argument));
    if (late !== undefined) throw new ProcessError('RELOAD_FAILED', late);
  }

  /** As `hooksSafely`, for at most `maxWaitTime`: those that have not settled by then are named, and nobody waits for them. */
  async hooksSafelyInTime(event: EventName, argument?: unknown): Promise<void> {
    const late = await this.#lateness(eventTable[event].decorator, this.hooksSafely(event, argument));
    if (late !== undefined) this.logger.warn(`${late}: the server goes on without it`);
  }

  /** What is to be said of work that does not end within `maxWaitTime`. */
  async #lateness(decorator: string, work: Promise<void>): Promise<string | undefined> {
    const { platform, settings } = this.origin;
    const limit = settings.maxWaitTime;
    return new Promise((resolve, reject) => {
      const late = (): void => resolve(`@${decorator} has not settled within maxWaitTime, ${limit} ms`);
      const timer = platform.clock.setTimer(limit, late);
      work.finally(() => timer.cancel()).then(() => resolve(undefined), reject);
    });
  }

  /** Starts the timers that the application declares for this process. */
  startTimers(): void {
    const timers = this.origin.roles.flatMap((role) => this.#timersOf(role));
    this.declaredTimers.start([...new Set(timers)]);
  }

  /** The process begins to leave. What `server.after` has set stays: a handler may be waiting for it. */
  endTimers(): void {
    this.timers.clearTicks();
    this.declaredTimers.end();
  }

  #timersOf(role: RoleName): readonly TimerSpec[] {
    const { definition, settings, process } = this.origin;
    const { workerNum } = settings;
    return timersAt(definition, { role, process, workerId: this.#workerId, workerNum });
  }

  async dispose(): Promise<void> {
    this.timers.clearAll();
    this.invoker.close();
    this.commands.close();
    if (this.#state === 'building') this.#state = 'disposed';
    try {
      await this.#container?.dispose();
    } catch (error) {
      this.invoker.report('an object of the application', 'dispose', error);
    }
  }

  // A method, because a check of the field would narrow it across calls that change it.
  #isDisposed(): boolean {
    return this.#state === 'disposed';
  }

  #bound(event: EventName): BoundHandler[] {
    const { definition, roles, process } = this.origin;
    if (!eventTable[event].roles.some((role) => roles.includes(role))) return [];
    return hooksOf(definition, event, process).map((spec) => bind(spec, this.#container));
  }

  // What the `Server` object does here.

  get role(): RoleName {
    return this.origin.roles[0]!;
  }

  get workerId(): number {
    return this.#workerId;
  }

  get masterPid(): number {
    return this.origin.masterPid;
  }

  get managerPid(): number {
    return this.origin.managerPid();
  }

  get workerPid(): number {
    return this.origin.platform.self.pid;
  }

  get setting(): Settings {
    return this.origin.settings;
  }

  send(connectionId: number, data: Part): boolean {
    const { send } = this.#powers ?? {};
    return send === undefined ? this.exchange.send(connectionId, data) : send(connectionId, data);
  }

  close(connectionId: number, reset: boolean): boolean {
    const { close } = this.#powers ?? {};
    return close === undefined ? this.exchange.end(connectionId, reset) : close(connectionId, reset);
  }

  get acts(): ConnectionActs {
    return this.#powers?.acts?.() ?? this.exchange.acts;
  }

  sendto(to: DatagramTarget, data: Part): boolean {
    const bytes = byteLength(data);
    const { sendto } = this.#powers ?? {};
    return sendto === undefined ? this.exchange.sendto(to, data, bytes) : sendto(to, data, bytes);
  }

  get messenger(): Messenger {
    return this.exchange.messenger;
  }

  get clients(): ClientActions {
    return this.#powers?.clients?.() ?? this.exchange;
  }

  get tasks(): TaskActions {
    return this.exchange;
  }

  tick(interval: number, run: TimerFunction): number {
    return this.timers.tick(interval, run);
  }

  after(delay: number, run: TimerFunction): number {
    return this.timers.after(delay, run);
  }

  clearTimer(id: number): boolean {
    return this.timers.clear(id);
  }

  /** The role in which this process is the target of a command. */
  targetRole(target: number | string): RoleName | undefined {
    const { roles } = this.origin;
    if (target === 'master' || target === 'manager') return roles.find((role) => role === target);
    return this.workerId >= 0 && target === this.workerId ? roles[0] : undefined;
  }

  async command(name: string, target: number | string, data: unknown, timeout: number): Promise<unknown> {
    const packed = packCommandData(data, `the data of command '${name}'`);
    const landed = this.#commandsInFlight.add(packed);
    const question = { what: 'command', name, target, data: packed, timeout } as const;
    const answer = await new Promise<string>((resolve, reject) => {
      const late = (): void => {
        const who = typeof target === 'number' ? `process ${target}` : `'${target}'`;
        reject(
          new ProcessError('ASK_TIMEOUT', `${who} has not answered command '${name}' within ${timeout} ms`),
        );
      };
      const timer = this.origin.platform.clock.setTimer(timeout, late);
      this.ask(question)
        .finally(() => timer.cancel())
        .then(resolve, reject);
    }).finally(landed);
    return unpackCommandData(answer);
  }

  async ask<Asked extends Question>(question: Asked): Promise<AnswerTo<Asked>> {
    if (this.#powers === undefined) throw this.#notHere(question.what);
    return (await this.#powers.ask(question)) as AnswerTo<Asked>;
  }

  #notHere(method: string): ProcessError {
    return new ProcessError(
      'NOT_IN_THIS_ROLE',
      `server.${method} does not work in the ${this.role} in this version`,
    );
  }
}
