/**
 * The tasks that the queue has lent to this task worker. Tells the queue which of
 * them are done, have failed or go back, and keeps what it cannot tell while the
 * process that has the queue is being replaced.
 *
 * A task is told to be done when its result has been given to the pipe of its
 * poster, and not before.
 */
import type { WireError } from '../errors.js';
import type { Guest, Owed } from '../mesh/guest.js';
import type { Mesh } from '../mesh/mesh.js';
import type { Parcel, Way } from '../mesh/way.js';
import { FrameFlag, FrameKind, MeshFlag, type Settlement } from '../pipe/messages.js';
import type { Encoded } from '../pipe/payload.js';
import type { Part } from '../pipe/parts.js';
import { unpackHead, type HeldTasks, type LeaseHead } from '../pipe/queued-tasks.js';
import type { Clock } from '../platform/platform.js';
import { LeasedRun, type Lease } from './leased-run.js';
import { Outcomes } from './outcomes.js';
import type { TaskRunEvents, TaskSource } from './task-run.js';
import type { TaskRunner } from './task-runner.js';

const EMPTY: Encoded = { encoding: 0, body: '', bytes: 0 };
const ID_BYTES = 8;
/** So many ids that were told to be done are kept, in case that the queue process has died before it heard. */
const MOST_RECENT = 4_096;

export interface LeasedTasksParts {
  readonly clock: Clock;
  readonly mesh: Pick<Mesh, 'wayToIncarnation'>;
  readonly runner: TaskRunner;
  readonly taskWorkerId: () => number;
  /** A result whose poster is gone. */
  readonly onOrphan: (run: LeasedRun, content: Encoded) => void;
}

export class LeasedTasks {
  readonly outcomes: Outcomes;
  readonly #held = new Map<number, LeasedTask>();
  #queue: Guest | undefined;
  #done: number[] = [];
  #recent: number[] = [];
  #returned: number[] = [];
  #failed: (readonly [number, WireError])[] = [];
  readonly #events: TaskRunEvents;
  #scheduled = false;
  #retired = false;

