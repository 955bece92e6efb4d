/**
 * The tasks that this process has posted: chooses a task worker for each, keeps it
 * until it has settled, and gives it to another one when its task worker dies.
 *
 *   post ──▶ waiting ──▶ sent ──▶ over
 *    │          ▲  ▲       │
 *    │          │  └───────┘  given back, or the task worker has died
 *    └─▶ spooling             a large payload is written to a file first, and
 *                             takes its place in the line when that is done
 *
 * It lives in every process, and speaks through the mesh.
 */
import { fromWire, TaskError, type WireError } from '../errors.js';
import { factText, type Observe } from '../events/facts.js';
import type { Mesh } from '../mesh/mesh.js';
import type { Parcel, Way } from '../mesh/way.js';
import { MeshFlag, type Settlement } from '../pipe/messages.js';
import { decode, type Encoded } from '../pipe/payload.js';
import type { Clock } from '../platform/platform.js';
import { Fifo } from './fifo.js';
import { checkTask, encodeTask, MAX_WAITING_BYTES, type Posting, type PostingRules } from './posting.js';
import { RoomLine, type Wish } from './room-line.js';
import type { Spool } from './spool.js';
import { TaskCall, type Caller } from './task-call.js';
import { TaskTarget } from './task-target.js';

export interface TaskPoolParts {
  readonly clock: Clock;
  readonly mesh: Pick<Mesh, 'wayTo'>;
  /** Worker ids of the task workers. */
  readonly taskWorkers: readonly number[];
  readonly taskRetries: number;
  readonly taskQueueLimit: number;
  /** Bytes. */
  readonly taskMaxLength: number;
  /** Bytes. */
  readonly taskSpoolSize: number;
  readonly spool: Pick<Spool, 'write' | 'read' | 'discard'>;
  /** Names of the tasks that have a handler; the empty one is that without a name. */
  readonly names: ReadonlySet<string>;
  readonly observe?: Observe | undefined;
}

export class TaskPool implements Posting {
  readonly counters = { posted: 0, finished: 0, failed: 0, retried: 0, lateResults: 0 };
  readonly #targets: readonly TaskTarget[];
  readonly #byWorker: ReadonlyMap<number, TaskTarget>;
  readonly #rules: PostingRules;
  readonly #waiting = new Fifo<TaskCall>();
  #waitingCount = 0;
  #waitingBytes = 0;
  #nextId = 1;
  /** Where the search for a target begins, so that equals take turns. */
  #turn = 0;
  /** Tasks that are not over. */
  #open = 0;
  #lastSettled: TaskCall | undefined;
  readonly #roomLine: RoomLine;

