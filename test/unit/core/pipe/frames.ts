import type { FrameSink } from '@shoal/core/internal/pipe/frame';

/** A frame, as a test writes and compares it. */
export interface Frame {
  readonly kind: number;
  readonly flags: number;
  readonly aux: number;
  readonly id: number;
  readonly seq: number;
  readonly word: number;
  readonly count: number;
  /** Latin-1, so that a difference can be read. */
  readonly body: string;
}

/** Keeps every frame. */
export class FrameRecorder implements FrameSink {
  readonly frames: Frame[] = [];

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
  ): void {
    const body = buffer.toString('latin1', start, end);
    this.frames.push({ kind, flags, aux, id, seq, word, count, body });
  }
}

/** Bytes that differ at each place and for each salt. */
export function bytesOf(length: number, salt = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >>> 8) * 7 + salt * 13) & 0xff;
  return bytes;
}
