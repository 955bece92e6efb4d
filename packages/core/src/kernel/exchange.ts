/**
 * What one process has to do with the others of its server, beside its manager:
 * tasks, messages, and sends to connections that others own. Every process has
 * one; who takes part in what follows from its role and its handlers.
 */
import type { DatagramTarget } from '../config/datagram-target.js';
import { largestSend, usesQueue } from '../config/limits.js';
import type { Settings } from '../config/load.js';
import type { Container, Definition, RoleName } from '../definition.js';
import { ProcessError, TaskError } from '../errors.js';
import { bind, handlerFor, namesOf } from '../events/handler-table.js';
import type { Invoker } from '../events/invoke.js';
import { OwnHandlers } from '../events/own-handlers.js';
import type { Logger } from '../log.js';
import { ConnectionActs } from '../directory/connection-acts.js';
import {
  LocalDirectory,
  type ConnectionDirectory,
  type ConnectionOwner,
} from '../directory/connection-directory.js';
import { MeshOwners } from '../directory/mesh-owners.js';
import { ForeignSends } from '../mesh/foreign-sends.js';
import type { Guest, GuestEvents } from '../mesh/guest.js';
import { Mesh, type MeshIdentity } from '../mesh/mesh.js';
import type { Way, WayEvents } from '../mesh/way.js';
import { Addressees } from '../messaging/addressees.js';
import { Inbox } from '../messaging/inbox.js';
import { MAX_MESSAGE_BYTES, Messenger } from '../messaging/messenger.js';
import { MAX_BODY_BYTES } from '../pipe/frame.js';
import { FrameKind, type FileRequest, type Peer } from '../pipe/messages.js';
import { nobodysAnswer } from '../pipe/orders.js';
import { promised } from '../pipe/receipt.js';
import { byteLength, type Part } from '../pipe/parts.js';
import { spoolDirectoryOf } from '../pipe/spool-names.js';
import { noTasks, type TaskCounters } from '../pipe/task-counters.js';
import type { Platform } from '../platform/platform.js';
import { ConnectionIds } from '../pipe/connection-ids.js';
import { Bequests } from '../tasks/bequests.js';
import { FinishCaller, WaitCaller } from '../tasks/callers.js';
import { Finisher } from '../tasks/finisher.js';
import { LeasedTasks } from '../tasks/leased-tasks.js';
import { Orphans } from '../tasks/orphans.js';
import type { Posting } from '../tasks/posting.js';
import type { PostedTask } from '../tasks/task-call.js';
import { QueueClient, type EnqueueOptions } from '../tasks/queue-client.js';
import type { Accepted } from '../tasks/queue/task-queue.js';
import type { Wish } from '../tasks/room-line.js';
import { Spool } from '../tasks/spool.js';
import { TaskPool } from '../tasks/task-pool.js';
import { TaskRunner, type TaskHandler } from '../tasks/task-runner.js';
import type { ClientActions, TaskActions, TaskWaitOptions } from '../role-actions.js';
import { outcomeHead } from '../pipe/queued-tasks.js';
import type { TaskResult } from '../tasks/task.js';

export interface ExchangeParts {
  readonly platform: Platform;
  readonly settings: Settings;
  readonly definition: Definition;
  readonly logger: Logger;
  readonly invoker: Invoker;
  readonly role: RoleName;
  /** The name of this user process. */
  readonly process?: string;
  /** The runtime directory of the server. */
  readonly directory: string;
  /** Names of the user processes, in the order of their ids. */
  readonly userProcesses: readonly string[];
  readonly container: () => Container | undefined;
  readonly workerId: () => number;
  /** A task worker has done as many tasks as it should. */
  readonly onRequestLimit: () => void;
}

