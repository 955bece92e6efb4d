/**
 * What one process has to do with the others of its server, beside its manager:
 * tasks, messages, and sends to connections that others own. Every process has
 * one; who takes part in what follows from its role and its handlers.
 */
import { largestSend, usesQueue } from '../config/limits.js';
import type { Settings } from '../config/load.js';
import type { Container, Definition, RoleName } from '../definition.js';
import { fromWire, ProcessError, TaskError, type WireError } from '../errors.js';
import type { BoundHandler } from '../events/bound-handler.js';
import { bind, handlerFor, namesOf } from '../events/handler-table.js';
import type { Invoker } from '../events/invoke.js';
import type { Logger } from '../log.js';
import { ForeignSends } from '../mesh/foreign-sends.js';
import type { GuestEvents } from '../mesh/guest.js';
import { Mesh, type MeshIdentity } from '../mesh/mesh.js';
import type { Way, WayEvents } from '../mesh/way.js';
import { Inbox } from '../messaging/inbox.js';
import { MAX_MESSAGE_BYTES, Messenger, type Addressee } from '../messaging/messenger.js';
import { MAX_BODY_BYTES } from '../pipe/frame.js';
import { FrameKind, MeshFlag, type OrphanedResult, type Peer } from '../pipe/messages.js';
import { byteLength, type Part } from '../pipe/parts.js';
import { decode, type Encoded } from '../pipe/payload.js';
import { spoolDirectoryOf } from '../pipe/spool-names.js';
import { noTasks, type TaskCounters } from '../pipe/task-counters.js';
import type { Platform } from '../platform/platform.js';
import { ConnectionIds } from '../pipe/connection-ids.js';
import { FinishCaller, WaitCaller } from '../tasks/callers.js';
import { LeasedTasks } from '../tasks/leased-tasks.js';
import { Orphans } from '../tasks/orphans.js';
import type { Posting } from '../tasks/posting.js';
import type { PostedTask } from '../tasks/task-call.js';
import { QueueClient, type EnqueueOptions } from '../tasks/queue-client.js';
import type { Accepted } from '../tasks/queue/task-queue.js';
import type { Wish } from '../tasks/room-line.js';
import { Spool, type Spooled } from '../tasks/spool.js';
import { TaskPool } from '../tasks/task-pool.js';
import { TaskRunner, type TaskHandler } from '../tasks/task-runner.js';
import type { TaskActions, TaskWaitOptions } from '../role-actions.js';
import type { TaskRun } from '../tasks/task-run.js';
import { outcomeHead } from '../pipe/queued-tasks.js';
import { TaskResult } from '../tasks/task.js';

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
}

