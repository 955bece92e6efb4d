import { TaskError, toWire } from '../errors.js';
import { factText, type Observe } from '../events/facts.js';
import type { Receiver } from '../events/invoke.js';
import type { Owed } from '../mesh/guest.js';
import { MeshFlag, type Settlement } from '../pipe/messages.js';
import type { Part } from '../pipe/parts.js';
import { decode, encode, type Encoded } from '../pipe/payload.js';
import { inFile, type Spool, type Spooled } from './spool.js';
import type { Finisher } from './task.js';

/** Where a task has come from, and its results go: the pipe of its poster, or the queue. */
export interface TaskSource {
  /** Of its poster. */
  readonly hello: { readonly workerId: number; readonly incarnation: number; readonly pid: number };
  readonly open: boolean;
  /** Bytes that wait for its poster. */
  readonly backlog: number;
  /** Bytes of results in files that its poster has not read. */
  inFiles: number;
  settle(seq: number, how?: Settlement): void;
  result(seq: number, flags: number, body: Part, bytes: number, owed: Owed): void;
}

export interface TaskRunEvents {
  /** The handler has settled. Its poster is told when what it has done is out: at once if this is undefined. */
  concludes(): Promise<void> | undefined;
  /** Its poster has been told. */
  over(run: TaskRun): void;
  /** Whoever has posted it is gone. `file` holds the result, if that is large. */
  orphaned(run: TaskRun, result: Encoded, failed: boolean, file: Spooled | undefined): void;
  /** A result in a file is on its way; `taken` follows, or the guest leaves. */
  sentFile(run: TaskRun, file: Spooled): void;
  taken(run: TaskRun, file: Spooled): void;
  /** Bytes. */
  readonly taskMaxLength: number;
  /** Bytes. */
  readonly taskSpoolSize: number;
  readonly spool: Pick<Spool, 'write' | 'read' | 'discard'>;
  readonly observe: Observe | undefined;
}

const nothing = Buffer.alloc(0);

/** The last result, and no failure. */
const FINAL = MeshFlag.last | MeshFlag.failed;

/** A task in the process that does it, from its arrival to its settlement. */
export class TaskRun implements Receiver, Finisher {
  /** What was posted, once it has been started, and as the handler has left it. */
  data: unknown;
  #settled = false;
  /** Results that are being written to files; what comes after them waits. */
  #writing: Promise<void> | undefined;
  /** A result that could not be written. */
  #broken: unknown;
  /** Results are on their way, which the settlement must not overtake: large ones travel in chunks. */
  #answered = false;

  constructor(
    private readonly events: TaskRunEvents,
    readonly guest: TaskSource,
    private readonly flags: number,
    readonly attempt: number,
    /** Whether a process that takes the poster's place is to have the results. */
    readonly bequeaths: boolean,
    readonly dispatchTime: number,
    private readonly seq: number,
    readonly taskId: number,
    readonly name: string,
    private buffer: Buffer,
    private start: number,
    private end: number,
  ) {}

  /** Who is told what becomes of it. */
  get observe(): Observe | undefined {
    return this.events.observe;
  }

  /** It has to wait, and what was posted is in memory of the pipe's. */
  keep(): void {
    this.buffer = Buffer.from(this.buffer.subarray(this.start, this.end));
    this.start = 0;
    this.end = this.buffer.length;
  }

  /** What was posted; from its start on it is the handler's. */
  open(): unknown {
    this.data = decode(this.flags & MeshFlag.encoding, this.buffer, this.start, this.end);
    this.buffer = nothing;
    return this.data;
  }

  /** Whether what was posted lies in a file. */
  get spooled(): boolean {
    return (this.flags & MeshFlag.spooled) !== 0;
  }

  /** As `open`, for one that lies in a file. Rejects with `TaskError` TASK_SPOOL_FAILED. */
  async load(): Promise<unknown> {
    const name = this.buffer.toString('utf8', this.start, this.end);
    const content = await this.events.spool.read(name, `task ${this.taskId}`);
    this.data = decode(this.flags & MeshFlag.encoding, content, 0, content.length);
    return this.data;
  }

  giveBack(): void {
    this.guest.settle(this.seq, 'returned');
  }