/** The owner of sockets in this process, in base mode. */
export interface OwnedConnections {
  send(connectionId: number, buffer: Buffer, start: number, end: number, pid: number): void;
  end(connectionId: number, reset: boolean): void;
  order(headBytes: number, buffer: Buffer, start: number, end: number, pid: number): void;
  answer(buffer: Buffer, start: number, end: number): Buffer;
  sendTo(port: number, count: number, buffer: Buffer, start: number, end: number, pid: number): void;
  request(
    guest: Guest,
    kind: number,
    flags: number,
    connectionId: number,
    seq: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void;
}

export class Exchange implements TaskActions, ClientActions {
  readonly messenger: Messenger;
  /** Straight to task workers, or through the queue. */
  readonly tasks: Posting;
  readonly foreign: ForeignSends;
  /** The owners of sockets in other processes. */
  readonly directory: ConnectionDirectory;
  /** What a process that serves no connections does with them. */
  readonly acts: ConnectionActs;
  readonly #owners: MeshOwners;
  /** Set where connections are owned. */
  connections: OwnedConnections | undefined;
  readonly #mesh: Mesh;
  readonly #inbox: Inbox;
  readonly #orphans: Orphans;
  readonly #spool: Spool;
  #runner: TaskRunner | undefined;
  /** In the queue modes. */
  #client: QueueClient | undefined;
  #leased: LeasedTasks | undefined;
  #incarnation = 0;
  readonly #finisher: Finisher;
  readonly #finish = new FinishCaller((result) => this.#finisher.finish(result));
  readonly #bequests: Bequests;

  constructor(private readonly parts: ExchangeParts) {
    const { platform, settings, logger, directory, invoker, role } = parts;
    const { clock } = platform;
    const maxBodyBytes =
      Math.max(MAX_MESSAGE_BYTES, settings.taskMaxLength, largestSend(settings)) + MAX_BODY_BYTES;
    this.#mesh = new Mesh({
      platform,
      logger,
      directory,
      maxBodyBytes,
      ways: this.#ways(),
      guests: this.#guests(),
    });
    const mesh = this.#mesh;
    const window = settings.pipeWindow;
    this.messenger = new Messenger({
      clock,
      logger,
      mesh,
      observe: invoker.observe,
      window,
      addressees: new Addressees(parts),
    });
    const handlers = new OwnHandlers(parts);
    this.#finisher = new Finisher(handlers, invoker, logger);
    this.#inbox = new Inbox(invoker, () => handlers.find('pipeMessage'), parts.workerId);
    const { taskSpoolSize } = settings;
    this.#spool = new Spool(platform.files, spoolDirectoryOf(settings.taskTmpdir, directory));
    if (usesQueue(settings)) this.tasks = this.#client = this.#makeClient();
    else this.tasks = this.#makePool();
    this.#orphans = new Orphans(mesh, this.#spool, taskSpoolSize);
    this.#bequests = new Bequests(this.#orphans, this.#spool, this.#finisher, logger, parts.workerId);
    const wayToOwner = (connectionId: number): Way | undefined => {
      if (!Number.isSafeInteger(connectionId) || connectionId < 0) return undefined;
      if (settings.mode === 'process') return mesh.wayToReactor(connectionId % settings.reactorNum);
      return mesh.wayToIncarnation(ConnectionIds.incarnationOf(connectionId));
    };
    this.foreign = new ForeignSends(wayToOwner, settings.reactorMemoryLimit, largestSend(settings));
    this.#owners = new MeshOwners(clock, this.foreign);
    this.directory = this.#makeDirectory(wayToOwner);
    this.acts = new ConnectionActs({ directory: () => this.directory, observe: invoker.observe });
    if (role !== 'taskWorker') return;
    this.#runner = this.#makeRunner();
    if (this.#client !== undefined) this.#leased = this.#makeLeased(this.#runner);
  }

