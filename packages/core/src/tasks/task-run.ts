import { TaskError, toWire } from '../errors.js';
import { factText, type Observe } from '../events/facts.js';
import type { Receiver } from '../events/invoke.js';
import type { Guest, Owed } from '../mesh/guest.js';
import { MeshFlag } from '../pipe/messages.js';
import { decode, encode, type Encoded } from '../pipe/payload.js';
import type { Finisher } from './task.js';

export interface TaskRunEvents {
  /** The handler has settled. Its poster is told when what it has done is out: at once if this is undefined. */
  concludes(): Promise<void> | undefined;
  /** Its poster has been told. */
  over(run: TaskRun): void;
  /** Whoever has posted it is gone. */
  orphaned(run: TaskRun, result: Encoded, failed: boolean): void;
  /** Bytes. */
  readonly taskMaxLength: number;
  readonly observe: Observe | undefined;
}

const nothing = Buffer.alloc(0);

/** A task in the process that does it, from its arrival to its settlement. */
export class TaskRun implements Receiver, Finisher {
  /** What was posted, once it has been started, and as the handler has left it. */
  data: unknown;
  #settled = false;
  /** Results are on their way, which the settlement must not overtake: large ones travel in chunks. */
  #answered = false;

  constructor(
    private readonly events: TaskRunEvents,
    readonly guest: Guest,
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
    this.events.over(this);
  }

  #settle(): void {
    if (!this.guest.open) return;
    if (this.#answered) this.guest.result(this.seq, MeshFlag.empty | MeshFlag.last, '', 0, nothingOwed);
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
    const body = JSON.stringify(toWire(error));
    this.#send({ encoding: 0, body, bytes: Buffer.byteLength(body) }, MeshFlag.failed | MeshFlag.last);
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
      this.events.orphaned(this, content, failed);
      return;
    }
    const { encoding, body, bytes } = content;
    this.guest.result(this.seq, encoding | flags, body, bytes, new OwedResult(this, content, failed));
  }
}

/** The end of a task, behind its results. */
const nothingOwed: Owed = { settled: () => {} };

/** A result that the poster has not taken yet. */
export class OwedResult implements Owed {
  constructor(
    readonly run: TaskRun,
    readonly content: Encoded,
    readonly failed: boolean,
  ) {}

  settled(): void {}
}
