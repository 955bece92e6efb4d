/**
 * A commit on disk. All numbers are little-endian:
 *
 * ```text
 *   u32 bytes of the changes │ u32 checksum │ f64 sequence │ changes …
 *   change:  u48 key │ u32 bytes of the value, or 2^32-1: removed │ value
 * ```
 *
 * The checksum covers all behind it and begins with the salt of the segment, so
 * that no value can pass for a frame. A frame is whole or is none.
 */
import { crc32 } from 'node:zlib';
import type { StoreChange } from '../../platform.js';

export const FRAME_HEADER = 16;
const CHANGE_HEADER = 10;
const REMOVED = 0xffff_ffff;

export function frameSize(changes: readonly StoreChange[]): number {
  let size = FRAME_HEADER;
  for (const { value } of changes) size += CHANGE_HEADER + (value?.length ?? 0);
  return size;
}

export function encodeFrame(changes: readonly StoreChange[], sequence: number, salt: number): Buffer {
  const frame = Buffer.allocUnsafe(frameSize(changes));
  frame.writeUInt32LE(frame.length - FRAME_HEADER, 0);
  frame.writeDoubleLE(sequence, 8);
  let at = FRAME_HEADER;
  for (const { key, value } of changes) {
    frame.writeUIntLE(key, at, 6);
    frame.writeUInt32LE(value === undefined ? REMOVED : value.length, at + 6);
    at += CHANGE_HEADER;
    if (value === undefined) continue;
    frame.set(value, at);
    at += value.length;
  }
  frame.writeUInt32LE(crc32(frame.subarray(8), salt), 4);
  return frame;
}

/** The end of the frame that begins at `start`; undefined where there is none with that sequence. */
export function frameEnd(bytes: Buffer, start: number, sequence: number, salt: number): number | undefined {
  if (start + FRAME_HEADER + CHANGE_HEADER > bytes.length) return undefined;
  const end = start + FRAME_HEADER + bytes.readUInt32LE(start);
  if (end > bytes.length || bytes.readDoubleLE(start + 8) !== sequence) return undefined;
  return crc32(bytes.subarray(start + 8, end), salt) === bytes.readUInt32LE(start + 4) ? end : undefined;
}

/** Tells each change of a frame, and where its value lies; `length` is -1 for a key that goes. */
export function readFrame(
  bytes: Buffer,
  start: number,
  end: number,
  visit: (key: number, offset: number, length: number) => void,
): void {
  let at = start + FRAME_HEADER;
  while (at < end) {
    const key = bytes.readUIntLE(at, 6);
    const length = bytes.readUInt32LE(at + 6);
    at += CHANGE_HEADER;
    if (length === REMOVED) {
      visit(key, at, -1);
      continue;
    }
    visit(key, at, length);
    at += length;
  }
}

/** Where the values of a frame lie that is written at `start`, as `readFrame` would find them. */
export function placesIn(
  changes: readonly StoreChange[],
  start: number,
  visit: (key: number, offset: number, length: number) => void,
): void {
  let at = start + FRAME_HEADER;
  for (const { key, value } of changes) {
    at += CHANGE_HEADER;
    visit(key, at, value?.length ?? -1);
    at += value?.length ?? 0;
  }
}
