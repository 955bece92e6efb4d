/**
 * Does tasks in a task worker, at most `taskConcurrency` at a time, in the order
 * in which they come. What a poster has sent and was not started is given back
 * when this process begins to leave.
 */
import type { PayloadSchema } from '../definition.js';
import type { BoundHandler } from '../events/bound-handler.js';
import type { Observe } from '../events/facts.js';
import type { Invoker } from '../events/invoke.js';
import type { Owed } from '../mesh/guest.js';
import type { Encoded } from '../pipe/payload.js';
import { Fifo } from './fifo.js';
import type { Spool, Spooled } from './spool.js';
import { MAX_ATTEMPT, POSTER_ONLY } from './task-call.js';
import { OwedResult, TaskRun, type TaskRunEvents, type TaskSource } from './task-run.js';
import { Task } from './task.js';
import { checked } from './payload-schema.js';

/** Bytes of results in files that one poster may leave unread, beside the first, before no further task of it is started. */
const MAX_IN_FILES = 64 * 1024 * 1024;

/** What does one kind of task. */
export interface TaskHandler {
  readonly handler: BoundHandler;
  readonly input?: PayloadSchema;
  readonly output?: PayloadSchema;
}

export interface TaskRunnerParts {
  readonly invoker: Invoker;
  /** What does tasks of that name. */
  readonly find: (name: string) => TaskHandler | undefined;
  readonly taskConcurrency: number;
  /** Bytes of results that one poster may leave unread before no further task of it is started. */
  readonly window: number;
  readonly taskMaxLength: number;
  readonly taskSpoolSize: number;
  readonly spool: Pick<Spool, 'write' | 'read' | 'discard'>;
  /** After so many tasks `onRequestLimit` is called, once; Infinity is never. */
  readonly requestLimit: number;
  readonly onRequestLimit: () => void;
  /** The last result is about to leave. Undefined, or resolves when it may. */
  readonly beforeResult: () => Promise<void> | undefined;
  /** A result whose poster is gone, with the file that holds it, if it is large. Resolves when neither is needed any more. */
  readonly onOrphan: (
    run: TaskRun,
    result: Encoded,
    failed: boolean,
    file: Spooled | undefined,
  ) => Promise<void>;
}

export class TaskRunner implements TaskRunEvents {
  readonly taskMaxLength: number;
  readonly taskSpoolSize: number;
  readonly spool: TaskRunnerParts['spool'];
  /** Results in files that posters have not read. */
  owedFiles = 0;
  /** Tasks whose payload lies in a file that may be read again, and for how many reasons. */
  readonly #spooled = new Map<TaskRun, number>();
  readonly observe: Observe | undefined;
  /** Tasks that have settled. */
  done = 0;
  readonly #waiting = new Fifo<TaskRun>();
  /** Of posters that do not read what they have. */
  readonly #held = new Map<TaskSource, TaskRun[]>();
  #running = 0;
  #started = 0;
  #retired = false;
  #starting = false;

  constructor(private readonly parts: TaskRunnerParts) {
    this.taskMaxLength = parts.taskMaxLength;
    this.taskSpoolSize = parts.taskSpoolSize;
    this.spool = parts.spool;
    this.observe = parts.invoker.observe;
  }

  get running(): number {
    return this.#running;
  }

  /** Tasks that have come and are not started. */
  get waiting(): number {
    return this.#waiting.length;
  }

  take(
    guest: TaskSource,
    flags: number,
    aux: number,
    sentAt: number,
    seq: number,
    taskId: number,
    nameBytes: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    if (this.#retired) {
      guest.settle(seq, 'returned');
      return;
    }
    const body = start + nameBytes;
    const name = nameBytes === 0 ? '' : buffer.toString('utf8', start, body);
    const attempt = aux & MAX_ATTEMPT;
    const bequeaths = (aux & POSTER_ONLY) === 0;
    const run = new TaskRun(
      this,
      guest,
      flags,
      attempt,
      bequeaths,
      sentAt,
      seq,
      taskId,
      name,
      buffer,
      body,
      end,
    );
    this.enter(run);
  }

  /** From the queue: it comes as a run already. */
  enter(run: TaskRun): void {
    if (this.#retired) {
      run.giveBack();
      return;
    }
    if (run.spooled) this.#hold(run);
    else if (this.#running < this.parts.taskConcurrency && this.#waiting.length === 0 && !this.#starting) {
      this.#start(run);
      return;
    }
    run.keep();
    this.#waiting.push(run);
    this.#startNext();
  }

