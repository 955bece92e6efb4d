/**
 * The process that has the queue of tasks, alone in opening its store. It takes
 * tasks from those who post them, lends them to task workers, and runs no code of
 * the application.
 *
 *   posters ── enqueue ──▶ reception ──▶ the queue ──▶ lending ── lease ──▶ task workers
 *           ◀── accepted ─                         ◀── ended, failed ─────
 *
 * Results go from the task worker to the poster, past this process.
 */
import type { Settings } from '../config/load.js';
import { ProcessError, TaskError, fromWire, toWire, type WireError } from '../errors.js';
import type { Logger } from '../log.js';
import { Mesh, type MeshIdentity } from '../mesh/mesh.js';
import type { WayEvents } from '../mesh/way.js';
import type { GuestEvents } from '../mesh/guest.js';
import { largestSend } from '../config/limits.js';
import { nobodysAnswer } from '../pipe/orders.js';
import { MAX_BODY_BYTES } from '../pipe/frame.js';
import type { OrphanedResult, Peer, Settlement } from '../pipe/messages.js';
import type { WorkerCounters } from '../pipe/counters.js';
import type { InnerQuestion } from '../pipe/notes.js';
import {
  outcomeHead,
  packHead,
  type OutcomeHead,
  type QueuedMeta,
  type TaskSummary,
} from '../pipe/queued-tasks.js';
import { spoolDirectoryOf } from '../pipe/spool-names.js';
import { noTasks } from '../pipe/task-counters.js';
import type { Platform, Store } from '../platform/platform.js';
import { Orphans } from '../tasks/orphans.js';
import { Spool } from '../tasks/spool.js';
import { StoredQueue } from '../tasks/queue/stored-queue.js';
import { Lending } from './lending.js';
import { Reception } from './reception.js';

/** A store may belong to a predecessor that is about to die: it is tried so often again, after so many ms each. */
const OPEN_ATTEMPTS = 10;
const OPEN_RETRY_MS = 100;
/** ms between two log lines of a store that fails. */
const TROUBLE_INTERVAL_MS = 10_000;
/** ms after which a task worker whose pipe has broken is looked for. */
const REACH_AGAIN_MS = 500;
const POLL_MS = 2;
/** Characters of a reason that is shown. */
const LONGEST_REASON = 500;

export interface QueueProcessParts {
  readonly platform: Platform;
  readonly settings: Settings;
  readonly logger: Logger;
  /** The runtime directory of the server. */
  readonly directory: string;
}

