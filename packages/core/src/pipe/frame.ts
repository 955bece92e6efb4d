/**
 * The layout of a frame, little endian:
 *
 *   0        4    5     6     8            16     20     24      28
 *   ├────────┼────┼─────┼─────┼────────────┼──────┼──────┼───────┼─ body …
 *   │ length │kind│flags│ aux │ id (u64)   │ seq  │ word │ count │
 *   └────────┴────┴─────┴─────┴────────────┴──────┴──────┴───────┘
 *
 * `length` counts the body alone. `id` is a safe integer. `seq` numbers what
 * must be settled and wraps at 2^32. What the other fields mean depends on the
 * kind: see `messages.ts`. Fields are read and written by index: on this path a
 * DataView or `readUInt32LE` costs a multiple.
 */
export const HEADER_BYTES = 28;

/** The largest body of one frame. What is larger travels in chunks of this size. */
export const MAX_BODY_BYTES = 64 * 1024;

export interface FrameHeader {
  readonly kind: number;
  readonly flags: number;
  readonly aux: number;
  readonly id: number;
  readonly seq: number;
  readonly word: number;
  readonly count: number;
}

/** Receives frames; body is `buffer[start, end)`, which stays valid and unchanged. */
export interface FrameSink {
  frame(
    kind: number,
    flags: number,
    aux: number,
    id: number,
    seq: number,
    word: number,
    count: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void;
}

export function readU32(buffer: Buffer, at: number): number {
  return (buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24)) >>> 0;
}

export function writeU32(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value;
  buffer[at + 1] = value >>> 8;
  buffer[at + 2] = value >>> 16;
  buffer[at + 3] = value >>> 24;
}

const TWO_32 = 0x1_0000_0000;

export function writeHeader(
  buffer: Buffer,
  at: number,
  length: number,
  kind: number,
  flags: number,
  aux: number,
  id: number,
  seq: number,
  word: number,
  count: number,
): void {
  writeU32(buffer, at, length);
  buffer[at + 4] = kind;
  buffer[at + 5] = flags;
  buffer[at + 6] = aux;
  buffer[at + 7] = aux >>> 8;
  writeU32(buffer, at + 8, id >>> 0);
  writeU32(buffer, at + 12, (id / TWO_32) >>> 0);
  writeU32(buffer, at + 16, seq);
  writeU32(buffer, at + 20, word);
  writeU32(buffer, at + 24, count);
}

/** Hands the frame whose header is at `at` to the sink; its body must be complete. */
export function deliverFrame(buffer: Buffer, at: number, end: number, sink: FrameSink): void {
  sink.frame(
    buffer[at + 4]!,
    buffer[at + 5]!,
    buffer[at + 6]! | (buffer[at + 7]! << 8),
    readU32(buffer, at + 8) + readU32(buffer, at + 12) * TWO_32,
    readU32(buffer, at + 16),
    readU32(buffer, at + 20),
    readU32(buffer, at + 24),
    buffer,
    at + HEADER_BYTES,
    end,
  );
}
