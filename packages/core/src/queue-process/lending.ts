/**
 * Lends the tasks of the queue to task workers, and hears what becomes of them.
 *
 * A queue process that comes after another one asks every task worker first what
 * it still has, and lends nothing before all have answered: else a task that is
 * being done would be done by somebody else as well.
 */
import { TaskError, toWire, type WireError } from '../errors.js';
import type { Mesh } from '../mesh/mesh.js';
import type { Way } from '../mesh/way.js';
import { FrameFlag, FrameKind, type Peer } from '../pipe/messages.js';
import { packHead, type HeldTasks, type QueuedMeta } from '../pipe/queued-tasks.js';
import type { Clock, Timer } from '../platform/platform.js';
import { unpackIds } from '../tasks/leased-tasks.js';
import type { TakenTask, TaskQueue } from '../tasks/queue/task-queue.js';
import { Lessee } from './lessee.js';

/** ms that a task worker has to say what it has; it may be blocked, and then its tasks are done twice. */
const RECALL_PATIENCE_MS = 5_000;

export interface LendingParts {
  readonly clock: Clock;
  readonly mesh: Pick<Mesh, 'wayToIncarnation'>;
  readonly queue: TaskQueue;
  readonly workerNum: number;
  readonly taskConcurrency: number;
}

export class Lending {
  /** Tasks that were done. */
  done = 0;
  /** Attempts that are charged because a task worker died. */
  retried = 0;
  readonly #lessees = new Map<Way, Lessee>();
  /** Those that have not said yet what they have. */
  readonly #awaited = new Set<Way>();
  #patience: Timer | undefined;
  #scheduled = false;
  #state: 'recalling' | 'lending' | 'stopped' = 'recalling';

  constructor(private readonly parts: LendingParts) {}

