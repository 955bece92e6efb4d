import type { WorkerFact } from '@shoal/core/internal/events/facts';

/**
 * What the workers of one connection are told of its output: full and empty in
 * turn, full first, one after the other in each worker, and empty at last.
 */
export class Marks {
  /** By pid. */
  readonly #workers = new Map<number, { last: string; running: boolean }>();

  constructor(private readonly report: (message: string) => void) {}

  observe(
    pid: number,
    event: 'bufferFull' | 'bufferEmpty',
    kind: (WorkerFact & { kind: 'started' | 'settled' | 'failed' })['kind'],
  ): void {
    let worker = this.#workers.get(pid);
    if (worker === undefined) this.#workers.set(pid, (worker = { last: 'bufferEmpty', running: false }));
    if (kind !== 'started') {
      worker.running = false;
      return;
    }
    if (worker.running) this.report(`${event} starts while the handler of ${worker.last} runs`);
    if (worker.last === event) this.report(`${event} is told twice in a row`);
    worker.last = event;
    worker.running = true;
  }

  /** Nothing waits, which the worker that serves the connection was told if it was told that too much does. */
  nothingWaits(pid: number): void {
    if (this.#workers.get(pid)?.last === 'bufferFull')
      this.report('bufferEmpty is never told, and nothing waits for the client');
  }
}
