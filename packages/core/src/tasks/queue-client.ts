/**
 * The tasks that this process posts in the queue modes: sends each to the process
 * that has the queue, keeps it until that has accepted it, and sends it again when
 * that one dies.
 *
 *   post ──▶ waiting ──▶ sent ──▶ accepted ──▶ over
 *               ▲          │
 *               └──────────┘  the queue was full, or its process is gone
 *
 * It lives in every process that posts, and speaks through the mesh. What was
 * accepted survives this process; it is kept here only while somebody waits.
 */
import { fromWire, TaskError, type WireError } from '../errors.js';
import type { Mesh } from '../mesh/mesh.js';
import type { Parcel, Way } from '../mesh/way.js';
import { FrameKind, MeshFlag, type Settlement } from '../pipe/messages.js';
import { decode, type Encoded } from '../pipe/payload.js';
import { unpackHead, type OutcomeHead, type PostHead, type QueuedMeta } from '../pipe/queued-tasks.js';
import type { Clock } from '../platform/platform.js';
import { Fifo } from './fifo.js';
import { checkTask, encodeTask, MAX_WAITING_BYTES, type Posting, type PostingRules } from './posting.js';
import type { Accepted } from './queue/task-queue.js';
import { QueuedCall, type Acceptance, type QueuedCallEvents } from './queued-call.js';
import { RoomLine, type Wish } from './room-line.js';
import type { Caller, PostedTask } from './task-call.js';

/** Tasks that may be on their way to the queue; one at a time again when it was full. */
const MOST_IN_FLIGHT = 1_024;
/** Characters of a dedupe key. */
const LONGEST_KEY = 256;
/** ms: a year. */
const LONGEST_DELAY = 31_536_000_000;

export interface EnqueueOptions {
  /** The kind of task: `@OnTask(name)` does it. */
  readonly name?: string;
  /** Which task worker, counted from 0; only with `taskIpcMode: 'queue'`. */
  readonly dst?: number;
  /** While a task with this key is in the queue and no dead letter, it is not added again. 1 to 256 characters. */
  readonly dedupeKey?: string;
  /** ms until it may be started, 0 to a year (31,536,000,000); counted on while no server runs. */
  readonly delay?: number;
}

export interface QueueClientParts extends PostingRules {
  readonly clock: Clock;
  readonly mesh: Pick<Mesh, 'wayTo'>;
  /** The id of the process that has the queue. */
  readonly queueId: number;
  /** Whether there is one line for all task workers. */
  readonly shared: boolean;
  readonly taskQueueLimit: number;
  /** Whether tasks wait while the queue is full, or are refused. */
  readonly waits: boolean;
  /** Who this process is. */
  readonly self: () => Pick<QueuedMeta, 'by' | 'inc'>;
  /** A number that no other process has, nor had. */
  readonly token: () => number;
  /** Who hears of tasks that came without anybody. */
  readonly finish: Caller;
  /** Whether a handler of this process is behind it. */
  readonly hears: (name: string) => boolean;
}

interface Order {
  readonly name: string;
  /** As it was when it was posted. */
  readonly content: Encoded;
  readonly target: number | undefined;
  readonly caller: Caller | undefined;
  readonly acceptance?: Acceptance;
  readonly dedupeKey?: string | undefined;
  readonly delay?: number | undefined;
  readonly patient: boolean;
}

export class QueueClient implements Posting, QueuedCallEvents {
  readonly counters = { posted: 0, finished: 0, failed: 0, retried: 0, lateResults: 0 };
  /** By number: those that are not accepted, and those that somebody here waits for. */
  readonly #calls = new Map<number, QueuedCall>();
  readonly #waiting = new Fifo<QueuedCall>();
  /** Refused or given back in this turn, in the order in which they were sent. */
  #returned: QueuedCall[] = [];
  #inFlight = 0;
  #most = MOST_IN_FLIGHT;
  /** The queue has said so, and not yet that there is room. */
  #full = false;
  #unaccepted = 0;
  #unacceptedBytes = 0;
  #nextId = 1;
  #token: number | undefined;
  /** The way on which this process has introduced itself. */
  #way: Way | undefined;
  readonly #roomLine: RoomLine;

  constructor(private readonly parts: QueueClientParts) {
    this.#roomLine = new RoomLine(parts.clock, () => !this.full);
  }

  get open(): number {
    return this.#calls.size;
  }

  /** What is accepted is done whether or not this process is there. */
  get unfinished(): number {
    return this.#unaccepted;
  }

  get reachable(): boolean {
    return this.#way?.attached === true;
  }

  get full(): boolean {
    return (
      this.#full || this.#unaccepted >= this.parts.taskQueueLimit || this.#unacceptedBytes > MAX_WAITING_BYTES
    );
  }

  post(name: string, data: unknown, target: number | undefined, caller: Caller): PostedTask {
    this.#check(name, target);
    const content = encodeTask(this.parts, data);
    if (this.full) throw this.#fullError();
    return this.#add({ name, content, target, caller, patient: false });
  }

