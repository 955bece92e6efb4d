import type { QueuedTask } from './queued-task.js';
import type { TaskCounts } from './task-queue.js';

/** Counts tasks by state, as they change it. */
export class Census {
  readonly #counts = { accepting: 0, waiting: 0, delayed: 0, leased: 0, dead: 0, gone: 0 };
  #bytes = 0;

  enter(task: QueuedTask): void {
    this.#counts[task.state]++;
    this.#bytes += task.bytes;
  }

  move(task: QueuedTask, state: QueuedTask['state']): void {
    this.#counts[task.state]--;
    task.state = state;
    if (state === 'gone') this.#bytes -= task.bytes;
    else this.#counts[state]++;
  }

  /** Those that the limit of the queue counts: neither leased nor dead. */
  get backlog(): number {
    const { accepting, waiting, delayed } = this.#counts;
    return accepting + waiting + delayed;
  }

  get counts(): TaskCounts {
    const { waiting, delayed, leased, dead } = this.#counts;
    return { waiting, delayed, leased, dead, bytes: this.#bytes };
  }
}
