/**
 * What the task worker does: it writes rollups, in the order in which the queue
 * has accepted them. One that cannot be written holds up all behind it, and its
 * keeper and clients in the end; to be skipped would be to be lost.
 */
import { Logger, Server, type Task } from '@shoal/core';
import { Handler, OnTask } from '@shoal/decorators';
import { dataDirectory } from './data-directory.js';
import { RollupFile } from './rollup-file.js';
import type { Rollup } from './rollup.js';

const PAUSE_MS = 1_000;

@Handler()
export class Archive {
  readonly #file = new RollupFile(dataDirectory());

  constructor(
    private readonly server: Server,
    private readonly logger: Logger,
  ) {}

  @OnTask('rollup')
  async write({ data }: Task<Rollup>): Promise<void> {
    await this.#untilDone(() => this.#file.append(data));
  }

  /** Behind all rollups that were accepted before, so that none is missed. */
  @OnTask('last')
  async last(): Promise<Rollup | undefined> {
    return this.#untilDone(() => this.#file.last());
  }

  async #untilDone<Result>(work: () => Result): Promise<Result> {
    for (;;) {
      try {
        return work();
      } catch (error) {
        this.logger.error('the file of rollups fails, and is tried again', { error });
        await new Promise((resolve) => this.server.after(PAUSE_MS, resolve));
      }
    }
  }
}