export class Exchange implements TaskActions {
  readonly messenger: Messenger;
  /** Straight to task workers, or through the queue. */
  readonly tasks: Posting;
  readonly foreign: ForeignSends;
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
  /** Handlers of results that have not settled. */
  #finishing = 0;
  readonly #finish = new FinishCaller((result) => this.#finished(result));
  readonly #handlers = new Map<string, BoundHandler>();

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
      resolve: (addressee) => this.#resolve(addressee),
      audience: () => this.#audience(),
    });
    this.#inbox = new Inbox(invoker, () => this.#bound('pipeMessage', ''), parts.workerId);
    const { taskSpoolSize } = settings;
    this.#spool = new Spool(platform.files, spoolDirectoryOf(settings.taskTmpdir, directory));
    if (usesQueue(settings)) this.tasks = this.#client = this.#makeClient();
    else this.tasks = this.#makePool();
    this.#orphans = new Orphans(mesh, this.#spool, taskSpoolSize);
    const wayToOwner = (connectionId: number): Way | undefined => {
      if (!Number.isSafeInteger(connectionId) || connectionId < 0) return undefined;
      if (settings.mode === 'process') return mesh.wayToReactor(connectionId % settings.reactorNum);
      return mesh.wayToIncarnation(ConnectionIds.incarnationOf(connectionId));
    };
    this.foreign = new ForeignSends(wayToOwner, settings.reactorMemoryLimit, largestSend(settings));
    if (role !== 'taskWorker') return;
    this.#runner = this.#makeRunner();
    if (this.#client !== undefined) this.#leased = this.#makeLeased(this.#runner);
  }

  /** Sends to a connection from a process that serves none, see `Server.send`. */
  send(connectionId: number, data: Part): boolean {
    const bytes = byteLength(data);
    if (bytes === 0) return true;
    if (!this.foreign.send(connectionId, data, bytes)) return false;
    this.parts.invoker.sent(connectionId, data, bytes);
    return true;
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
      callback === undefined ? this.#finish : new FinishCaller((result) => this.#tell(callback, result));
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
    return (this.#runner?.running ?? 0) + this.#inbox.pending + this.#finishing;
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
      results: this.#finishing,
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
      orphan: (_guest, flags, buffer, start, end, taken) => {
        if ((flags & MeshFlag.spooled) !== 0) {
          void this.#adoptFile(flags & MeshFlag.encoding, buffer.toString('utf8', start, end), taken);
          return;
        }
        this.#adopt(decode(flags & MeshFlag.encoding, buffer, start, end) as OrphanedResult);
        taken();
      },
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
      drained: (guest) => this.#runner?.drained(guest),
      left: (guest, owed) => {
        this.#inbox.left(guest);
        this.#runner?.left(guest, owed);
        this.#leased?.left(guest, owed);
      },
    };
  }

  /** A task of a predecessor of this process has finished. */
  #adopt({ taskId, data, taskWorkerId, dispatchTime, error, input, name }: OrphanedResult): void {
    const failure = error === undefined ? undefined : fromWire(error);
    this.#finished(new TaskResult(taskId, data, taskWorkerId, dispatchTime, failure, true, input, name));
  }

  async #adoptFile(encoding: number, name: string, taken: () => void): Promise<void> {
    this.#finishing++;
    try {
      const content = await this.#spool.read(name, 'a result of a task of the process before this one');
      this.#adopt(decode(encoding, content, 0, content.length) as OrphanedResult);
    } catch (error) {
      this.parts.logger.error('a result of a task of the process before this one is lost', { error });
    } finally {
      this.#finishing--;
      taken();
    }
  }

  async #bequeath(
    run: TaskRun,
    { encoding, body }: Encoded,
    failed: boolean,
    file: Spooled | undefined,
    taskId = run.taskId,
  ): Promise<void> {
    if (!run.bequeaths) {
      if (file !== undefined) this.#spool.discard(file.name);
      return;
    }
    const own = { taskId, name: run.name, taskWorkerId: this.parts.workerId() };
    const { dispatchTime } = run;
    const heir = run.guest.hello.workerId;
    if (file === undefined) {
      const value = outcomeOf(failed, encoding, Buffer.from(body as Buffer));
      this.#orphans.add(heir, { ...own, dispatchTime, input: run.data, ...value });
      return;
    }
    this.#finishing++;
    try {
      const content = await this.#spool.read(file.name, `a result of task ${run.taskId}`);
      const value = outcomeOf(failed, encoding, content);
      this.#orphans.add(heir, { ...own, dispatchTime, input: run.data, ...value });
    } catch (error) {
      this.#orphans.dropped++;
      this.parts.logger.error('a result whose poster is gone is lost', { error });
    } finally {
      this.#finishing--;
      this.#spool.discard(file.name);
    }
  }

  // Handlers.

  #finished(result: TaskResult): void {
    const handler = this.#bound('finish', result.name) ?? this.#bound('finish', '');
    if (handler !== undefined) this.#callFinish(handler, result);
    else if (result.error !== undefined) this.#reportFailure(result);
  }

  /** To the callback that came with the task. */
  #tell(callback: (result: TaskResult) => unknown, result: TaskResult): void {
    const run = (): unknown => callback(result);
    this.#callFinish({ event: 'finish', label: 'the callback of a task', run, parameters: 1 }, result);
  }

  #callFinish(handler: BoundHandler, result: TaskResult): void {
    this.#finishing++;
    const produced = (): void => void this.#finishing--;
    this.parts.invoker.produce(handler, result.taskId, 0, result, { produced }, 'loud');
  }

  #reportFailure({ taskId, name, error }: TaskResult): void {
    const which = name === '' ? `task ${taskId}` : `task ${taskId}, '${name}',`;
    this.parts.logger.error(`${which} has failed, and no @OnFinish is there to hear it`, { error });
  }

  #bound(event: 'finish' | 'pipeMessage', name: string): BoundHandler | undefined {
    const key = `${event} ${name}`;
    const known = this.#handlers.get(key);
    if (known !== undefined) return known;
    const { definition, role, process, container } = this.parts;
    const spec = handlerFor(definition, event, role, name, process);
    if (spec === undefined) return undefined;
    const handler = bind(spec, container());
    this.#handlers.set(key, handler);
    return handler;
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
        void this.#bequeath(run, content, false, undefined, outcomeHead(meta, id, workerId()).taskId);
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
      onOrphan: async (run, result, failed, file) => this.#bequeath(run, result, failed, file),
    });
  }

  // Who can be sent messages.

  /** The id of whoever is meant. Throws for nobody, oneself, and one that handles no messages. */
  #resolve(addressee: Addressee): number {
    const { settings, userProcesses } = this.parts;
    const workers = settings.workerNum + settings.taskWorkerNum;
    const total = workers + userProcesses.length;
    const index = typeof addressee === 'string' ? userProcesses.indexOf(addressee) : -1;
    const workerId = typeof addressee === 'number' ? addressee : index < 0 ? -1 : workers + index;
    if (!Number.isInteger(workerId) || workerId < 0 || workerId >= total)
      throw new ProcessError('NO_SUCH_WORKER', unknownAddressee(addressee, total, userProcesses));
    if (workerId === this.parts.workerId())
      throw new ProcessError(
        'NO_SUCH_WORKER',
        `worker ${workerId} is this process, which does not send to itself`,
      );
    this.#requireHandler(this.#roleOf(workerId), userProcesses[workerId - workers]);
    return workerId;
  }

  #requireHandler(role: RoleName, process?: string): void {
    if (handlerFor(this.parts.definition, 'pipeMessage', role, '', process) !== undefined) return;
    throw new ProcessError(
      'NO_MESSAGE_HANDLER',
      'nobody there handles messages: add a method with @OnPipeMessage',
    );
  }

  #roleOf(workerId: number): RoleName {
    const { workerNum, taskWorkerNum } = this.parts.settings;
    if (workerId < workerNum) return 'worker';
    return workerId < workerNum + taskWorkerNum ? 'taskWorker' : 'userProcess';
  }

  #audience(): readonly number[] {
    this.#requireHandler('worker');
    const { workerNum, taskWorkerNum } = this.parts.settings;
    const all = Array.from({ length: workerNum + taskWorkerNum }, (_, workerId) => workerId);
    return all.filter((workerId) => workerId !== this.parts.workerId());
  }
}

/** What the process after the poster is told. */
function outcomeOf(
  failed: boolean,
  encoding: number,
  content: Buffer,
): Pick<OrphanedResult, 'data' | 'error'> {
  if (failed) return { error: JSON.parse(content.toString()) as WireError };
  return { data: decode(encoding, content, 0, content.length) };
}

function unknownAddressee(addressee: Addressee, total: number, names: readonly string[]): string {
  if (typeof addressee === 'number')
    return `there is no worker ${addressee} to send a message to: ids are 0 to ${total - 1}`;
  const known = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
  return `there is no user process '${addressee}' to send a message to: ${known}`;
}

/** How often a process that leaves looks whether everything has arrived, in ms. */
const POLL_MS = 2;