  #makeDirectory(wayToOwner: (connectionId: number) => Way | undefined): ConnectionDirectory {
    const { mode, reactorNum } = this.parts.settings;
    const mesh = this.#mesh;
    const owners = this.#owners;
    const ownerOf = (connectionId: number): ConnectionOwner | undefined => {
      const way = wayToOwner(connectionId);
      return way === undefined ? undefined : owners.at(way);
    };
    const ways = function* (): Generator<ConnectionOwner, void> {
      if (mode === 'base') for (const way of mesh.waysToWorkers()) yield owners.at(way);
      else
        for (let index = 0; index < reactorNum; index++) {
          const way = mesh.wayToReactor(index);
          if (way !== undefined) yield owners.at(way);
        }
    };
    return new LocalDirectory(mode === 'base', ownerOf, ways);
  }

  /** Sends to a connection from a process that serves none, see `Server.send`. */
  send(connectionId: number, data: Part): boolean {
    const bytes = byteLength(data);
    if (bytes === 0) return true;
    if (!this.foreign.send(connectionId, data, bytes)) return false;
    this.parts.invoker.sent(connectionId, data, bytes);
    return true;
  }

  /** Sends a datagram from a process that owns no socket for them, see `Server.sendto`. */
  sendto(to: DatagramTarget, data: Part, bytes: number): boolean {
    const way = this.#wayToDatagrams(to.listener);
    if (way === undefined || !this.foreign.sendTo(way, to, data, bytes)) return false;
    const { settings, invoker } = this.parts;
    invoker.sentDatagram(settings.listeners[to.listener]!.name, to.address, to.port, data, bytes);
    return true;
  }

  /** In base mode every worker has each socket. */
  #wayToDatagrams(listener: number): Way | undefined {
    const { mode, reactorNum, workerNum } = this.parts.settings;
    if (mode === 'process') return this.#mesh.wayToReactor(listener % reactorNum);
    for (let workerId = 0; workerId < workerNum; workerId++) {
      const way = this.#mesh.wayTo(workerId);
      if (way !== undefined) return way;
    }
    return undefined;
  }

  /** As `Server.sendWait`, likewise. */
  sendWait(connectionId: number, data: Part): Promise<void> {
    const bytes = byteLength(data);
    const sent = this.foreign.sendWait(connectionId, data, bytes);
    if (!(sent instanceof Error)) this.parts.invoker.sent(connectionId, data, bytes);
    return promised(sent);
  }

  sendFile(connectionId: number, request: FileRequest): Promise<void> {
    return promised(this.foreign.sendFile(connectionId, request));
  }

  read(connectionId: number, paused: boolean): boolean {
    return this.foreign.read(connectionId, paused);
  }

  /** Ends a connection from a process that serves none, see `Server.close`. */
  end(connectionId: number, reset: boolean): boolean {
    if (!this.foreign.end(connectionId, reset)) return false;
    this.parts.invoker.ended(connectionId, reset);
    return true;
  }

  /** Who this process is, as soon as that is known. */
  identify(identity: MeshIdentity): void {
    this.#incarnation = identity.incarnation;
    this.#mesh.identify(identity);
    this.#pump();
    this.#spool.identify(identity.incarnation, identity.pid);
  }

  /** Whether files of large payloads may still be read here that a process which is gone has written. */
  needsFilesOf(incarnation: number): boolean {
    if (this.#mesh.knows(incarnation) || this.#spool.readsOf(incarnation)) return true;
    return this.#runner?.needsFilesOf(incarnation) ?? false;
  }

  /** From here on others reach this process. */
  async listen(): Promise<void> {
    await this.#mesh.listen();
  }

  setPeers(peers: readonly Peer[]): void {
    this.#mesh.setPeers(peers);
    this.#pump();
  }

  /** See `Server.taskWait`. */
  async taskWait(name: string, data: unknown, options: TaskWaitOptions): Promise<unknown> {
    this.#checkPoster();
    const { timeout = 0, dst, signal } = options;
    signal?.throwIfAborted();
    const caller = new WaitCaller(this.parts.platform.clock, () => this.tasks.counters.lateResults++);
    let call: PostedTask | undefined;
    // Whoever has given up meanwhile does not post any more.
    const wish: Wish = { wanted: () => caller.waiting };
    const abandon = (): void => {
      if (call === undefined) wish.giveUp?.();
      else this.tasks.abandon(call);
    };
    caller.limit(timeout, signal, abandon);
    if (this.parts.settings.taskQueuePolicy === 'reject') call = this.tasks.post(name, data, dst, caller);
    else {
      this.tasks.postWhenRoom(name, data, dst, caller, wish).then(
        (posted) => {
          call = posted;
          // In the turn in which it was posted.
          if (!caller.waiting) abandon();
        },
        (error: unknown) => caller.refuse(error),
      );
    }
    return caller.settled;
  }

  /** Posts a task to the queue; resolves when that has accepted it. Rejects with `TaskError`. */
  async enqueue(data: unknown, options: EnqueueOptions): Promise<Accepted> {
    if (this.#client !== undefined) return this.#client.enqueue(data, options);
    throw new TaskError(
      'TASK_NO_QUEUE',
      "server.enqueue needs a queue: write taskIpcMode: 'queue' or 'sharedQueue', or post by server.task",
    );
  }

  /** Resolves when `task` would take one more. */
  async room(): Promise<void> {
    return this.tasks.room();
  }

  /** Posts a task whose results go to `callback`, or to `@OnFinish`. Returns its id. Throws `TaskError`. */
  task(
    name: string,
    data: unknown,
    target: number | undefined,
    callback: ((result: TaskResult) => unknown) | undefined,
  ): number {
    this.#checkPoster();
    const caller =
      callback === undefined
        ? this.#finish
        : new FinishCaller((result) => this.#finisher.tell(callback, result));
    return this.tasks.post(name, data, target, caller).id;
  }

  /** Throws where tasks cannot be posted. */
  #checkPoster(): void {
    if (this.parts.role !== 'taskWorker') return;
    throw new ProcessError(
      'NOT_IN_THIS_ROLE',
      'a task worker posts no tasks: it could wait for itself; send a message to a worker, which posts it',
    );
  }

  /** Whether this process has something to finish for others, or waits for them. */
  get busy(): boolean {
    return this.inFlight > 0 || this.tasks.open > 0;
  }

  /** Handlers of tasks, results and messages that have not settled. */
  get inFlight(): number {
    return (
      (this.#runner?.running ?? 0) + this.#inbox.pending + this.#finisher.pending + this.#bequests.pending
    );
  }

  /** Tasks that it has settled, in a task worker. */
  get done(): number {
    return this.#runner?.done ?? 0;
  }

  get counters(): TaskCounters {
    const { done, tasks, messenger } = this;
    return { ...noTasks, ...tasks.counters, ...messenger.counters, outstanding: tasks.open, done };
  }

  /** This process has a successor: it takes nothing new, and gives back what it has not started. */
  retire(): void {
    this.retireTasks();
    this.#runner?.retire();
    this.#inbox.retire();
    this.#mesh.retire();
  }

  /** It starts no further task from the queue, which keeps what is left. */
  retireTasks(): void {
    if (this.#leased === undefined) return;
    this.#leased.retire();
    this.#runner!.retire();
  }

  /**
   * Finishes what it has begun, and waits for what it wants of others, for at most
   * `deadline` ms. `replaced`: whoever does not serve at the moment will be replaced;
   * else the server stops, and nobody waits for those that are gone.
   */
  async finish(deadline: number, replaced: boolean): Promise<void> {
    await this.#until(() => this.#isDone(!replaced), deadline);
    if (this.inFlight > 0) this.#nameStragglers();
  }

  #nameStragglers(): void {
    const counts = {
      tasks: this.#runner?.running ?? 0,
      messages: this.#inbox.pending,
      results: this.#finisher.pending + this.#bequests.pending,
    };
    const all = Object.entries(counts).filter(([, count]) => count > 0);
    const which = all.map(([kind, count]) => `${count} of ${kind}`).join(', ');
    this.parts.logger.warn(`handlers had not settled when their process had to leave: ${which}`, counts);
  }

  /** Waits until everything that was sent is with the system, for at most `deadline` ms. */
  async flush(deadline: number): Promise<void> {
    await this.#until(() => this.#isFlushed, deadline);
  }

  async #until(fact: () => boolean, deadline: number): Promise<void> {
    const { clock } = this.parts.platform;
    const end = clock.now() + deadline;
    while (!fact() && clock.now() < end)
      await new Promise<void>((resolve) => clock.setTimer(POLL_MS, resolve));
  }

  get #isFlushed(): boolean {
    return this.#mesh.backlog === 0 && this.foreign.flush() === undefined;
  }

  /** Says that the end of this process is planned, and closes. */
  close(): void {
    this.#leased?.close();
    this.#mesh.close();
  }

  #isDone(reachable: boolean): boolean {
    if (this.inFlight > 0 || !this.#isFlushed) return false;
    if (!this.#spool.idle || (this.#runner?.owedFiles ?? 0) > 0) return false;
    const { tasks } = this;
    const posted = reachable ? tasks.unfinished : tasks.open;
    if (posted > 0 && (!reachable || tasks.reachable)) return false;
    const bequeathed = this.#orphans.count + (this.#leased?.outcomes.count ?? 0);
    return this.messenger.isIdle(reachable) && (reachable || bequeathed === 0);
  }

  #pump(): void {
    this.tasks.pump();
    this.messenger.pump();
    this.#orphans.pump();
  }

  /** What the pipes tell that this process has opened. */
  #ways(): WayEvents {
    return {
      opened: (way) => {
        this.foreign.opened(way);
        this.#leased?.opened(way);
        this.#pump();
      },
      reply: (_way, number, flags, buffer, start, end) =>
        this.messenger.reply(number, flags, buffer, start, end),
      result: (parcel, flags, buffer, start, end) => this.tasks.result(parcel, flags, buffer, start, end),
      response: (_way, number, buffer, start, end) => this.#owners.answered(number, buffer, start, end),
      told: (_way, kind) => {
        if (kind === FrameKind.room) this.#client?.hasRoom();
      },
      outcome: (_way, _seq, flags, headBytes, buffer, start, end) =>
        this.#client?.outcome(flags, headBytes, buffer, start, end) ?? 'discarded',
      resultInFile: (parcel, flags, name, taken) => this.tasks.resultInFile(parcel, flags, name, taken),
      retired: () => this.#pump(),
      turn: (way) => {
        this.tasks.turn(way);
        this.messenger.turn(way);
      },
      drained: (way) => {
        this.foreign.drained(way);
        this.#leased?.drained(way);
      },
      closed: (way, unsettled) => {
        this.foreign.closed(way);
        this.#owners.closed(way);
        this.messenger.lost(way, unsettled);
        this.#orphans.lost(way, unsettled);
        this.#leased?.closed(way, unsettled);
        this.tasks.lost(way, unsettled);
      },
    };
  }

  /** What other processes want. */
  #guests(): GuestEvents {
    return {
      message: (guest, wantsReply, flags, sentAt, seq, number, buffer, start, end) =>
        this.#inbox.take({ guest, wantsReply, flags, sentAt, seq, number, buffer, start, end }),
      task: (guest, flags, aux, sentAt, seq, taskId, nameBytes, buffer, start, end) => {
        if (this.#runner === undefined) guest.settle(seq, 'returned');
        else this.#runner.take(guest, flags, aux, sentAt, seq, taskId, nameBytes, buffer, start, end);
      },
      orphan: (_guest, flags, buffer, start, end, taken) =>
        this.#bequests.take(flags, buffer, start, end, taken),
      poster: () => {},
      enqueue: (guest, _flags, seq) => guest.settle(seq, 'returned'),
      lease: (_guest, id, headBytes, buffer, start, end) =>
        this.#leased?.lease(id, headBytes, buffer, start, end),
      recall: (guest, buffer, start, end) => this.#leased?.recall(guest, buffer, start, end),
      outcome: (flags, headBytes, buffer, start, end) =>
        this.#client?.outcome(flags, headBytes, buffer, start, end) ?? 'discarded',
      send: (guest, connectionId, buffer, start, end) =>
        this.connections?.send(connectionId, buffer, start, end, guest.hello.pid),
      end: (connectionId, reset) => this.connections?.end(connectionId, reset),
      order: (guest, headBytes, buffer, start, end) =>
        this.connections?.order(headBytes, buffer, start, end, guest.hello.pid),
      answer: (buffer, start, end) =>
        this.connections?.answer(buffer, start, end) ?? nobodysAnswer(buffer, start, end),
      sendTo: (guest, port, count, buffer, start, end) =>
        this.connections?.sendTo(port, count, buffer, start, end, guest.hello.pid),
      request: (guest, kind, flags, id, seq, buffer, start, end) => {
        if (this.connections === undefined) guest.settle(seq, 'discarded');
        else this.connections.request(guest, kind, flags, id, seq, buffer, start, end);
      },
      drained: (guest) => this.#runner?.drained(guest),
      left: (guest, owed) => {
        this.#inbox.left(guest);
        this.#runner?.left(guest, owed);
        this.#leased?.left(guest, owed);
      },
    };
  }

  #makePool(): TaskPool {
    const { settings, definition, platform } = this.parts;
    return new TaskPool({
      clock: platform.clock,
      mesh: this.#mesh,
      taskWorkers: Array.from({ length: settings.taskWorkerNum }, (_, index) => settings.workerNum + index),
      taskRetries: settings.taskRetries,
      taskQueueLimit: settings.taskQueueLimit,
      taskMaxLength: settings.taskMaxLength,
      taskSpoolSize: settings.taskSpoolSize,
      spool: this.#spool,
      names: namesOf(definition, 'task'),
      observe: this.parts.invoker.observe,
    });
  }

  #makeClient(): QueueClient {
    const { settings, definition, platform, userProcesses, role, process } = this.parts;
    const { workerNum, taskWorkerNum, taskIpcMode, taskQueueLimit, taskQueuePolicy, taskMaxLength } =
      settings;
    return new QueueClient({
      clock: platform.clock,
      mesh: this.#mesh,
      queueId: workerNum + taskWorkerNum + userProcesses.length,
      taskWorkers: taskWorkerNum,
      shared: taskIpcMode === 'sharedQueue',
      taskQueueLimit,
      waits: taskQueuePolicy === 'wait',
      taskMaxLength,
      names: namesOf(definition, 'task'),
      self: () => ({ by: this.parts.workerId(), inc: this.#incarnation }),
      token: () => Math.floor(platform.random.next() * 2 ** 48),
      finish: this.#finish,
      hears: (name) =>
        [name, ''].some((each) => handlerFor(definition, 'finish', role, each, process) !== undefined),
    });
  }

  #makeLeased(runner: TaskRunner): LeasedTasks {
    const { platform, workerId } = this.parts;
    return new LeasedTasks({
      clock: platform.clock,
      mesh: this.#mesh,
      runner,
      taskWorkerId: workerId,
      onOrphan: (run, content) => {
        const { meta, id } = run.lease;
        const { taskId } = outcomeHead(meta, id, workerId());
        void this.#bequests.leave({ run, taskId, content, failed: false });
      },
    });
  }

  #makeRunner(): TaskRunner {
    const { settings, invoker, definition, container, onRequestLimit, platform } = this.parts;
    const { taskMaxRequest, taskMaxRequestGrace, taskConcurrency, taskMaxLength, pipeWindow } = settings;
    const grace = Math.floor(platform.random.next() * (taskMaxRequestGrace + 1));
    const handlers = new Map<string, TaskHandler>();
    return new TaskRunner({
      invoker,
      find: (name) => {
        let known = handlers.get(name);
        const spec = known === undefined ? handlerFor(definition, 'task', 'taskWorker', name) : undefined;
        if (spec === undefined) return known;
        const { input, output } = spec;
        known = {
          handler: bind(spec, container()),
          ...(input !== undefined && { input }),
          ...(output !== undefined && { output }),
        };
        handlers.set(name, known);
        return known;
      },
      taskConcurrency,
      window: pipeWindow,
      taskMaxLength,
      taskSpoolSize: settings.taskSpoolSize,
      spool: this.#spool,
      requestLimit: taskMaxRequest === 0 ? Infinity : taskMaxRequest + grace,
      onRequestLimit,
      beforeResult: () => this.foreign.flush(),
      onOrphan: async (run, content, failed, file) => this.#bequests.leave({ run, content, failed, file }),
    });
  }
}

/** How often a process that leaves looks whether everything has arrived, in ms. */
const POLL_MS = 2;
