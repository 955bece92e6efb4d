import type { Logger } from '../log.js';
import { blockedStackPath } from '../pipe/runtime-paths.js';
import type { Clock, Exit, Files, Timer } from '../platform/platform.js';
import { CrashLog, type CrashRun } from './crash-log.js';
import type { WorkerHandle } from './worker-handle.js';

const NO_STACK = 'no stack could be had: what blocked it did not come back to JavaScript';

/** Tells how workers ended: the first crash of a kind whole, those that repeat it by their number. */
export class CrashReports {
  readonly #log = new CrashLog();
  readonly #timers = new Set<Timer>();

  constructor(
    private readonly clock: Clock,
    private readonly files: Files,
    private readonly logger: Logger,
    private readonly runtimeDirectory: string,
  ) {}

  /** Logs the end of a worker; gives what is known of the place where it happened. */
  report(worker: WorkerHandle, exit: Exit): string | undefined {
    const { title, failure, blocked, identity } = worker;
    const { pid } = identity;
    const reason = worker.explain(exit);
    // Whoever killed it: a worker that was blocked has left this.
    const stack = this.files.takeText(blockedStackPath(this.runtimeDirectory, pid)) ?? failure?.stack;
    const run = this.#log.note({ title, reason, stack });
    if (run === undefined) return stack;
    const shown = stack ?? (blocked ? NO_STACK : undefined);
    this.logger.error(`${title} ended: ${reason}`, {
      workerPid: pid,
      exitCode: exit.code,
      signal: exit.signal,
      ...(shown !== undefined && { stack: shown }),
    });
    this.#summarizeLater(run);
    return stack;
  }

  /** Tells what was not told yet. */
  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    for (const line of this.#log.end()) this.logger.error(line);
  }

  #summarizeLater(run: CrashRun): void {
    const timer = this.clock.setTimer(run.interval, () => {
      this.#timers.delete(timer);
      const line = this.#log.summarize(run);
      if (line === undefined) return;
      this.logger.error(line);
      this.#summarizeLater(run);
    });
    this.#timers.add(timer);
  }
}