  /** Whether a task of that process, which is gone, may still be read from its file. */
  needsFilesOf(incarnation: number): boolean {
    return [...this.#spooled.keys()].some(({ guest }) => guest.hello.incarnation === incarnation);
  }

  /** A poster has read what it had been sent. */
  drained(guest: TaskSource): void {
    const held = this.#held.get(guest);
    if (held === undefined) return;
    this.#held.delete(guest);
    this.#waiting.unshift(held);
    this.#startNext();
  }

  /** A poster is gone: what it has not taken is for whoever takes its place. */
  left(guest: TaskSource, owed: readonly Owed[]): void {
    // What has come from it is done all the same.
    this.drained(guest);
    for (const each of owed) {
      if (!(each instanceof OwedResult)) continue;
      this.orphaned(each.run, each.content, each.failed, each.file);
      if (each.file !== undefined) this.#settled(each.run, each.file);
    }
  }

  /** Starts nothing more: what waits is given back, in the order in which it came. */
  retire(): void {
    this.#retired = true;
    for (const runs of [...this.#held.values(), this.#waiting.takeAll()]) {
      for (const run of runs) {
        run.giveBack();
        this.#release(run);
      }
    }
    this.#held.clear();
  }

  concludes(): Promise<void> | undefined {
    return this.parts.beforeResult();
  }

  over(run: TaskRun): void {
    if (run.spooled) this.#release(run);
    this.#running--;
    this.done++;
    this.#startNext();
  }

  orphaned(run: TaskRun, result: Encoded, failed: boolean, file: Spooled | undefined): void {
    this.#hold(run);
    void this.parts.onOrphan(run, result, failed, file).then(() => this.#release(run));
  }

  sentFile(run: TaskRun, file: Spooled): void {
    this.owedFiles++;
    run.guest.inFiles += file.size;
    this.#hold(run);
  }

  taken(run: TaskRun, file: Spooled): void {
    this.spool.discard(file.name);
    this.#settled(run, file);
    if (run.guest.inFiles <= MAX_IN_FILES) this.drained(run.guest);
  }

  #settled(run: TaskRun, file: Spooled): void {
    this.owedFiles--;
    run.guest.inFiles -= file.size;
    this.#release(run);
  }

  #hold(run: TaskRun): void {
    if (run.spooled) this.#spooled.set(run, (this.#spooled.get(run) ?? 0) + 1);
  }

  #release(run: TaskRun): void {
    const reasons = this.#spooled.get(run);
    if (reasons === undefined) return;
    if (reasons === 1) this.#spooled.delete(run);
    else this.#spooled.set(run, reasons - 1);
  }

  /** A handler that returns no promise is over inside of `#start`: the loop goes on from there, and not from `over`. */
  #startNext(): void {
    if (this.#starting) return;
    this.#starting = true;
    while (this.#running < this.parts.taskConcurrency && this.#waiting.length > 0)
      this.#start(this.#waiting.shift()!);
    this.#starting = false;
  }

  #start(run: TaskRun): void {
    const { guest } = run;
    if (guest.backlog > this.parts.window || guest.inFiles > MAX_IN_FILES) {
      run.keep();
      const held = this.#held.get(guest);
      if (held === undefined) this.#held.set(guest, [run]);
      else held.push(run);
      return;
    }
    this.#running++;
    run.observe?.({
      kind: 'taskStarted',
      poster: guest.hello.pid,
      task: run.taskId,
      name: run.name,
      attempt: run.attempt,
    });
    const { requestLimit, onRequestLimit, find } = this.parts;
    if (++this.#started === requestLimit) onRequestLimit();
    const known = find(run.name);
    if (known === undefined) {
      run.produced(
        new Error(`no @OnTask handles '${run.name}' in this task worker: its program is another one`),
        undefined,
      );
      return;
    }
    if (run.spooled) {
      void this.#startSpooled(run, known);
      return;
    }
    let data: unknown;
    try {
      data = run.open();
    } catch (error) {
      run.produced(error, undefined);
      return;
    }
    this.#call(run, known, data);
  }

  /** It is read only now, so that no more are in memory than are done at a time. */
  async #startSpooled(run: TaskRun, known: TaskHandler): Promise<void> {
    let data: unknown;
    try {
      data = await run.load();
    } catch (error) {
      run.produced(error, undefined);
      return;
    }
    this.#call(run, known, data);
  }

  #call(run: TaskRun, known: TaskHandler, data: unknown): void {
    if (known.input !== undefined || known.output !== undefined) {
      void this.#runChecked(run, known, data);
      return;
    }
    this.parts.invoker.produce(known.handler, run.taskId, run.attempt, this.#taskOf(run, data), run, 'quiet');
  }

  /** Around a handler that declares what goes in and what comes out. */
  async #runChecked(run: TaskRun, { handler, input, output }: TaskHandler, data: unknown): Promise<void> {
    try {
      const given = input === undefined ? data : await checked(input, data, 'TASK_INPUT_INVALID', run.name);
      const value = await new Promise<unknown>((resolve, reject) => {
        const produced = (error: unknown, result: unknown): void => {
          if (error === undefined) resolve(result);
          // Whatever was thrown arrives as it is.
          // oxlint-disable-next-line prefer-promise-reject-errors
          else reject(error);
        };
        this.parts.invoker.produce(
          handler,
          run.taskId,
          run.attempt,
          this.#taskOf(run, given),
          { produced },
          'quiet',
        );
      });
      run.produced(
        undefined,
        output === undefined ? value : await checked(output, value, 'TASK_OUTPUT_INVALID', run.name),
      );
    } catch (error) {
      run.produced(error, undefined);
    }
  }

  #taskOf(run: TaskRun, data: unknown): Task {
    return new Task(run.taskId, data, run.guest.hello.workerId, run.dispatchTime, run.attempt, run.name, run);
  }
}
