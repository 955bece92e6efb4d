/**
 * The imperative front door over the kernel, and the object that handlers get
 * injected in every process.
 *
 * Before `start()` a server is described: `set`, `on`, `listen`, `handler`,
 * `addProcess`. After it, everything else works, in each process through the
 * role that runs there.
 */
import { isStream } from './config/limits.js';
import { datagramTarget } from './config/datagram-target.js';
import type { ListenerInput, Settings, SettingsInput } from './config/load.js';
import type {
  AnyFunction,
  CommandPlace,
  Definition,
  EventName,
  HandlerSpec,
  ProcessSpec,
  RoleName,
  TimerSpec,
} from './definition.js';
import { ConfigError, ProcessError } from './errors.js';
import { processBodyOf, processNameProblem } from './events/check-processes.js';
import { eventTable } from './events/event-table.js';
import type { HandlerTypes } from './handler-types.js';
import { exitWith } from './kernel/exit.js';
import { startRole } from './kernel/kernel.js';
import { realWorld } from './kernel/real-world.js';
import type { RunningServer } from './kernel/running-server.js';
import { fileRequest, type SendFileOptions } from './pipe/file-request.js';
import { attempted } from './pipe/receipt.js';
import { commandProblem } from './pipe/command-data.js';
import type { Uid } from './pipe/orders.js';
import type { ServerStats } from './pipe/server-stats.js';
import {
  orThrow,
  type ClientInfo,
  type ProcessStatus,
  type ReloadReport,
  type ServerStatus,
} from './pipe/questions.js';
import { enterServer } from './current-server.js';
import type { Platform } from './platform/platform.js';
import type { RoleActions, TaskWaitOptions } from './role-actions.js';
import type { EnqueueOptions } from './tasks/queue-client.js';
import type { Accepted } from './tasks/queue/task-queue.js';
import type { TaskResult } from './tasks/task.js';
import type { TimerFunction } from './timers/timers.js';

export interface TaskOptions {
  /** Which task worker, counted from 0; left out, the one with the least to do. */
  readonly dst?: number | undefined;
  /** The kind of task: `@OnTask(name)` does it. */
  readonly name?: string;
}

/** What `createServer` takes: settings without handlers. */
export type ServerInput = Partial<SettingsInput>;

/** What `Server.on` takes beside the handler. */
export interface OnOptions {
  /** Events of connections and datagrams: the listener that it serves; default those that nobody names. */
  readonly listener?: string;
  /** Commands: what it is asked by. `task` and `finish`: the kind of task; default those without a name. */
  readonly name?: string;
  /** Commands: where it is asked; default 'workers', task workers included. */
  readonly on?: CommandPlace;
  /** Commands, messages, results, workerStart, workerExit and workerStop: the user process in which it runs, and in no other. */
  readonly process?: string;
}

/** Which process answers a command: an id, as `workerId` has it, the name of a user process, or one of the two above them. */
export type CommandTarget = number | 'master' | 'manager' | (string & {});

export interface CommandOptions {
  /** ms that the answer may take, 1 to 86,400,000 (a day); default 5,000. */
  readonly timeout?: number;
}

const COMMAND_TIMEOUT_MS = 5_000;

export class Server {
  readonly #name: string;
  readonly #container: Definition['container'];
  #settings: object | (() => object);
  readonly #handlers: HandlerSpec[];
  readonly #timers: readonly TimerSpec[];
  readonly #processes: ProcessSpec[];
  #started = false;
  #actions: RoleActions | undefined;

  /**
   * `run(App)` and `createServer` make it; tests give a platform of their own.
   * On the real one, `start` prints what is wrong and leaves with its exit code.
   */
  constructor(
    definition: Definition,
    private readonly platform?: Platform,
  ) {
    this.#name = definition.name;
    this.#container = definition.container;
    this.#settings = definition.settings;
    this.#handlers = [...definition.handlers];
    this.#timers = definition.timers;
    this.#processes = [...(definition.processes ?? [])];
  }

  // Before start().

  /** Adds to the settings; a later value replaces an earlier one. Throws ConfigError CONFIG_WRONG_ORDER after `start()`. */
  set(settings: ServerInput): this {
    this.#requireNotStarted('set');
    const before = this.#settings;
    this.#settings = () => ({ ...(typeof before === 'function' ? before() : before), ...settings });
    return this;
  }

