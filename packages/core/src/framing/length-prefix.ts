import { lengthTypes, type LengthType } from '../config/length-type.js';
import { ProtocolError } from '../errors.js';
import type { Framing } from './framing.js';
import { readLength, type ReadLength } from './read-length.js';

export interface LengthPrefixOptions {
  readonly type: LengthType;
  /** Where the length field begins, in bytes from the start of the packet. */
  readonly lengthOffset: number;
  /** Where what the field counts begins; 0 when it counts the whole packet. */
  readonly bodyOffset: number;
  /** Leaves out the header: everything up to the body, and at least up to the end of the field. */
  readonly strip: boolean;
}

/**
 * A packet says its length in a field near its front.
 *
 * ```
 *   0            lengthOffset       bodyOffset                    total
 *   ├──── any ────┼──── field ────┼── any ──┼──── body ────────────┤
 *                                           total = bodyOffset + value of the field
 * ```
 */
export class LengthPrefixFraming implements Framing {
  readonly head: number;
  readonly tail = 0;
  readonly #type: LengthType;
  readonly #read: ReadLength;
  readonly #lengthOffset: number;
  readonly #bodyOffset: number;
  /** Where the field ends: what must be there to know the length, and the least that a packet has. */
  readonly #fieldEnd: number;

  constructor({ type, lengthOffset, bodyOffset, strip }: LengthPrefixOptions) {
    this.#type = type;
    this.#read = readLength[type];
    this.#lengthOffset = lengthOffset;
    this.#bodyOffset = bodyOffset;
    this.#fieldEnd = lengthOffset + lengthTypes[type].size;
    this.head = strip ? Math.max(bodyOffset, this.#fieldEnd) : 0;
  }

  packetLength(buffer: Buffer, start: number, end: number): number {
    if (end - start < this.#fieldEnd) return -this.#fieldEnd;
    const value = this.#read(buffer, start + this.#lengthOffset);
    const total = this.#bodyOffset + value;
    if (value < 0 || total < this.#fieldEnd) throw this.#invalid(value);
    if (total > Number.MAX_SAFE_INTEGER) throw this.#beyondNumbers();
    return total;
  }

  #invalid(value: number): ProtocolError {
    const least = Math.max(0, this.#fieldEnd - this.#bodyOffset);
    return new ProtocolError(
      'PACKET_LENGTH_INVALID',
      `the ${this.#type} length field of a packet says ${value}, the least that it can say is ${least}`,
    );
  }

  #beyondNumbers(): ProtocolError {
    return new ProtocolError(
      'PACKET_TOO_LONG',
      `the ${this.#type} length field of a packet says 2^53 bytes or more`,
    );
  }
}