  constructor(private readonly parts: TaskPoolParts) {
    this.#roomLine = new RoomLine(parts.clock, () => !this.full);
    this.#rules = { ...parts, taskWorkers: parts.taskWorkers.length };
    this.#targets = parts.taskWorkers.map(
      (workerId) => new TaskTarget(workerId, () => parts.mesh.wayTo(workerId)),
    );
    this.#byWorker = new Map(this.#targets.map((target) => [target.workerId, target]));
  }

  /** Tasks that have not settled. */
  get open(): number {
    return this.#open;
  }

  get unfinished(): number {
    return this.#open;
  }

  get full(): boolean {
    return this.#waitingCount >= this.parts.taskQueueLimit || this.#waitingBytes > MAX_WAITING_BYTES;
  }

  /** Throws `TaskError` for what cannot be posted. `target` counts task workers from 0. */
  post(name: string, data: unknown, target: number | undefined, caller: Caller): TaskCall {
    const goal = this.#check(name, target);
    const content = encodeTask(this.#rules, data);
    if (this.full && !this.#hasRoomNow(goal)) throw this.#fullError();
    return this.#add(name, content, goal, caller);
  }

  /** As `post`, when there is room for it. Rejects for what cannot be posted. */
  async postWhenRoom(
    name: string,
    data: unknown,
    target: number | undefined,
    caller: Caller,
    wish: Wish,
  ): Promise<TaskCall | undefined> {
    const goal = this.#check(name, target);
    const content = encodeTask(this.#rules, data);
    while (this.full && !this.#hasRoomNow(goal) && wish.wanted()) await this.#roomLine.next(wish);
    if (wish.wanted()) return this.#add(name, content, goal, caller);
    this.#roomLine.offer();
    return undefined;
  }

  /** Resolves when one more may wait. */
  async room(): Promise<void> {
    await this.#roomLine.room();
  }

  /** The caller has given up. A task that no task worker has is not done any more. */
  abandon(call: TaskCall): void {
    if (call.state === 'sent' || call.state === 'over') return;
    if (call.state === 'waiting' && !this.#lineOf(call).remove(call)) return;
    this.#leftWaiting(call);
    this.counters.failed++;
    this.#close(call, 'abandoned');
  }

  /** Whether some task worker could still settle what has been posted. */
  get reachable(): boolean {
    return this.#targets.some(({ reachable }) => reachable);
  }

  // What the mesh tells.

  /** Gives waiting tasks to whoever is free. */
  pump(): void {
    if (this.#waitingCount === 0) return;
    const now = this.parts.clock.now();
    for (const target of this.#targets) {
      for (let call, way; (call = target.pinned.first) && (way = target.freeFor(call)) !== undefined;)
        this.#send(target.pinned.shift()!, target, way, now);
    }
    for (let call; (call = this.#waiting.first) !== undefined;) {
      const target = this.#choose();
      const way = target?.freeFor(call);
      if (way === undefined) return;
      this.#send(this.#waiting.shift()!, target!, way, now);
    }
  }

  result(call: TaskCall, flags: number, buffer: Buffer, start: number, end: number): void {
    const last = (flags & MeshFlag.last) !== 0;
    if (last) this.#leftTarget(call);
    if ((flags & MeshFlag.failed) !== 0) {
      this.#fail(call, fromWire(JSON.parse(buffer.toString('utf8', start, end)) as WireError));
      return;
    }
    if ((flags & MeshFlag.empty) === 0) {
      const value = decode(flags & MeshFlag.encoding, buffer, start, end);
      const observed = this.parts.observe === undefined ? undefined : factText(buffer, start, end);
      if (call.reading === undefined) this.#deliver(call, value, observed);
      else this.#read(call, async () => this.#deliver(call, value, observed));
    }
    if (last) this.#finish(call);
  }

  /** Results come to the caller in their order, however long the files take. */
  resultInFile(call: TaskCall, flags: number, name: string, taken: () => void): void {
    const last = (flags & MeshFlag.last) !== 0;
    if (last) this.#leftTarget(call);
    this.#read(call, async () => {
      try {
        const content = await this.parts.spool.read(name, `a result of task ${call.id}`);
        const value = decode(flags & MeshFlag.encoding, content, 0, content.length);
        this.#deliver(call, value, factText(name));
      } catch (error) {
        call.reading = undefined;
        this.#fail(call, error as Error);
      } finally {
        taken();
      }
    });
    if (last) this.#finish(call);
  }

  #deliver(call: TaskCall, value: unknown, observed: string | undefined): void {
    if (call.state === 'over') return;
    if (observed !== undefined) this.parts.observe?.({ kind: 'taskResult', task: call.id, data: observed });
    call.caller.result(call, value);
  }

  #read(call: TaskCall, step: () => Promise<void>): void {
    const reading = (call.reading ?? Promise.resolve()).then(step).then(() => {
      if (call.reading === reading) call.reading = undefined;
    });
    call.reading = reading;
  }

  settled(call: TaskCall, how: Settlement): void {
    if (how === 'returned') {
      this.#returned(call);
      return;
    }
    this.#leftTarget(call);
    this.#finish(call);
  }

  turn(way: Way): void {
    const target = this.#byWorker.get(way.peer.workerId);
    if (target === undefined) return;
    if (this.#lastSettled !== undefined) {
      target.took(this.parts.clock.now() - this.#lastSettled.sentAt);
      this.#lastSettled = undefined;
    }
    if (target.returned.length > 0) this.#takeBack(target.returned);
    target.returned = [];
    this.pump();
  }

  /**
   * The task worker is gone and has not settled these. Any of them may have been
   * started, and may have ended it: a handler that returns at once has its result
   * on its way only when the turn is over. So each goes alone the next time, and is
   * charged for nothing that another one does.
   */
  lost(way: Way, unsettled: readonly Parcel[]): void {
    const target = this.#byWorker.get(way.peer.workerId);
    if (target === undefined) return;
    this.turn(way);
    const calls = unsettled.filter((parcel): parcel is TaskCall => parcel instanceof TaskCall);
    target.sent -= calls.length;
    const left = calls.filter((call) => call.state !== 'over');
    this.#takeBack(left.filter((call) => way.blameless || this.#retry(call)));
    this.pump();
  }

  #check(name: string, target: number | undefined): TaskTarget | undefined {
    checkTask(this.#rules, name, target);
    return target === undefined ? undefined : this.#targets[target];
  }

  #fullError(): TaskError {
    return new TaskError(
      'TASK_QUEUE_FULL',
      `${this.#waitingCount} tasks wait for a task worker in this process, taskQueueLimit is ${this.parts.taskQueueLimit}: await server.taskRoom() before the next`,
    );
  }

  #hasRoomNow(goal: TaskTarget | undefined): boolean {
    if (goal !== undefined) return goal.pinned.length === 0 && goal.free !== undefined;
    return this.#waiting.length === 0 && this.#choose() !== undefined;
  }

  #add(name: string, content: Encoded, target: TaskTarget | undefined, caller: Caller): TaskCall {
    const id = this.#nextId;
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    const { clock } = this.parts;
    const call = new TaskCall(this, id, name, content, clock.wallTime(), target?.workerId, caller);
    this.counters.posted++;
    this.#open++;
    this.#notePosted(call, content.bytes);
    this.#wait(call);
    if (content.bytes > this.parts.taskSpoolSize) {
      call.state = 'spooling';
      void this.#spool(call, content);
      return call;
    }
    this.#lineOf(call).push(call);
    this.pump();
    return call;
  }

  /** It counts as one that waits from the beginning. */
  async #spool(call: TaskCall, content: Encoded): Promise<void> {
    const isWanted = (): boolean => call.state === 'spooling';
    try {
      const file = await this.parts.spool.write(content, `task ${call.id}`);
      if (!isWanted()) {
        this.parts.spool.discard(file.name);
        return;
      }
      this.#waitingBytes -= call.cost;
      call.moveTo(file);
      this.#waitingBytes += call.cost;
    } catch (error) {
      if (!isWanted()) return;
      this.#leftWaiting(call);
      this.#fail(call, error as Error);
      return;
    }
    call.state = 'waiting';
    this.#lineOf(call).push(call);
    this.#roomLine.offer();
    this.pump();
  }

  #wait(call: TaskCall): void {
    call.state = 'waiting';
    this.#waitingCount++;
    this.#waitingBytes += call.cost;
  }

  #lineOf({ target }: TaskCall): Fifo<TaskCall> {
    return target === undefined ? this.#waiting : this.#byWorker.get(target)!.pinned;
  }

  #leftWaiting(call: TaskCall): void {
    this.#waitingCount--;
    this.#waitingBytes -= call.cost;
    this.#roomLine.offer();
  }

  /** Those that were first are first again. */
  #takeBack(calls: readonly TaskCall[]): void {
    const free: TaskCall[] = [];
    const pinned = new Map<number, TaskCall[]>();
    for (const call of calls) {
      call.state = 'waiting';
      this.#waitingCount++;
      this.#waitingBytes += call.cost;
      const { target } = call;
      if (target === undefined) free.push(call);
      else pinned.set(target, [...(pinned.get(target) ?? []), call]);
    }
    this.#waiting.unshift(free);
    for (const [target, own] of pinned) this.#byWorker.get(target)!.pinned.unshift(own);
  }

  /** The one that has least, of those that are free. */
  #choose(): TaskTarget | undefined {
    let best: TaskTarget | undefined;
    const count = this.#targets.length;
    for (let step = 0; step < count; step++) {
      const target = this.#targets[(this.#turn + step) % count]!;
      if ((best === undefined || target.sent < best.sent) && target.free !== undefined) best = target;
    }
    if (best !== undefined) this.#turn = (this.#targets.indexOf(best) + 1) % count;
    return best;
  }

  #send(call: TaskCall, target: TaskTarget, way: Way, now: number): void {
    this.#leftWaiting(call);
    target.sent++;
    call.sentAt = now;
    target.isolates = call.suspect;
    const { attempt } = call;
    this.parts.observe?.({ kind: 'taskGiven', task: call.id, to: target.workerId, attempt });
    call.travel(way);
  }

  /** How soon it came back says nothing of how fast that task worker is. */
  #returned(call: TaskCall): void {
    const { workerId } = call.way!.peer;
    this.parts.observe?.({ kind: 'taskReturned', task: call.id, from: workerId });
    const target = this.#byWorker.get(workerId)!;
    target.sent--;
    target.returned.push(call);
  }

  #leftTarget(call: TaskCall): void {
    this.#byWorker.get(call.way!.peer.workerId)!.sent--;
    this.#lastSettled = call;
  }

  /** Says whether it gets another chance. */
  #retry(call: TaskCall): boolean {
    const { taskRetries } = this.parts;
    if (call.attempt <= taskRetries) {
      call.attempt++;
      this.counters.retried++;
      this.parts.observe?.({ kind: 'taskRetried', task: call.id, attempt: call.attempt });
      return true;
    }
    const times = call.attempt === 1 ? '' : `, the last of ${call.attempt}`;
    const reason = `the task worker ${call.way!.peer.workerId} died while it had the task${times}; taskRetries is ${taskRetries}`;
    this.#fail(call, new TaskError('TASK_WORKER_LOST', reason));
    return false;
  }

  #finish(call: TaskCall): void {
    if (call.reading !== undefined) {
      void call.reading.then(() => this.#finish(call));
      return;
    }
    if (call.state === 'over') return;
    this.counters.finished++;
    call.caller.over(call);
    this.#close(call, 'finished');
  }

  #fail(call: TaskCall, error: Error & { code?: string }): void {
    if (call.reading !== undefined) {
      void call.reading.then(() => this.#fail(call, error));
      return;
    }
    if (call.state === 'over') return;
    this.counters.failed++;
    call.caller.failed(call, error);
    this.#close(call, 'failed', error.code);
  }

  #close(call: TaskCall, outcome: 'finished' | 'failed' | 'abandoned', code?: string): void {
    call.state = 'over';
    this.#open--;
    if (call.file !== undefined) this.parts.spool.discard(call.file.name);
    const why = code === undefined ? undefined : { code };
    this.parts.observe?.({ kind: 'taskOver', task: call.id, outcome, ...why });
  }

  #notePosted({ id, name, target = -1 }: TaskCall, bytes: number): void {
    this.parts.observe?.({ kind: 'taskPosted', task: id, name, to: target, bytes });
  }
}