  /**
   * Adds a handler: for hooks any number, for connection events one for each
   * listener, or one for all that are not named, for commands one for each name.
   * Throws ConfigError CONFIG_WRONG_ORDER after `start()`, CONFIG_INVALID for an
   * event that there is not, or a command without a name.
   */
  on<Event extends EventName>(event: Event, run: HandlerTypes[Event], options: OnOptions = {}): this {
    this.#requireNotStarted('on');
    if (!Object.hasOwn(eventTable, event)) {
      const known = Object.keys(eventTable).join(', ');
      throw new ConfigError('CONFIG_INVALID', `there is no event '${event}'; there are ${known}`);
    }
    const { listener, name, on, process } = options;
    if (event === 'command' && (typeof name !== 'string' || name === ''))
      throw new ConfigError('CONFIG_INVALID', "on('command') needs { name: … }: what it is asked by");
    if (on !== undefined && !['workers', 'master', 'manager'].includes(on))
      throw new ConfigError('CONFIG_INVALID', `on: '${on}' is none of 'workers', 'master', 'manager'`);
    this.#handlers.push({
      event,
      label: event === 'command' ? `on('command', '${name}')` : `on('${event}')`,
      ...(listener !== undefined && { listener }),
      ...(process !== undefined && { process }),
      ...(event === 'command' && { command: { name: name!, ...(on !== undefined && { on }) } }),
      ...((event === 'task' || event === 'finish') && name !== undefined && { name }),
      target: { kind: 'function', run },
    });
    return this;
  }

  /** Adds a listener. Throws ConfigError CONFIG_WRONG_ORDER after `start()`. */
  listen(listener: ListenerInput): this {
    this.#requireNotStarted('listen');
    const before = this.#settings;
    this.#settings = () => {
      const settings = (typeof before === 'function' ? before() : before) as { listeners?: unknown };
      const listeners = Array.isArray(settings.listeners) ? (settings.listeners as unknown[]) : [];
      return { ...settings, listeners: [...listeners, listener] };
    };
    return this;
  }

  /** The reference's word for `listen`. */
  addListener(listener: ListenerInput): this {
    this.#requireNotStarted('addListener');
    return this.listen(listener);
  }

  /**
   * Adds the handlers of an object, by event: `handler({ receive(connection, data) { … } })`.
   * They are called with the object as `this`. Throws ConfigError
   * CONFIG_WRONG_ORDER after `start()`.
   */
  handler(handlers: Partial<HandlerTypes>, options: { readonly listener?: string } = {}): this {
    this.#requireNotStarted('handler');
    for (const [event, run] of Object.entries(handlers) as [EventName, AnyFunction][]) {
      this.on(event, run.bind(handlers), isOfListener(event) ? options : {});
    }
    return this;
  }

  /**
   * Adds a process of the application's own. It calls the function once, with this
   * server, or that which a module exports as its default; the module is named by
   * its `file:` URL and loaded in that process alone. The process lives until the
   * server stops, also after the function has returned. It is started before the
   * workers, stopped after them and supervised like them; what the function throws
   * ends the process, which is started again. A reload does not touch it.
   *
   * Throws ConfigError CONFIG_WRONG_ORDER after `start()`, CONFIG_INVALID for a
   * name that is taken or empty, or what is neither a function nor such a URL.
   */
  addProcess(name: string, main: string | URL | ((server: Server) => unknown)): this {
    this.#requireNotStarted('addProcess');
    const taken = this.#processes.some((process) => process.name === name);
    const problem = taken ? `there is a user process '${name}' already` : processNameProblem(name);
    if (problem !== undefined) throw new ConfigError('CONFIG_INVALID', `addProcess: ${problem}`);
    this.#processes.push({ name, body: processBodyOf(name, main as Parameters<typeof processBodyOf>[1]) });
    return this;
  }

  /**
   * Starts the server, or plays the role of this process: the program is loaded
   * in each. Resolves in the first process once every worker is ready, and never
   * in any other.
   */
  async start(): Promise<RunningServer> {
    this.#requireNotStarted('start');
    this.#started = true;
    if (this.platform !== undefined) return this.#start(this.platform);
    try {
      return await this.#start(realWorld());
    } catch (error) {
      return exitWith(error);
    }
  }

  // After start().

  get started(): boolean {
    return this.#started;
  }

  /** The validated settings: those of the master, in every process. */
  get setting(): Settings {
    return this.#role('setting').setting;
  }

  get role(): RoleName {
    return this.#role('role').role;
  }

  get masterPid(): number {
    return this.#role('masterPid').masterPid;
  }

  /** In the master 0 while the manager is being replaced. */
  get managerPid(): number {
    return this.#role('managerPid').managerPid;
  }

  /** Event workers have 0 to workerNum-1, task workers follow; -1 in other roles. */
  get workerId(): number {
    return this.#role('workerId').workerId;
  }

  /** The pid of this process. */
  get workerPid(): number {
    return this.#role('workerPid').workerPid;
  }

  /** Whether this process is a task worker. */
  get taskworker(): boolean {
    return this.#role('taskworker').role === 'taskWorker';
  }

  /**
   * Sends to any connection, from any process, whole or not at all. What one
   * process sends to a connection keeps its order; what several send never mixes,
   * and has no order among them: what a task sends may come after what its poster
   * answers. A result of a task leaves when what the task has sent is out.
   *
   * False when this process knows that the connection is closed or that its owner
   * is gone, for what is no id, for more bytes than the larger of
   * `socketBufferSize` and `packageMaxLength`, when more than
   * `reactorMemoryLimit` would wait for its owner, and in a process that has not
   * got so far: an event worker sends once it serves. True says that it is on its
   * way: a connection that closes meanwhile does not get it. Throws HandlerError
   * SEND_INVALID for anything but text and bytes.
   */
  send(connectionId: number, data: string | Uint8Array): boolean {
    return this.#role('send').send(connectionId, data);
  }

  /**
   * Sends a datagram from a socket of this server, from any process: that of the
   * listener with the name `listener`, else the first whose family the address is of.
   * An IPv6 socket on `::` is of both, unless it is `ipv6Only`.
   *
   * False for more than 65,507 bytes, when more than `reactorMemoryLimit` would wait
   * for the owner of the socket, and in a process that has not got so far: an event
   * worker sends once it serves. True says that it is on its way, and no more: it is a
   * datagram. Throws HandlerError SENDTO_INVALID for what is no IP address or port (1
   * to 65535), and where there is no such listener; SEND_INVALID for anything but text
   * and bytes.
   */
  sendto(address: string, port: number, data: string | Uint8Array, listener?: string): boolean {
    const role = this.#role('sendto');
    return role.sendto(datagramTarget(role.setting, address, port, listener), data);
  }

  /** As `connection.sendWait`, for any connection, from any process. */
  sendWait(connectionId: number, data: string | Uint8Array): Promise<void> {
    const { clients } = this.#role('sendWait');
    return attempted(() => clients.sendWait(connectionId, data));
  }

  /** As `connection.sendFile`, for any connection, from any process. */
  sendFile(connectionId: number, path: string, options?: SendFileOptions): Promise<void> {
    const { clients } = this.#role('sendFile');
    return attempted(() => clients.sendFile(connectionId, fileRequest(path, options)));
  }

  /** As `connection.pause`, for any connection, from any process. False as `send` says it. */
  pause(connectionId: number): boolean {
    return this.#role('pause').clients.read(connectionId, true);
  }

  /** As `connection.resume`, likewise. */
  resume(connectionId: number): boolean {
    return this.#role('resume').clients.read(connectionId, false);
  }

  /** As `connection.confirm`, likewise. */
  confirm(connectionId: number): boolean {
    return this.#role('confirm').clients.read(connectionId, false);
  }

  /** Closes any connection, from any process: flushes first, unless `reset`. False as `send` says it. */
  close(connectionId: number, options: { readonly reset?: boolean } = {}): boolean {
    return this.#role('close').close(connectionId, options.reset === true);
  }

  // What follows acts on any connection, from any process: one-way where it says
  // true or false at once, which is what this process knows. See docs/connections.md.

  /**
   * Silence of the client does not close this connection any more (`heartbeatIdleTime`,
   * `maxIdleTime`), or does again. False when its owner is gone, for what is no id, and when more than
   * `reactorMemoryLimit` would wait for its owner.
   */
  protect(connectionId: number, on = true): boolean {
    return this.#role('protect').acts.protect(connectionId, on);
  }

  /**
   * Puts a connection into a group, in which it stays until it leaves or closes, whatever
   * becomes of its worker. A name has 1 to 200 characters. Beyond `maxGroupsPerConnection`
   * and `maxGroups` it does not join, which is counted as GROUP_LIMIT and logged. False as
   * `protect`. Throws HandlerError GROUP_INVALID.
   */
  join(connectionId: number, group: string): boolean {
    return this.#role('join').acts.join(connectionId, group);
  }

  /** Takes a connection out of a group. False as `protect`. Throws HandlerError GROUP_INVALID. */
  leave(connectionId: number, group: string): boolean {
    return this.#role('leave').acts.leave(connectionId, group);
  }

  /**
   * Sends to every connection that is in the group when the owner of its socket hears of
   * it, but for those in `except`, at most 1000 ids. Each gets it at most once, in the
   * order in which this process sends to groups, uids and connections. What a slow client
   * cannot take is its own affair: it is closed by its own bounds, and nobody waits.
   *
   * What this process has sent to single connections and still gathers, also in the
   * running handler, goes out before: it is not part of a settlement any more. False when
   * more than `reactorMemoryLimit` would wait for an owner of sockets, whose members do not
   * get it then, and for more bytes than `send` takes. Throws HandlerError GROUP_INVALID,
   * SEND_INVALID.
   */
  sendToGroup(
    group: string,
    data: string | Uint8Array,
    { except = [] }: { readonly except?: readonly number[] } = {},
  ): boolean {
    return this.#role('sendToGroup').acts.sendToGroup(group, data, except);
  }

  /** As `sendToGroup`, to every open connection that is bound to `uid`. Throws HandlerError UID_INVALID, SEND_INVALID. */
  sendToUid(uid: Uid, data: string | Uint8Array): boolean {
    return this.#role('sendToUid').acts.sendToUid(uid, data);
  }

  /** Closes every member of a group: what was sent is flushed first, unless `reset`. Throws HandlerError GROUP_INVALID. */
  closeGroup(group: string, options: { readonly reset?: boolean } = {}): boolean {
    return this.#role('closeGroup').acts.closeGroup(group, options.reset === true);
  }

  /** The same for the connections of a uid. Throws HandlerError UID_INVALID. */
  closeUid(uid: Uid, options: { readonly reset?: boolean } = {}): boolean {
    return this.#role('closeUid').acts.closeUid(uid, options.reset === true);
  }

  /**
   * Posts a task, and returns its id at once. It is done in a task worker, by the
   * method with `@OnTask` (or `@OnTask(name)`); each of its results comes to
   * `callback`, or else to `@OnFinish` in this process, and so does the error of one
   * that fails. Works in workers, user processes, the master and the manager.
   *
   * `dst` counts task workers from 0; left out, the one that has least gets it. In
   * the queue modes the task is done at least once from the moment at which the
   * queue has it, and what keeps it from that comes as its error.
   *
   * Throws TaskError TASK_QUEUE_FULL while `taskQueueLimit` tasks wait here
   * (`await server.taskRoom()`), TASK_TOO_LONG, TASK_NO_WORKERS, TASK_NO_HANDLER;
   * ProcessError NOT_IN_THIS_ROLE in a task worker. A payload above `taskSpoolSize`
   * is written to a file first; where that fails, it is told as the failure of the
   * task, TASK_SPOOL_FAILED.
   */
  task<Result = unknown>(
    data: unknown,
    dst?: number | TaskOptions,
    callback?: (result: TaskResult<Result>) => unknown,
  ): number {
    const options = typeof dst === 'object' ? dst : { dst };
    const tell = callback as ((result: TaskResult) => unknown) | undefined;
    return this.#role('task').tasks.task(options.name ?? '', data, options.dst, tell);
  }

  /**
   * Posts a task and waits for its first result; undefined when it finishes without
   * one. Rejects with what its handler threw, or with TaskError: TASK_TIMEOUT after
   * `timeout` ms, TASK_WORKER_LOST when its task worker died and `taskRetries` are
   * used up, TASK_SPOOL_FAILED when a large payload or result could not be written or
   * read, and as `task` does. At `taskQueueLimit` it waits for room, or rejects,
   * as `taskQueuePolicy` says. A task that has been given up is not started any more
   * if no task worker has it, in the queue modes if the queue has not accepted it;
   * else its result is dropped and counted.
   */
  async taskWait<Result = unknown>(
    data: unknown,
    options: TaskWaitOptions & { readonly name?: string } = {},
  ): Promise<Result> {
    return (await this.#role('taskWait').tasks.taskWait(options.name ?? '', data, options)) as Result;
  }

  /** Posts several tasks and waits for all of them; what became of each is in its place, as `Promise.allSettled` tells it. */
  async taskWaitMulti<Result = unknown>(
    all: readonly unknown[],
    options: TaskWaitOptions & { readonly name?: string } = {},
  ): Promise<PromiseSettledResult<Result>[]> {
    return Promise.allSettled(all.map(async (data) => this.taskWait<Result>(data, options)));
  }

  /** Resolves when fewer than `taskQueueLimit` tasks wait in this process: `task` takes one more then. */
  async taskRoom(): Promise<void> {
    return this.#role('taskRoom').tasks.room();
  }

  /**
   * Posts a task to the queue, and resolves when that has accepted it: then it is
   * done at least once, whatever dies. `duplicate` tells that an earlier task with
   * the same `dedupeKey` is there still, whose id this is. Its result comes to
   * `@OnFinish` of this process, or of the one after it, under that id. Works in
   * every process that has a server, task workers included, and only with
   * `taskIpcMode: 'queue'` or `'sharedQueue'`.
   *
   * Rejects with TaskError TASK_NO_QUEUE without one, TASK_QUEUE_FULL at
   * `taskQueueLimit` with `taskQueuePolicy: 'reject'`, TASK_STORE_FAILED when it
   * cannot be written, TASK_OPTION_INVALID, TASK_TARGET_INVALID, TASK_TOO_LONG,
   * TASK_NO_HANDLER, TASK_NO_WORKERS.
   */
  async enqueue(data: unknown, options: EnqueueOptions = {}): Promise<Accepted> {
    return this.#role('enqueue').tasks.enqueue(data, options);
  }

  /**
   * Sends a message to another worker, task worker or user process, by its id or
   * the name of a user process; there `@OnPipeMessage` gets it. Messages of one
   * process to another keep their order. One that its handler has not been started
   * with when that process ends goes to the one after it.
   *
   * False when more than `pipeWindow` bytes wait for that process: then nothing was
   * sent (`sendMessageWait` waits for room). Throws ProcessError NO_SUCH_WORKER for
   * nobody and for oneself, NO_MESSAGE_HANDLER, MESSAGE_TOO_LONG above 64 MiB.
   */
  sendMessage(data: unknown, dst: number | string): boolean {
    return this.#role('sendMessage').messenger.send(data, dst);
  }

  /** As `sendMessage`; resolves when there was room for the message and it is on its way. */
  async sendMessageWait(data: unknown, dst: number | string): Promise<void> {
    return this.#role('sendMessageWait').messenger.sendWhenRoom(data, dst);
  }

  /** Sends a message to all other workers and task workers. Returns how many it went to: one for which too much waits is left out. */
  broadcast(data: unknown): number {
    return this.#role('broadcast').messenger.broadcast(data);
  }

  /**
   * Sends a message and resolves with what `@OnPipeMessage` returns there. Rejects
   * with what that throws; with ProcessError ASK_TIMEOUT after `timeout` ms (5000; 0
   * waits for ever), ASK_LOST when that process ends after it has begun,
   * MESSAGE_TOO_LONG for an answer above 64 MiB, and as `sendMessage` throws.
   */
  async ask<Answer = unknown>(
    dst: number | string,
    data: unknown,
    options: { readonly timeout?: number } = {},
  ): Promise<Answer> {
    const { timeout = ASK_TIMEOUT_MS } = options;
    return (await this.#role('ask').messenger.ask(data, dst, timeout)) as Answer;
  }

  /**
   * Calls `run` with the timer's id every `interval` ms, 1 to 2^31-1. Runs keep
   * to multiples of the interval; an async one never overlaps itself, and what is
   * missed is skipped. Throws HandlerError TIMER_INVALID.
   */
  tick(interval: number, run: TimerFunction): number {
    return this.#role('tick').tick(interval, run);
  }

  /** Calls `run` once after `delay` ms, 1 to 2^31-1. Throws HandlerError TIMER_INVALID. */
  after(delay: number, run: TimerFunction): number {
    return this.#role('after').after(delay, run);
  }

  /** Says whether the timer existed. */
  clearTimer(id: number): boolean {
    return this.#role('clearTimer').clearTimer(id);
  }

  // What follows asks another process, and works in every one. It rejects with
  // ProcessError ASK_TIMEOUT when nobody answers within 5 s, ASK_LOST when the one
  // that was asked dies.

  /** Counters of the whole server since its start. */
  async stats(): Promise<ServerStats> {
    return this.#role('stats').ask({ what: 'stats' });
  }

  /** The whole server at this moment, process by process. */
  async status(): Promise<ServerStatus> {
    return this.#role('status').ask({ what: 'status' });
  }

  /** What is known of a connection where its socket is; undefined when it is over. */
  async getClientInfo(connectionId: number): Promise<ClientInfo | undefined> {
    const info = await this.#role('getClientInfo').ask({ what: 'clientInfo', id: connectionId });
    return info ?? undefined;
  }

  /** Whether a connection is open: false once it is closing. */
  async exist(connectionId: number): Promise<boolean> {
    return (await this.getClientInfo(connectionId))?.state === 'open';
  }

  /**
   * All connections, in the order of their ids: `for await (const info of server.connections)`.
   * They are fetched a hundred at a time, so those that come or go meanwhile may
   * be there or not.
   */
  get connections(): AsyncIterable<ClientInfo> {
    return pages(this.#role('connections'));
  }

  /**
   * Says whose a connection is: a safe integer, or a string of 1 to 200 characters. Several
   * may be of one uid, and a connection is of one for life: false when it has another, and
   * when it is not open. Under `dispatchMode: 'uid'` all connections of one uid go to one
   * worker, each when everything of it is settled. Rejects with HandlerError UID_INVALID, and,
   * like all requests, with ProcessError ASK_OVERFLOW while 10 000 of this process wait.
   */
  async bind(connectionId: number, uid: Uid): Promise<boolean> {
    return this.#role('bind').acts.bind(connectionId, uid);
  }

  /** Whether `uid` has an open connection. Rejects with HandlerError UID_INVALID. */
  async isOnline(uid: Uid): Promise<boolean> {
    return this.#role('isOnline').acts.isOnline(uid);
  }

  /** Ids of the open connections of a uid, fetched a thousand at a time. */
  connectionsOf(uid: Uid): AsyncIterable<number> {
    return this.#role('connectionsOf').acts.connectionsOf(uid);
  }

  /** How many connections are in a group. Rejects with HandlerError GROUP_INVALID. */
  async groupSize(group: string): Promise<number> {
    return this.#role('groupSize').acts.groupSize(group);
  }

  /** Ids of the members of a group, fetched a thousand at a time: those that come or go meanwhile may be there or not. */
  members(group: string): AsyncIterable<number> {
    return this.#role('members').acts.members(group);
  }

  /** Names of the groups that a connection is in; none for one that is not open. */
  async groupsOf(connectionId: number): Promise<readonly string[]> {
    return this.#role('groupsOf').acts.groupsOf(connectionId);
  }

  /**
   * Ids of the connections that have been silent for longer than their `heartbeatIdleTime`,
   * but for those that are protected; with `close` they are closed, as they would be at the
   * next check. Rejects with ProcessError NOT_SUPPORTED where no listener has one.
   */
  async heartbeat(close = false): Promise<number[]> {
    const { acts, setting } = this.#role('heartbeat');
    if (setting.listeners.some((each) => isStream(each) && each.heartbeatIdleTime > 0))
      return acts.stale(close);
    throw new ProcessError(
      'NOT_SUPPORTED',
      'server.heartbeat looks at how long clients are silent: write heartbeatIdleTime in a listener',
    );
  }

  /** How a worker, task worker or user process is doing; undefined for an id that there is not. */
  async getWorkerStatus(workerId: number): Promise<ProcessStatus | undefined> {
    const { processes } = await this.status();
    return processes.find((each) => each.workerId === workerId && each.state !== 'stopping');
  }

  /** The pid of a worker; undefined while it is being replaced, and for an id that there is not. */
  async getWorkerPid(workerId: number): Promise<number | undefined> {
    const pid = (await this.getWorkerStatus(workerId))?.pid;
    return pid === 0 ? undefined : pid;
  }

  /**
   * Replaces all workers and task workers, or task workers `only`, by new ones
   * with the code that is on disk. Resolves when the first of the new ones have
   * proved themselves and no old one has been touched yet, so that a handler may
   * wait for it in a worker that will be replaced.
   *
   * Rejects with ProcessError RELOAD_FAILED when the new code cannot boot (the old
   * workers serve on; the cause is the worker's own error), RELOAD_RUNNING while
   * another reload runs.
   */
  async reload(options: { readonly only?: 'task' } = {}): Promise<ReloadReport> {
    const only = options.only === 'task' ? ({ only: 'taskWorker' } as const) : {};
    const report = await this.#role('reload').ask({ what: 'reload', until: 'accepted', ...only });
    return orThrow(report);
  }

  /**
   * Retires one worker, by default this one: a new one is started, takes its
   * place when it is ready, and the old one finishes what it has begun. Of a user
   * process there are never two: the old one leaves, then a new one is started.
   * Resolves when the new one serves, at once in a user process that stops itself. Rejects with ProcessError NO_SUCH_WORKER, or
   * BOOT_FAILED when no new one can be started; then the old one serves on.
   */
  async stop(workerId = this.workerId): Promise<void> {
    const role = this.#role('stop');
    const asked = role.ask({ what: 'stopWorker', workerId });
    // It leaves before the new one is started, and would wait for itself.
    if (role.role === 'userProcess' && workerId === role.workerId) asked.catch(() => {});
    else await asked;
  }

  /**
   * Asks a process of this server, from any of them: the handler of the command is
   * called there with a structured clone of `data`, beside whatever else runs
   * there, and a clone of what it returns comes back. Both have at most 1 MiB.
   *
   * Rejects with what the handler throws (message, stack, cause and code are
   * kept), or with ProcessError COMMAND_UNKNOWN, NO_SUCH_PROCESS, COMMAND_INVALID,
   * COMMAND_TOO_LONG, COMMAND_OVERFLOW; ASK_TIMEOUT when the answer takes longer than `timeout`,
   * ASK_LOST when the process is gone, does not serve yet or is being replaced.
   */
  async command<Answer = unknown>(
    name: string,
    target: CommandTarget,
    data?: unknown,
    { timeout = COMMAND_TIMEOUT_MS }: CommandOptions = {},
  ): Promise<Answer> {
    const role = this.#role('command');
    const problem = commandProblem(name, target, timeout);
    if (problem !== undefined) throw new ProcessError('COMMAND_INVALID', problem);
    return (await role.command(name, target, data, timeout)) as Answer;
  }

  /** Stops the whole server in order, from any process. */
  async shutdown(): Promise<void> {
    await this.#role('shutdown').ask({ what: 'shutdown' });
  }

  async #start(platform: Platform): Promise<RunningServer> {
    return startRole({
      platform,
      definition: {
        name: this.#name,
        settings: this.#settings,
        handlers: this.#handlers,
        timers: this.#timers,
        processes: this.#processes,
        ...(this.#container !== undefined && { container: this.#container }),
      },
      server: {
        binding: [Server, this],
        attach: (actions) => {
          this.#actions = actions;
          enterServer(this);
        },
      },
    });
  }

  #role(member: string): RoleActions {
    if (this.#actions !== undefined) return this.#actions;
    throw new ConfigError(
      'CONFIG_WRONG_ORDER',
      `server.${member} works once start() was called; call it in a handler or after start()`,
    );
  }

  #requireNotStarted(method: string): void {
    if (!this.#started) return;
    throw new ConfigError(
      'CONFIG_WRONG_ORDER',
      `server.${method} must be called before start(), in the program's top level`,
    );
  }
}

const PAGE = 100;
/** Of `ask`. */
const ASK_TIMEOUT_MS = 5_000;

/** Whether a handler of it serves listeners. */
function isOfListener(event: EventName): boolean {
  const kind = eventTable[event]?.kind;
  return kind === 'connection' || kind === 'datagram';
}

async function* pages(role: RoleActions): AsyncGenerator<ClientInfo, void> {
  for (let after = -1; ;) {
    const page = await role.ask({ what: 'connections', after, limit: PAGE });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

/** A server described by calls instead of decorators: `createServer({ … }).on('receive', …).start()`. */
export function createServer(settings: ServerInput = {}): Server {
  return new Server({ name: settings.name ?? 'server', settings, handlers: [], timers: [] });
}