  constructor(private readonly parts: LeasedTasksParts) {
    const { mesh, taskWorkerId, onOrphan, runner } = parts;
    this.#events = inMemory(runner);
    this.outcomes = new Outcomes({ mesh, taskWorkerId, onOrphan, queue: () => this.#queue });
  }

  lease(id: number, headBytes: number, buffer: Buffer, start: number, end: number): void {
    const head = unpackHead<LeaseHead>(buffer, start, headBytes);
    const task = new LeasedTask(this, { id, ...head });
    this.#held.set(id, task);
    const { runner } = this.parts;
    task.run = new LeasedRun(this.#events, task, task.lease, buffer, start + headBytes, end);
    runner.enter(task.run);
  }

  /** A process that has the queue asks what there is, or says what is not this process's any more. */
  recall(guest: Guest, buffer: Buffer, start: number, end: number): void {
    if (end > start) {
      this.#forget(JSON.parse(buffer.toString('utf8', start, end)) as number[]);
      return;
    }
    this.#queue = guest;
    if (this.#retired) guest.retire();
    const held = [...this.#held.keys()];
    this.#rememberDone();
    const answer: HeldTasks = { held, done: this.#recent, failed: this.#failed };
    this.#failed = [];
    // What it does not hold any more is nobody's, and is given out anew without a word.
    this.#returned = [];
    this.outcomes.relayStranded();
    guest.tell(FrameKind.held, 0, 0, Buffer.from(JSON.stringify(answer)));
  }

  left(guest: Guest, owed: readonly Owed[]): void {
    if (guest !== this.#queue) return;
    this.#queue = undefined;
    this.outcomes.left(owed);
  }

  /** This process begins to leave: what it has not started goes back. */
  retire(): void {
    this.#retired = true;
    this.#queue?.retire();
  }

  /** This process leaves: the queue hears at once what it has to. */
  close(): void {
    this.outcomes.close();
    this.#tell();
  }

  opened(way: Way): void {
    this.outcomes.opened(way);
  }

  /** That poster has read what it had been sent. */
  drained({ peer }: Way): void {
    for (const task of this.#held.values())
      if (task.lease.meta.inc === peer.incarnation) this.parts.runner.drained(task);
  }

  closed(way: Way, unsettled: readonly Parcel[]): void {
    this.outcomes.closed(way, unsettled);
    this.drained(way);
  }

  // What its tasks tell.

  done(id: number): void {
    this.#held.delete(id);
    this.#done.push(id);
    this.#schedule();
  }

  returned(id: number): void {
    this.#held.delete(id);
    this.#returned.push(id);
    this.#schedule();
  }

  failed(id: number, reason: WireError): void {
    this.#held.delete(id);
    this.#failed.push([id, reason]);
    this.#schedule();
  }

  #forget(ids: readonly number[]): void {
    for (const id of ids) {
      const task = this.#held.get(id);
      if (task === undefined) continue;
      this.#held.delete(id);
      task.run!.lost = true;
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.parts.clock.defer(() => {
      this.#scheduled = false;
      this.#tell();
    });
  }

  #tell(): void {
    const queue = this.#queue;
    if (queue?.open !== true) return;
    if (this.#done.length > 0) queue.tell(FrameKind.ended, 0, 0, packIds(this.#done));
    if (this.#returned.length > 0)
      queue.tell(FrameKind.ended, FrameFlag.returned, 0, packIds(this.#returned));
    for (const [id, reason] of this.#failed)
      queue.tell(FrameKind.failed, 0, id, Buffer.from(JSON.stringify(reason)));
    this.#rememberDone();
    this.#returned = [];
    this.#failed = [];
  }

  #rememberDone(): void {
    this.#recent.push(...this.#done);
    if (this.#recent.length > 2 * MOST_RECENT) this.#recent = this.#recent.slice(-MOST_RECENT);
    this.#done = [];
  }
}

/** One of them: what its run says goes to its poster and to the queue. */
class LeasedTask implements TaskSource {
  readonly open = true;
  run: LeasedRun | undefined;
  /** Results from here travel through no files. */
  inFiles = 0;
  readonly hello: TaskSource['hello'];

  constructor(
    private readonly tasks: LeasedTasks,
    readonly lease: Lease,
  ) {
    const { by, inc } = lease.meta;
    this.hello = { workerId: by, incarnation: inc, pid: 0 };
  }

  get backlog(): number {
    const { wants, inc } = this.lease.meta;
    return wants === undefined ? 0 : this.tasks.outcomes.backlogOf(inc);
  }

  settle(_seq: number, how: Settlement = 'handled'): void {
    if (this.run!.lost) return;
    if (how === 'returned') this.tasks.returned(this.lease.id);
    else this.#deliver(EMPTY, MeshFlag.last | MeshFlag.empty);
  }

  result(_seq: number, flags: number, body: Part, bytes: number): void {
    if (this.run!.lost) return;
    if ((flags & MeshFlag.failed) !== 0) {
      this.tasks.failed(this.lease.id, JSON.parse(body as string) as WireError);
      return;
    }
    const encoding = flags & MeshFlag.encoding;
    this.#deliver({ encoding, body, bytes }, flags & MeshFlag.last);
  }

  #deliver(content: Encoded, flags: number): void {
    const { id, meta } = this.lease;
    const isLast = (flags & MeshFlag.last) !== 0;
    const sent = (): void => {
      if (isLast) this.tasks.done(id);
    };
    if (meta.wants === undefined) sent();
    else this.tasks.outcomes.send(this.run!, content, flags, sent);
  }
}

/**
 * The events of a runner for tasks that were not posted to it: their results take
 * their way through no files, and who has posted them nobody here has observed.
 */
function inMemory(runner: TaskRunner): TaskRunEvents {
  return {
    concludes: () => runner.concludes(),
    over: (run) => runner.over(run),
    orphaned: () => {},
    sentFile: () => {},
    taken: () => {},
    taskMaxLength: runner.taskMaxLength,
    taskSpoolSize: Infinity,
    spool: runner.spool,
    observe: undefined,
  };
}

export function packIds(ids: readonly number[]): Buffer {
  const packed = Buffer.allocUnsafe(ids.length * ID_BYTES);
  ids.forEach((id, index) => packed.writeDoubleLE(id, index * ID_BYTES));
  return packed;
}

export function unpackIds(buffer: Buffer, start: number, end: number): number[] {
  const ids: number[] = [];
  for (let at = start; at + ID_BYTES <= end; at += ID_BYTES) ids.push(buffer.readDoubleLE(at));
  return ids;
}
