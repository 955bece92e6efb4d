import { fromWire, type WireError } from '../errors.js';
import type { Logger } from '../log.js';
import { MeshFlag, type OrphanedResult } from '../pipe/messages.js';
import { decode, type Encoded } from '../pipe/payload.js';
import type { Finisher } from './finisher.js';
import type { Orphans } from './orphans.js';
import type { Spool, Spooled } from './spool.js';
import type { TaskRun } from './task-run.js';
import { TaskResult } from './task.js';

/** A result that its poster does not live to see. */
export interface Legacy {
  readonly run: TaskRun;
  /** The id of the task, where that of the run is another. */
  readonly taskId?: number;
  readonly content: Encoded;
  readonly failed: boolean;
  /** It has the content. */
  readonly file?: Spooled | undefined;
}

/** Results of tasks whose poster is gone: a task worker leaves them to the poster's successor, which takes them as its own. */
export class Bequests {
  /** Files that are being read. */
  pending = 0;

  constructor(
    private readonly orphans: Orphans,
    private readonly spool: Spool,
    private readonly finisher: Finisher,
    private readonly logger: Logger,
    /** The id of this process. */
    private readonly workerId: () => number,
  ) {}

  /** In the task worker. */
  async leave({ run, taskId = run.taskId, content, failed, file }: Legacy): Promise<void> {
    if (!run.bequeaths) {
      if (file !== undefined) this.spool.discard(file.name);
      return;
    }
    const own = { taskId, name: run.name, taskWorkerId: this.workerId() };
    const { dispatchTime, data: input } = run;
    const add = (bytes: Buffer): void => {
      const outcome = outcomeOf(failed, content.encoding, bytes);
      this.orphans.add(run.guest.hello.workerId, { ...own, dispatchTime, input, ...outcome });
    };
    if (file === undefined) {
      add(Buffer.from(content.body as Buffer));
      return;
    }
    this.pending++;
    try {
      add(await this.spool.read(file.name, `a result of task ${run.taskId}`));
    } catch (error) {
      this.orphans.dropped++;
      this.logger.error('a result whose poster is gone is lost', { error });
    } finally {
      this.pending--;
      this.spool.discard(file.name);
    }
  }

  /** In the successor: the frame that a task worker has sent. `taken` is called when the file in it is not needed any more. */
  take(flags: number, buffer: Buffer, start: number, end: number, taken: () => void): void {
    const encoding = flags & MeshFlag.encoding;
    if ((flags & MeshFlag.spooled) !== 0) {
      void this.#takeFile(encoding, buffer.toString('utf8', start, end), taken);
      return;
    }
    this.#finish(decode(encoding, buffer, start, end) as OrphanedResult);
    taken();
  }

  async #takeFile(encoding: number, name: string, taken: () => void): Promise<void> {
    this.pending++;
    try {
      const content = await this.spool.read(name, 'a result of a task of the process before this one');
      this.#finish(decode(encoding, content, 0, content.length) as OrphanedResult);
    } catch (error) {
      this.logger.error('a result of a task of the process before this one is lost', { error });
    } finally {
      this.pending--;
      taken();
    }
  }

  #finish({ taskId, data, taskWorkerId, dispatchTime, error, input, name }: OrphanedResult): void {
    const failure = error === undefined ? undefined : fromWire(error);
    this.finisher.finish(
      new TaskResult(taskId, data, taskWorkerId, dispatchTime, failure, true, input, name),
    );
  }
}

function outcomeOf(
  failed: boolean,
  encoding: number,
  content: Buffer,
): Pick<OrphanedResult, 'data' | 'error'> {
  if (failed) return { error: JSON.parse(content.toString()) as WireError };
  return { data: decode(encoding, content, 0, content.length) };
}