  finish(value: unknown): boolean {
    if (this.#settled) return false;
    this.#send(this.#encode(value), 0);
    return true;
  }

  produced(error: unknown, value: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.events.observe?.({ kind: 'taskSettled', poster: this.guest.hello.pid, task: this.taskId });
    const out = this.events.concludes();
    if (out === undefined) this.#conclude(error, value);
    else void out.then(() => this.#conclude(error, value));
  }

  #conclude(error: unknown, value: unknown): void {
    if (error !== undefined) this.#fail(error);
    else if (value === undefined) this.#settle();
    else this.#finishLast(value);
    if (this.#writing === undefined) this.events.over(this);
    else void this.#writing.then(() => this.events.over(this));
  }

  #settle(): void {
    if (this.#writing !== undefined) this.#write(async () => this.#settleNow());
    else this.#settleNow();
  }

  #settleNow(): void {
    if (this.#broken !== undefined) this.#sendNow(failureOf(this.#broken), MeshFlag.failed | MeshFlag.last);
    else if (!this.guest.open) return;
    else if (this.#answered) this.guest.result(this.seq, MeshFlag.empty | MeshFlag.last, '', 0, nothingOwed);
    else this.guest.settle(this.seq);
  }

  #finishLast(value: unknown): void {
    let content: Encoded;
    try {
      content = this.#encode(value);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#send(content, MeshFlag.last);
  }

  #fail(error: unknown): void {
    this.#send(failureOf(error), MeshFlag.failed | MeshFlag.last);
  }

  #encode(value: unknown): Encoded {
    const content = encode(value);
    const { taskMaxLength } = this.events;
    if (content.bytes <= taskMaxLength) return content;
    throw new TaskError(
      'TASK_TOO_LONG',
      `a result of ${content.bytes} bytes is too long: taskMaxLength is ${taskMaxLength}`,
    );
  }

  #send(content: Encoded, flags: number): void {
    if (content.bytes > this.events.taskSpoolSize && (flags & MeshFlag.failed) === 0)
      this.#write(async () => this.#sendByFile(content, flags));
    else if (this.#writing !== undefined) this.#write(async () => this.#sendNow(content, flags));
    else this.#sendNow(content, flags);
  }

  #write(step: () => Promise<void>): void {
    const writing = (this.#writing ?? Promise.resolve()).then(step).then(() => {
      if (this.#writing === writing) this.#writing = undefined;
    });
    this.#writing = writing;
  }

  async #sendByFile(content: Encoded, flags: number): Promise<void> {
    try {
      const file = await this.events.spool.write(content, `a result of task ${this.taskId}`);
      this.#sendNow(inFile(file), flags | MeshFlag.spooled, file);
    } catch (error) {
      this.#broken ??= error;
      if ((flags & MeshFlag.last) !== 0) this.#settleNow();
    }
  }

  #sendNow(content: Encoded, flags: number, file?: Spooled): void {
    // One that has lost a result has failed, whatever else it finishes with.
    if (this.#broken !== undefined && (flags & FINAL) === MeshFlag.last) {
      this.#sendNow(failureOf(this.#broken), MeshFlag.failed | MeshFlag.last);
      return;
    }
    const failed = (flags & MeshFlag.failed) !== 0;
    this.#answered = true;
    this.events.observe?.({
      kind: 'taskAnswered',
      poster: this.guest.hello.pid,
      task: this.taskId,
      failed,
      data: factText(content.body),
    });
    if (!this.guest.open) {
      this.events.orphaned(this, content, failed, file);
      return;
    }
    const { encoding, body, bytes } = content;
    const owed = new OwedResult(this.events, this, content, failed, file);
    if (file !== undefined) this.events.sentFile(this, file);
    this.guest.result(this.seq, encoding | flags, body, bytes, owed);
  }
}

function failureOf(error: unknown): Encoded {
  const body = JSON.stringify(toWire(error));
  return { encoding: 0, body, bytes: Buffer.byteLength(body) };
}

/** The end of a task, behind its results. */
const nothingOwed: Owed = { settled: () => {} };

/** A result that the poster has not taken yet. */
export class OwedResult implements Owed {
  constructor(
    private readonly events: TaskRunEvents,
    readonly run: TaskRun,
    readonly content: Encoded,
    readonly failed: boolean,
    readonly file: Spooled | undefined,
  ) {}

  settled(): void {
    if (this.file !== undefined) this.events.taken(this.run, this.file);
  }
}
