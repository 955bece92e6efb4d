import type { Prng } from './prng.js';
import { GRAIN, type Scheduler } from './scheduler.js';

/** How a kind of stream behaves. */
export interface MediumOptions {
  /** Virtual ms of the slowest trip in one direction; the quickest takes 1/16 ms. */
  readonly latency: number;
  /** Bytes that the system keeps per direction; what is written beyond is `buffered`. */
  readonly kernelBuffer: number;
  /** Probability from 0 to 1 that a read yields only a part of what is there. */
  readonly fragmentation: number;
  /** Probability from 0 to 1 that bytes join those that are still on their way. */
  readonly coalescing: number;
  /** What a write to a peer that has closed comes to. */
  readonly brokenCode: 'ECONNRESET' | 'EPIPE';
  /** Probability from 0 to 1 that a reset overtakes the bytes that are still on their way. */
  readonly lossByReset: number;
}

/** The largest piece that one read yields, as in Node. */
export const LARGEST_READ = 65_536;

/** Chunks up to this many bytes are copied into slabs, of which the system makes one at a time. */
const LARGEST_IN_SLAB = 4 * 1024;
const SLAB_BYTES = 32 * 1024;

export class Medium {
  #slab: Buffer | undefined;
  #slabUsed = 0;

  constructor(
    readonly options: MediumOptions,
    readonly random: Prng,
    readonly scheduler: Scheduler,
  ) {}

  /** A copy of the bytes, as a kernel makes it. */
  copy(bytes: Buffer): Buffer {
    const { length } = bytes;
    if (length > LARGEST_IN_SLAB) {
      const copy = Buffer.allocUnsafeSlow(length);
      bytes.copy(copy);
      return copy;
    }
    if (this.#slab === undefined || this.#slabUsed + length > SLAB_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#slabUsed = 0;
    }
    const start = this.#slabUsed;
    this.#slabUsed += length;
    bytes.copy(this.#slab, start);
    return this.#slab.subarray(start, this.#slabUsed);
  }

  /** Virtual ms of the next trip, of which the slowest takes `latency`. */
  delay(latency = this.options.latency): number {
    return GRAIN * this.random.integer(1, Math.max(1, Math.round(latency / GRAIN)));
  }
}

/** An error as the system makes it: with a `code` to match. */
export function systemError(code: string, what: string): Error & { code: string } {
  return Object.assign(new Error(`${what}: ${code}`), { code });
}
