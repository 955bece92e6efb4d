import type { QueuedTask } from './queued-task.js';
import { ReadyList } from './ready-list.js';

/** The lines of what is ready: one for each target, and one for what anybody may take. */
export class Lines {
  readonly #lines: readonly ReadyList<QueuedTask>[];
  #nextPlace = 1;

  constructor(
    private readonly targets: number,
    /** Something is in a line that was empty. */
    private readonly ready: (target: number | undefined) => void,
  ) {
    this.#lines = Array.from({ length: targets + 1 }, () => new ReadyList<QueuedTask>());
  }

  /** At the end. */
  join(task: QueuedTask): void {
    const at = this.#lineOf(task);
    const line = this.#lines[at]!;
    task.place = this.#nextPlace++;
    line.push(task);
    if (line.size === 1) this.#tell(at);
  }

  /** Each to its old place. */
  putBack(tasks: readonly QueuedTask[]): void {
    const byLine = new Map<number, QueuedTask[]>();
    for (const task of tasks) {
      const at = this.#lineOf(task);
      const others = byLine.get(at);
      if (others === undefined) byLine.set(at, [task]);
      else others.push(task);
    }
    for (const [at, returned] of byLine) {
      const line = this.#lines[at]!;
      const wasEmpty = line.size === 0;
      line.putBack(returned);
      if (wasEmpty) this.#tell(at);
    }
  }

  /** Takes out what that target is to have next. */
  next(target: number): QueuedTask | undefined {
    const shared = this.#lines[this.targets]!;
    const own = target < this.targets ? this.#lines[target] : undefined;
    const mine = own?.peek();
    const anybodys = shared.peek();
    const isMine = mine !== undefined && (anybodys === undefined || mine.place < anybodys.place);
    return (isMine ? own : shared)?.shift();
  }

  remove(task: QueuedTask): void {
    this.#lines[this.#lineOf(task)]!.remove(task);
  }

  clear(): void {
    for (const line of this.#lines) line.clear();
  }

  #lineOf({ target }: QueuedTask): number {
    return target !== undefined && target >= 0 && target < this.targets ? target : this.targets;
  }

  #tell(line: number): void {
    this.ready(line === this.targets ? undefined : line);
  }
}
