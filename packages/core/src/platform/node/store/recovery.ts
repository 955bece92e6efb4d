/** Finds in a directory what a store has confirmed, or says what is missing. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readFrame } from './frame.js';
import { damaged, Segment, type LoadedSegment, type Mark } from './segment.js';

/** Where a value lies. */
export interface Place {
  readonly segment: Segment;
  readonly offset: number;
  readonly length: number;
}

export interface Recovered {
  /** Oldest first; empty for a store that is new. */
  readonly segments: Segment[];
  readonly index: Map<number, Place>;
  /** That of the next frame. */
  readonly sequence: number;
  readonly oldest: number;
  /** Whether nothing lies behind the last frame, so that the next may go there. */
  readonly clean: boolean;
}

const SEGMENT_NAME = /^(\d{10})\.log$/;

export function segmentPath(directory: string, number: number): string {
  return join(directory, `${String(number).padStart(10, '0')}.log`);
}

/** @throws {ProcessError} QUEUE_DAMAGED; then everything is closed and nothing was changed. */
export function recover(directory: string): Recovered {
  const names = readdirSync(directory);
  const numbers = names.flatMap((name) => SEGMENT_NAME.exec(name)?.[1] ?? []).map(Number);
  numbers.sort((a, b) => a - b);
  const segments: Segment[] = [];
  try {
    const recovered = load(directory, numbers, segments);
    for (const name of names) if (name.endsWith('.log.new')) rmSync(join(directory, name), { force: true });
    return recovered;
  } catch (error) {
    for (const segment of segments) segment.close();
    throw error;
  }
}

function load(directory: string, numbers: readonly number[], segments: Segment[]): Recovered {
  const index = new Map<number, Place>();
  const last = numbers.at(-1);
  if (last === undefined) return { segments, index, sequence: 1, oldest: 1, clean: true };
  const newest = Segment.load(segmentPath(directory, last));
  const { oldest } = newest.mark;
  let sequence: number | undefined;
  let before: Segment | undefined;
  let clean = true;
  try {
    for (let number = oldest; number <= last; number++) {
      const path = segmentPath(directory, number);
      if (!numbers.includes(number)) throw damaged(path, 'is missing');
      const { segment, bytes, mark }: LoadedSegment = number === last ? newest : Segment.load(path);
      if (segment !== newest.segment) segments.push(segment);
      const { firstSequence, previousEnd } = segment.identity;
      if (segment.number !== number || (sequence !== undefined && sequence !== firstSequence))
        throw damaged(path, 'does not follow the file before it');
      if (before !== undefined && before.end !== previousEnd) throw tooShort(before, previousEnd);
      sequence = segment.scan(bytes, (start, end) => {
        readFrame(bytes, start, end, (key, offset, length) => place(index, key, segment, offset, length));
      });
      if (number === last) {
        checkNewest(segment, mark);
        clean = isZero(bytes.subarray(segment.end));
      }
      before = segment;
    }
  } catch (error) {
    newest.segment.close();
    throw error;
  }
  segments.push(newest.segment);
  // They were given up before the last crash.
  for (const number of numbers) if (number < oldest) rmSync(segmentPath(directory, number), { force: true });
  return { segments, index, sequence: sequence!, oldest, clean };
}

function checkNewest(segment: Segment, { confirmed, continued }: Mark): void {
  if (segment.end < confirmed) throw tooShort(segment, confirmed);
  if (continued) throw damaged(segment.path, 'has a successor, which is missing');
}

function tooShort(segment: Segment, expected: number): Error {
  const { path, end } = segment;
  return damaged(path, `is damaged at byte ${end}: up to byte ${expected} it held what had been confirmed`);
}

/** Puts a value in the index, or takes it out, and keeps account of what is live. */
export function place(
  index: Map<number, Place>,
  key: number,
  segment: Segment,
  offset: number,
  length: number,
): void {
  const former = index.get(key);
  if (former !== undefined) former.segment.live -= former.length;
  if (length < 0) {
    index.delete(key);
    return;
  }
  index.set(key, { segment, offset, length });
  segment.live += length;
}

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length);
    if (part.compare(ZEROS, 0, part.length) !== 0) return false;
  }
  return true;
}

const ZEROS = Buffer.alloc(64 * 1024);