  async postWhenRoom(
    name: string,
    data: unknown,
    target: number | undefined,
    caller: Caller,
    wish: Wish,
  ): Promise<PostedTask | undefined> {
    this.#check(name, target);
    const content = encodeTask(this.parts, data);
    while (this.full && wish.wanted()) await this.#roomLine.next(wish);
    if (wish.wanted()) return this.#add({ name, content, target, caller, patient: true });
    this.#roomLine.offer();
    return undefined;
  }

  /** Resolves when the queue has accepted it. Rejects with `TaskError`. */
  async enqueue(data: unknown, options: EnqueueOptions): Promise<Accepted> {
    const { name = '', dst, dedupeKey, delay } = options;
    const patient = this.parts.waits;
    this.#check(name, dst);
    checkOptions(options);
    const content = encodeTask(this.parts, data);
    if (!patient && this.full) throw this.#fullError();
    while (this.full) await this.#roomLine.next();
    return new Promise<Accepted>((resolve, reject) => {
      const acceptance: Acceptance = {
        accepted: (accepted) => resolve(accepted!),
        refused: reject,
      };
      this.#add({ name, content, target: dst, caller: undefined, acceptance, dedupeKey, delay, patient });
    });
  }

  async room(): Promise<void> {
    await this.#roomLine.room();
  }

  abandon(task: PostedTask): void {
    const call = task as QueuedCall;
    if (call.state === 'over') return;
    if (call.state === 'waiting') this.#waiting.remove(call);
    if (call.state !== 'accepted') this.#leftForQueue(call);
    this.#close(call);
  }

  /** The queue has room again. */
  hasRoom(): void {
    this.#full = false;
    this.pump();
    this.#roomLine.offer();
  }

  /** What became of a task that was posted here. */
  outcome(flags: number, headBytes: number, buffer: Buffer, start: number, end: number): Settlement {
    const head = unpackHead<OutcomeHead>(buffer, start, headBytes);
    if (head.token !== this.#token) return 'discarded';
    const call = this.#calls.get(head.n);
    // It has been done: it was accepted.
    if (call !== undefined && call.state !== 'accepted') {
      if (call.state === 'waiting') this.#waiting.remove(call);
      this.#accept(call, { id: head.taskId, duplicate: false });
    }
    const caller = call?.caller ?? (head.wants === 'finish' ? this.parts.finish : undefined);
    if (caller === undefined) {
      this.counters.lateResults++;
      return 'handled';
    }
    const { taskId, name = '', at, taskWorkerId } = head;
    const way = taskWorkerId < 0 ? undefined : { peer: { workerId: taskWorkerId } };
    const task: PostedTask = { id: taskId, name, dispatchTime: at, way };
    const last = (flags & MeshFlag.last) !== 0;
    if ((flags & MeshFlag.failed) !== 0) {
      this.counters.failed++;
      const reason = JSON.parse(buffer.toString('utf8', start + headBytes, end)) as WireError;
      caller.failed(task, fromWire(reason));
    } else {
      if ((flags & MeshFlag.empty) === 0)
        caller.result(task, decode(flags & MeshFlag.encoding, buffer, start + headBytes, end));
      if (last) {
        this.counters.finished++;
        caller.over(task);
      }
    }
    if (last && call !== undefined) this.#close(call);
    return 'handled';
  }

  // What the mesh tells.

  pump(): void {
    if (this.#calls.size === 0) return;
    const way = this.parts.mesh.wayTo(this.parts.queueId);
    if (way?.open !== true) return;
    if (this.#way !== way) {
      this.#way = way;
      way.control(FrameKind.poster, 0, this.#tokenOf());
    }
    while (this.#waiting.length > 0 && this.#inFlight < this.#most && !this.#full) {
      this.#inFlight++;
      this.#waiting.shift()!.travel(way);
    }
  }

  settled(call: QueuedCall, how: Settlement): void {
    this.#inFlight--;
    if (call.state !== 'sent') return;
    if (how === 'returned') this.#returned.push(call);
    else this.#accept(call, undefined);
  }

  result(parcel: Parcel, flags: number, buffer: Buffer, start: number, end: number): void {
    const call = parcel as QueuedCall;
    this.#inFlight--;
    if (call.state !== 'sent') return;
    const answer = JSON.parse(buffer.toString('utf8', start, end)) as Accepted | WireError;
    if ((flags & MeshFlag.failed) === 0) this.#accept(call, answer as Accepted);
    else this.#refused(call, fromWire(answer as WireError));
  }

  /** The queue answers with little. */
  resultInFile(_parcel: Parcel, _flags: number, _name: string, taken: () => void): void {
    taken();
  }

  turn(way: Way): void {
    if (way.peer.workerId !== this.parts.queueId) return;
    this.#takeBack();
    this.pump();
    this.#roomLine.offer();
  }

  lost(way: Way, unsettled: readonly Parcel[]): void {
    if (way.peer.workerId !== this.parts.queueId) return;
    this.#takeBack();
    const calls = unsettled.filter((parcel): parcel is QueuedCall => parcel instanceof QueuedCall);
    const sent = calls.filter(({ state }) => state === 'sent');
    for (const call of sent) {
      call.again = true;
      call.state = 'waiting';
    }
    this.#inFlight = 0;
    // Whoever comes after it says anew whether it is full.
    this.#full = false;
    this.#waiting.unshift(sent);
    this.pump();
  }

  #takeBack(): void {
    const returned = this.#returned.filter(({ state }) => state === 'sent');
    this.#returned = [];
    for (const call of returned) call.state = 'waiting';
    this.#waiting.unshift(returned);
  }

  #check(name: string, target: number | undefined): void {
    checkTask(this.parts, name, target);
    if (target === undefined || !this.parts.shared) return;
    throw new TaskError(
      'TASK_TARGET_INVALID',
      "dst has no meaning with taskIpcMode 'sharedQueue', where any task worker takes any task: leave it out, or write taskIpcMode: 'queue'",
    );
  }

  #add({ name, content, target, caller, acceptance, dedupeKey, delay, patient }: Order): QueuedCall {
    const id = this.#nextId;
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    const at = this.parts.clock.wallTime();
    const tells = acceptance !== undefined;
    const { by, inc } = this.parts.self();
    // One shape for all of them; JSON leaves out what is undefined.
    const meta: QueuedMeta = {
      by,
      inc,
      token: this.#tokenOf(),
      n: id,
      at,
      enc: content.encoding,
      name: name === '' ? undefined : name,
      wants: this.#wants(name, caller),
      own: tells ? true : undefined,
    };
    const head: PostHead = { meta, target, dedupeKey, delay: delay === 0 ? undefined : delay };
    const whoHears = acceptance ?? refusalTo(caller, () => call);
    const call: QueuedCall = new QueuedCall(
      this,
      id,
      name,
      at,
      head,
      content,
      caller,
      whoHears,
      tells,
      patient,
    );
    this.counters.posted++;
    this.#unaccepted++;
    this.#unacceptedBytes += call.cost;
    this.#calls.set(id, call);
    this.#waiting.push(call);
    this.pump();
    return call;
  }

