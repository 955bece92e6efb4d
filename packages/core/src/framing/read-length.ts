import type { LengthType } from '../config/length-type.js';

/**
 * The number at `at`; the caller has checked that the field is there. 64-bit
 * numbers beyond 2^53 are rounded, but never to one below it.
 */
export type ReadLength = (bytes: Buffer, at: number) => number;

// The bytes are taken by index: this runs for every packet, and the methods of
// Buffer check each time what the framing has checked already.

const u8: ReadLength = (b, at) => b[at]!;
const i8: ReadLength = (b, at) => (b[at]! << 24) >> 24;

const u16be: ReadLength = (b, at) => (b[at]! << 8) | b[at + 1]!;
const u16le: ReadLength = (b, at) => (b[at + 1]! << 8) | b[at]!;
const i16be: ReadLength = (b, at) => (u16be(b, at) << 16) >> 16;
const i16le: ReadLength = (b, at) => (u16le(b, at) << 16) >> 16;

const i32be: ReadLength = (b, at) => (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
const i32le: ReadLength = (b, at) => (b[at + 3]! << 24) | (b[at + 2]! << 16) | (b[at + 1]! << 8) | b[at]!;
const u32be: ReadLength = (b, at) => i32be(b, at) >>> 0;
const u32le: ReadLength = (b, at) => i32le(b, at) >>> 0;

const high = 2 ** 32;
const i64be: ReadLength = (b, at) => i32be(b, at) * high + u32be(b, at + 4);
const i64le: ReadLength = (b, at) => i32le(b, at + 4) * high + u32le(b, at);
const u64be: ReadLength = (b, at) => u32be(b, at) * high + u32be(b, at + 4);
const u64le: ReadLength = (b, at) => u32le(b, at + 4) * high + u32le(b, at);

export const readLength: Readonly<Record<LengthType, ReadLength>> = {
  int8: i8,
  uint8: u8,
  int16be: i16be,
  int16le: i16le,
  uint16be: u16be,
  uint16le: u16le,
  int32be: i32be,
  int32le: i32le,
  uint32be: u32be,
  uint32le: u32le,
  int64be: i64be,
  int64le: i64le,
  uint64be: u64be,
  uint64le: u64le,
};
