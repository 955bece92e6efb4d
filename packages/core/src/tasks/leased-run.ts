import { TaskError } from '../errors.js';
import type { LeaseHead } from '../pipe/queued-tasks.js';
import { TaskRun, type TaskRunEvents, type TaskSource } from './task-run.js';

/** A task that the queue has lent to this process. */
export interface Lease extends LeaseHead {
  readonly id: number;
}

/** A task from the queue in the task worker that does it. */
export class LeasedRun extends TaskRun {
  started = false;
  /** Somebody else has it by now. */
  lost = false;

  constructor(
    events: TaskRunEvents,
    source: TaskSource,
    readonly lease: Lease,
    buffer: Buffer,
    start: number,
    end: number,
  ) {
    const { meta, attempt, id } = lease;
    const bequeaths = meta.wants === 'finish';
    const name = meta.name ?? '';
    super(events, source, meta.enc, attempt, bequeaths, meta.at, 0, id, name, buffer, start, end);
  }

  /** Throws for a task that somebody else has. */
  override open(): unknown {
    if (this.lost) throw new TaskError('TASK_LOST', `task ${this.lease.id} is with somebody else by now`);
    this.started = true;
    return super.open();
  }
}