  /** Who is to be told by whoever does it. */
  #wants(name: string, caller: Caller | undefined): 'poster' | 'finish' | undefined {
    if (caller !== undefined && !caller.bequeaths) return 'poster';
    if (caller !== undefined && caller !== this.parts.finish) return 'finish';
    return this.parts.hears(name) ? 'finish' : undefined;
  }

  #accept(call: QueuedCall, accepted: Accepted | undefined): void {
    this.#leftForQueue(call);
    call.state = 'accepted';
    call.acceptance.accepted(accepted);
    this.#most = Math.min(this.#most + 1, MOST_IN_FLIGHT);
    // Nobody here waits for this one in particular.
    if (call.caller === undefined || call.caller === this.parts.finish) this.#close(call);
  }

  #refused(call: QueuedCall, error: Error & { code?: string }): void {
    if (error.code === 'TASK_QUEUE_FULL') {
      this.#full = true;
      this.#most = 1;
      if (call.patient) {
        this.#returned.push(call);
        return;
      }
    }
    this.#leftForQueue(call);
    this.counters.failed++;
    this.#close(call);
    call.acceptance.refused(error);
  }

  /** It does not wait for the queue any more. */
  #leftForQueue(call: QueuedCall): void {
    this.#unaccepted--;
    this.#unacceptedBytes -= call.cost;
    call.forget();
    this.#roomLine.offer();
  }

  #close(call: QueuedCall): void {
    call.state = 'over';
    this.#calls.delete(call.id);
  }

  #tokenOf(): number {
    return (this.#token ??= this.parts.token());
  }

  #fullError(): TaskError {
    const { taskQueueLimit } = this.parts;
    const where = this.#full ? 'the queue is full' : `${this.#unaccepted} tasks wait to be accepted`;
    return new TaskError(
      'TASK_QUEUE_FULL',
      `${where}, taskQueueLimit is ${taskQueueLimit}: await server.taskRoom() before the next`,
    );
  }
}

/** Whoever waits for its result is told that there will be none. */
function refusalTo(caller: Caller | undefined, call: () => QueuedCall): Acceptance {
  return { accepted: () => {}, refused: (error) => caller?.failed(call(), error) };
}

function checkOptions({ dedupeKey, delay }: EnqueueOptions): void {
  const wrong =
    dedupeKey !== undefined && !isKey(dedupeKey)
      ? `dedupeKey takes 1 to ${LONGEST_KEY} characters`
      : delay !== undefined && !isDelay(delay)
        ? `delay takes 0 to ${LONGEST_DELAY} ms, not ${String(delay)}`
        : undefined;
  if (wrong !== undefined) throw new TaskError('TASK_OPTION_INVALID', wrong);
}

function isDelay(delay: unknown): boolean {
  return typeof delay === 'number' && delay >= 0 && delay <= LONGEST_DELAY;
}

function isKey(key: unknown): boolean {
  return typeof key === 'string' && key.length >= 1 && key.length <= LONGEST_KEY;
}
