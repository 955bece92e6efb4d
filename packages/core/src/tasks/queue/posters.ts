import type { QueuedTask } from './queued-task.js';
import type { Accepted } from './task-queue.js';

interface Poster {
  readonly duplicate: boolean;
  resolve(accepted: Accepted): void;
  reject(error: unknown): void;
}

/** Those who wait until their task is accepted. Whoever posts it again meanwhile shares its fate. */
export class Posters {
  readonly #waiting = new Map<QueuedTask, Poster[]>();

  accepted(task: QueuedTask, duplicate: boolean): Promise<Accepted> {
    if (task.state !== 'accepting') return Promise.resolve({ id: task.id, duplicate });
    return new Promise((resolve, reject) => {
      const poster = { duplicate, resolve, reject };
      const posters = this.#waiting.get(task);
      if (posters === undefined) this.#waiting.set(task, [poster]);
      else posters.push(poster);
    });
  }

  admit(task: QueuedTask): void {
    for (const { duplicate, resolve } of this.#take(task)) resolve({ id: task.id, duplicate });
  }

  refuse(task: QueuedTask, error: unknown): void {
    for (const { reject } of this.#take(task)) reject(error);
  }

  #take(task: QueuedTask): readonly Poster[] {
    const posters = this.#waiting.get(task) ?? [];
    this.#waiting.delete(task);
    return posters;
  }
}