  /** Begins with those that are there; called once, when this process serves. */
  start(peers: readonly Peer[]): void {
    this.setPeers(peers);
    for (const lessee of this.#lessees.values()) if (!lessee.known) this.#awaited.add(lessee.way);
    this.#patience = this.parts.clock.setTimer(RECALL_PATIENCE_MS, () => this.#endRecall());
    this.#lookAtRecall();
  }

  setPeers(peers: readonly Peer[]): void {
    const { mesh, workerNum, taskConcurrency } = this.parts;
    for (const peer of peers) {
      if (peer.role !== 'taskWorker') continue;
      const way = mesh.wayToIncarnation(peer.incarnation);
      if (way === undefined) continue;
      const known = this.#lessees.get(way);
      if (known === undefined)
        this.#lessees.set(way, new Lessee(peer, way, peer.workerId - workerNum, taskConcurrency));
      else known.peer = peer;
    }
    this.pump();
  }

  opened(way: Way): void {
    if (this.#lessees.has(way)) way.control(FrameKind.recall, 0, 0);
  }

  closed(way: Way): void {
    const lessee = this.#lessees.get(way);
    if (lessee === undefined) return;
    this.#lessees.delete(way);
    const ids = [...lessee.lent.keys()];
    // It does them in the order in which they came.
    const started = way.blameless ? [] : ids.slice(0, this.parts.taskConcurrency);
    this.retried += started.length;
    const reason = `the task worker ${way.peer.workerId} died while it had the task`;
    this.parts.queue.release(lessee.number, started, toWire(new TaskError('TASK_WORKER_LOST', reason)));
    this.#awaited.delete(way);
    this.#lookAtRecall();
    this.pump();
  }

  told(way: Way, kind: number, flags: number, id: number, buffer: Buffer, start: number, end: number): void {
    const lessee = this.#lessees.get(way);
    if (lessee === undefined || this.#state === 'stopped') return;
    switch (kind) {
      case FrameKind.ended:
        this.#ended(lessee, unpackIds(buffer, start, end), (flags & FrameFlag.returned) !== 0);
        break;
      case FrameKind.failed:
        this.#failed(lessee, id, JSON.parse(buffer.toString('utf8', start, end)) as WireError);
        break;
      case FrameKind.held:
        this.#knows(lessee, JSON.parse(buffer.toString('utf8', start, end)) as HeldTasks);
    }
    this.pump();
  }

  /** Lends what is ready, in the turn after this one: whoever posted a task hears first that it was accepted. */
  pump(): void {
    if (this.#scheduled || this.#state !== 'lending') return;
    this.#scheduled = true;
    const { clock } = this.parts;
    clock.defer(() =>
      clock.defer(() => {
        this.#scheduled = false;
        this.#lend();
      }),
    );
  }

  stop(): void {
    this.#state = 'stopped';
    this.#patience?.cancel();
  }

  /** Whoever has least to do comes first, and nobody gets many at once while others have none. */
  #lend(): void {
    if (this.#state !== 'lending') return;
    const lessees = [...this.#lessees.values()].sort((a, b) => a.lent.size - b.lent.size);
    let lent: boolean;
    do {
      lent = false;
      for (const lessee of lessees) if (lessee.idle && this.#give(lessee, 1)) lent = true;
    } while (lent);
    do {
      lent = false;
      for (const lessee of lessees)
        if (lessee.room > 0 && this.#give(lessee, (lessee.room + 1) >> 1)) lent = true;
    } while (lent);
  }

  #give(lessee: Lessee, most: number): boolean {
    const tasks = this.parts.queue.take(lessee.target, lessee.number, most);
    const now = this.parts.clock.now();
    for (const task of tasks) this.#send(lessee, task, now);
    return tasks.length > 0;
  }

  #send(lessee: Lessee, { id, attempt, meta, payload }: TakenTask, now: number): void {
    const head = packHead({ attempt, meta: meta as QueuedMeta });
    lessee.way.tell(FrameKind.lease, 0, id, head.length, Buffer.concat([head, payload]));
    lessee.lend(id, payload.length, now);
  }

  #ended(lessee: Lessee, ids: readonly number[], returned: boolean): void {
    const own = ids.filter((id) => {
      const task = lessee.end(id);
      if (task !== undefined && id === ids.at(-1) && !returned)
        lessee.took(this.parts.clock.now() - task.sentAt);
      return task !== undefined;
    });
    if (returned) {
      this.parts.queue.giveBack(own);
      return;
    }
    this.done += own.length;
    void this.parts.queue.acknowledge(own);
  }

  #failed(lessee: Lessee, id: number, reason: WireError): void {
    if (lessee.end(id) === undefined) return;
    this.parts.queue.fail(id, reason, reason.code !== 'TASK_INPUT_INVALID');
  }

  /** A task worker says what it has of an earlier queue process. */
  #knows(lessee: Lessee, { held, done, failed }: HeldTasks): void {
    const { queue, clock } = this.parts;
    lessee.known = true;
    void queue.acknowledge(done);
    const reasons = new Map(failed);
    const now = clock.now();
    const own = new Set(queue.resume(lessee.number, [...held, ...reasons.keys()]));
    for (const id of held) if (own.has(id)) lessee.lend(id, 0, now);
    for (const [id, reason] of reasons)
      if (own.has(id)) queue.fail(id, reason, reason.code !== 'TASK_INPUT_INVALID');
    const lost = held.filter((id) => !own.has(id));
    if (lost.length > 0) lessee.way.tell(FrameKind.recall, 0, 0, 0, Buffer.from(JSON.stringify(lost)));
    this.#awaited.delete(lessee.way);
    this.#lookAtRecall();
  }

  #lookAtRecall(): void {
    if (this.#patience !== undefined && this.#awaited.size === 0) this.#endRecall();
  }

  #endRecall(): void {
    if (this.#state !== 'recalling') return;
    this.#patience?.cancel();
    this.#state = 'lending';
    this.pump();
  }
}