export class QueueProcess {
  readonly #mesh: Mesh;
  readonly #orphans: Orphans;
  #queue: StoredQueue | undefined;
  #reception: Reception | undefined;
  #lending: Lending | undefined;
  #peers: readonly Peer[] = [];
  #lastTrouble = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: QueueProcessParts) {
    const { platform, settings, logger, directory } = parts;
    const maxBodyBytes = Math.max(settings.taskMaxLength, largestSend(settings)) + MAX_BODY_BYTES;
    const ways = this.#ways();
    const guests = this.#guests();
    this.#mesh = new Mesh({ platform, logger, directory, maxBodyBytes, ways, guests });
    const spool = new Spool(platform.files, spoolDirectoryOf(settings.taskTmpdir, directory));
    // They are errors, and small.
    this.#orphans = new Orphans(this.#mesh, spool, Infinity);
  }

  /** Opens the store, and takes tasks from here on. Rejects with what is wrong with it. */
  async open(identity: MeshIdentity): Promise<void> {
    const { platform, settings, logger } = this.parts;
    const { taskIpcMode, taskWorkerNum, workerNum, taskQueueLimit, taskRetries, taskConcurrency } = settings;
    const store = await this.#openStore();
    this.#queue = await StoredQueue.open({
      store,
      clock: platform.clock,
      random: platform.random,
      limit: taskQueueLimit,
      targets: taskIpcMode === 'queue' ? taskWorkerNum : 0,
      maxAttempts: 1 + taskRetries,
      events: {
        ready: () => this.#lending?.pump(),
        room: () => this.#reception?.room(),
        died: (task) => this.#died(task),
        trouble: (error) => this.#trouble(error),
      },
    });
    const { waiting, delayed, dead } = this.#queue.counts();
    logger.info(`the queue ${store.path} is open: ${waiting + delayed} tasks wait, ${dead} are dead letters`);
    const queue = this.#queue;
    const { clock } = platform;
    this.#reception = new Reception(queue, clock);
    this.#lending = new Lending({ clock, mesh: this.#mesh, queue, workerNum, taskConcurrency });
    this.#mesh.identify(identity);
    await this.#mesh.listen();
  }

  /** Lends from here on. */
  serve(): void {
    this.#lending!.start(this.#peers);
  }

  setPeers(peers: readonly Peer[]): void {
    this.#peers = peers;
    this.#mesh.setPeers(peers);
    this.#lending?.setPeers(peers);
    this.#orphans.pump();
  }

  /** Finishes what it has begun, and leaves the store to others. */
  async close(deadline: number): Promise<void> {
    const { clock } = this.parts.platform;
    const end = clock.now() + deadline;
    this.#reception?.close();
    this.#mesh.retire();
    this.#lending?.stop();
    while ((this.#reception?.pending ?? 0) > 0 && clock.now() < end)
      await new Promise<void>((resolve) => clock.setTimer(POLL_MS, resolve));
    await this.#queue?.close();
    while (this.#mesh.backlog > 0 && clock.now() < end)
      await new Promise<void>((resolve) => clock.setTimer(POLL_MS, resolve));
    this.#mesh.close();
  }

  /** Without ceremony: whoever started this process is gone. */
  abandon(): void {
    this.#mesh.close();
  }

  get done(): number {
    return this.#lending?.done ?? 0;
  }

  /** Posts that are not answered yet. */
  get pending(): number {
    return this.#reception?.pending ?? 0;
  }

  get counters(): WorkerCounters {
    const queue = this.#queue?.counts();
    const retried = this.#lending?.retried ?? 0;
    return { failedHandlers: 0, tasks: { ...noTasks, retried }, ...(queue !== undefined && { queue }) };
  }

  async answer(question: InnerQuestion): Promise<unknown> {
    const queue = this.#queue!;
    switch (question.what) {
      case 'needsFiles':
        return false;
      case 'counters':
        return this.counters;
      case 'tasks': {
        const { state, after, limit } = question;
        return queue.list({ after, limit, ...(state !== undefined && { state }) }).map(shown);
      }
      case 'retryTasks':
        return queue.retry(question.ids ?? 'all');
      case 'drainTasks':
        return queue.drain();
      default:
        throw new ProcessError('NOT_IN_THIS_ROLE', `the queue does not answer '${question.what}'`);
    }
  }

  async #openStore(): Promise<Store> {
    const { platform, settings } = this.parts;
    const { queueDirectory, messageQueueKey, taskDurability, taskSyncInterval } = settings;
    const place = {
      parent: queueDirectory,
      name: messageQueueKey,
      syncInterval: taskDurability === 'sync' ? 0 : taskSyncInterval,
    };
    for (let attempt = 1; ; attempt++) {
      try {
        return await platform.stores.open(place);
      } catch (error) {
        const mayHelp = (error as { code?: string }).code === 'CONFIG_QUEUE_DIRECTORY';
        if (!mayHelp || attempt === OPEN_ATTEMPTS) throw error;
      }
      await new Promise<void>((resolve) => platform.clock.setTimer(OPEN_RETRY_MS, resolve));
    }
  }

  #ways(): WayEvents {
    return {
      opened: (way) => {
        this.#lending?.opened(way);
        this.#orphans.pump();
      },
      reply: () => {},
      result: () => {},
      resultInFile: (_parcel, _flags, _name, taken) => taken(),
      told: (way, kind, flags, id, buffer, start, end) =>
        this.#lending?.told(way, kind, flags, id, buffer, start, end),
      response: () => {},
      outcome: (way, seq, flags, headBytes, buffer, start, end) => {
        const settle = (how: Settlement): void => way.settle(seq, how);
        if (this.#reception === undefined) return 'discarded';
        return this.#reception.forward(flags, headBytes, buffer, start, end, settle);
      },
      drained: () => {},
      retired: () => {},
      turn: () => {},
      closed: (way, unsettled) => {
        this.#orphans.lost(way, unsettled);
        this.#lending?.closed(way);
        // One that lives is reached over another pipe; mostly it is dead, and the manager will say so.
        const { clock } = this.parts.platform;
        if (!way.blameless) clock.setTimer(REACH_AGAIN_MS, () => this.#lending?.setPeers(this.#peers));
      },
    };
  }

  #guests(): GuestEvents {
    return {
      message: (guest, _wantsReply, _flags, _sentAt, seq) => guest.settle(seq, 'discarded'),
      task: (guest, _flags, _attempt, _sentAt, seq) => guest.settle(seq, 'returned'),
      orphan: () => {},
      poster: (guest, token) => this.#reception!.poster(guest, token),
      enqueue: (guest, flags, seq, headBytes, buffer, start, end) =>
        this.#reception!.enqueue(guest, flags, seq, headBytes, buffer, start, end),
      lease: () => {},
      recall: () => {},
      outcome: () => 'discarded',
      send: () => {},
      end: () => {},
      order: () => {},
      answer: nobodysAnswer,
      sendTo: () => {},
      request: (guest, _kind, _flags, _id, seq) => guest.settle(seq, 'discarded'),
      drained: () => {},
      left: (guest) => this.#reception?.left(guest),
    };
  }

  #died(task: TaskSummary): void {
    const { id, attempts, reason } = task;
    const meta = task.meta as QueuedMeta;
    const { name } = meta;
    const which = name === undefined ? `task ${id}` : `task ${id}, '${name}',`;
    const { logger } = this.parts;
    const error = reason === undefined ? undefined : fromWire(reason);
    logger.warn(`${which} is a dead letter after ${attempts} attempts: ${reason?.message ?? 'unknown'}`, {
      error,
    });
    if (meta.wants === undefined) return;
    const failure = failureOf(which, attempts, reason);
    const head = outcomeHead(meta, id, -1);
    if (this.#reception?.tellFailure(meta, packHead(head), failure) === true) return;
    if (meta.wants === 'finish') this.#orphans.add(meta.by, orphanOf(head, failure));
  }

  #trouble(error: unknown): void {
    const { clock } = this.parts.platform;
    if (clock.now() - this.#lastTrouble < TROUBLE_INTERVAL_MS) return;
    this.#lastTrouble = clock.now();
    this.parts.logger.error('the queue of tasks cannot be written, and it is tried again', { error });
  }
}

/** What a poster is told. An error of ours says it all; that of a handler is the cause. */
function failureOf(which: string, attempts: number, reason: WireError | undefined): WireError {
  if (reason?.name === 'TaskError' && reason.code !== 'TASK_OUTPUT_INVALID') return reason;
  const message = `${which} has failed for good, at attempt ${attempts}: it is kept as a dead letter`;
  return toWire(
    new TaskError('TASK_DEAD', message, reason === undefined ? undefined : { cause: fromWire(reason) }),
  );
}

function orphanOf({ taskId, name = '', at, taskWorkerId }: OutcomeHead, error: WireError): OrphanedResult {
  return { taskId, name, taskWorkerId, dispatchTime: at, input: undefined, error };
}

/** As it travels to whoever looks at it: a page of them must stay small. */
function shown(task: TaskSummary): TaskSummary {
  const { reason } = task;
  if (reason === undefined) return task;
  const { name, code, message } = reason;
  const cut = message.slice(0, LONGEST_REASON);
  return { ...task, reason: { name, message: cut, ...(code !== undefined && { code }) } };
}
