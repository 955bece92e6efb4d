import type { Framing } from './framing.js';

/**
 * No framing: what one read brings is one packet. There is no boundary to find,
 * so a read longer than `packageMaxLength` becomes several packets instead of an
 * error, and two reads are never joined.
 */
export class RawFraming implements Framing {
  readonly head = 0;
  readonly tail = 0;

  packetLength(_buffer: Buffer, start: number, end: number): number {
    return end - start;
  }
}
