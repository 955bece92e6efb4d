/**
 * The share of this worker, and its way to the keeper. One share is on its way at
 * a time, while the next one grows. It is sent until the keeper has acknowledged
 * it, also to a keeper that comes after this one.
 */
import { randomUUID } from 'node:crypto';
import { Injectable } from '@shoal/decorators';
import { GroupCommit } from './group-commit.js';
import { Inquiries } from './inquiries.js';
import { GrowingShare } from './share.js';
import type { Sample } from './statsd-line.js';

@Injectable()
export class Shares {
  #growing = new GrowingShare();
  #sent = 0;
  /** This process, and no other one before or after it. */
  readonly #sender = randomUUID();
  readonly #flushes = new GroupCommit(async () => this.#send());

  constructor(private readonly inquiries: Inquiries) {}

  /** Resolves when the line is counted for good: the promise is that of all lines of the share. */
  add(samples: readonly (Sample | undefined)[], bytes: number): Promise<void> {
    const share = this.#growing;
    share.add(samples, bytes);
    if (share.full) void this.flush();
    return share.counted;
  }

  /** Resolves when all that was added before is counted for good. */
  async flush(): Promise<void> {
    return this.#flushes.commit();
  }

  async #send(): Promise<void> {
    const share = this.#growing;
    if (share.empty) return;
    this.#growing = new GrowingShare();
    await this.inquiries.ask('keeper', share.sealed(this.#sender, ++this.#sent));
    share.settle();
  }
}
