/**
 * One file of a store: a first page that says what it is, then frames.
 *
 * ```text
 *      0  'SHOALLOG' │ u32 version │ u32 salt │ f64 number │ f64 capacity
 *         f64 first sequence │ f64 where its predecessor ends │ u32 checksum
 *    512  mark          two of them, of which the valid one with the higher count holds:
 *   1024  mark          f64 count │ f64 confirmed │ f64 oldest │ f64 continued │ u32 checksum
 *   4096  frame │ frame │ … │ zeros up to `capacity`
 * ```
 *
 * The file has its whole size from the beginning, because a sync is three times
 * as fast where it changes no metadata, and because a full disk is met before
 * anything is half written. The mark tells what must be found at the next start:
 * whatever lies before `confirmed`, every segment from `oldest` on, and a
 * successor if it is `continued`. It is written after each sync and needs none
 * of its own: it is with the system when the process dies, and one commit old
 * at most when the machine does.
 */
import {
  closeSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  write,
  writeSync,
} from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { randomInt } from 'node:crypto';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { ProcessError } from '../../../errors.js';
import { frameEnd } from './frame.js';

export const PAGE = 4_096;
const MAGIC = 'SHOALLOG';
const VERSION = 1;
const IDENTITY_BYTES = 48;
const MARKS = [512, 1_024] as const;
const MARK_BYTES = 32;
const ZEROS = Buffer.alloc(1024 * 1024);

interface Identity {
  readonly salt: number;
  readonly number: number;
  readonly capacity: number;
  readonly firstSequence: number;
  readonly previousEnd: number;
}

export interface Mark {
  readonly confirmed: number;
  readonly oldest: number;
  readonly continued: boolean;
}

export interface LoadedSegment {
  readonly segment: Segment;
  /** The whole file. */
  readonly bytes: Buffer;
  readonly mark: Mark;
}

export class Segment {
  /** Where the next frame goes. */
  end = PAGE;
  /** Bytes of values that are still of use. */
  live = 0;
  #marks = 0;

  private constructor(
    readonly path: string,
    private readonly descriptor: number,
    readonly identity: Identity,
  ) {}

  /** Makes the file, whole and on disk before it has its name. */
  static async create(path: string, identity: Omit<Identity, 'salt'>, oldest: number): Promise<Segment> {
    const { number, capacity, firstSequence, previousEnd } = identity;
    const salt = randomInt(2 ** 32);
    const page = Buffer.alloc(PAGE);
    page.write(MAGIC, 0, 'latin1');
    page.writeUInt32LE(VERSION, 8);
    page.writeUInt32LE(salt, 12);
    page.writeDoubleLE(number, 16);
    page.writeDoubleLE(capacity, 24);
    page.writeDoubleLE(firstSequence, 32);
    page.writeDoubleLE(previousEnd, 40);
    page.writeUInt32LE(crc32(page.subarray(0, IDENTITY_BYTES)), IDENTITY_BYTES);
    encodeMark(1, { confirmed: PAGE, oldest, continued: false }).copy(page, MARKS[1]);
    const draft = `${path}.new`;
    try {
      await writeDraft(draft, page, capacity);
      await rename(draft, path);
      syncDirectory(dirname(path));
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    }
    const segment = new Segment(path, openSync(path, 'r+'), { ...identity, salt });
    segment.#marks = 1;
    return segment;
  }

  /** @throws {ProcessError} QUEUE_DAMAGED for a file that is none, or is cut. */
  static load(path: string): LoadedSegment {
    const descriptor = openSync(path, 'r+');
    try {
      const { size } = fstatSync(descriptor);
      const page = Buffer.alloc(PAGE);
      readFully(descriptor, page, 0);
      const identity = decodeIdentity(page, path);
      const { capacity } = identity;
      if (size < capacity) throw damaged(path, `has ${size} bytes and had ${capacity}: it was cut`);
      const segment = new Segment(path, descriptor, identity);
      const marks = MARKS.map((at) => decodeMark(page.subarray(at))).filter((mark) => mark !== undefined);
      const newest = marks.sort((a, b) => b.count - a.count)[0];
      if (newest === undefined) throw damaged(path, 'says no more what it holds');
      segment.#marks = newest.count;
      const bytes = Buffer.allocUnsafe(capacity);
      readFully(descriptor, bytes, 0);
      return { segment, bytes, mark: newest };
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  get number(): number {
    return this.identity.number;
  }

  get capacity(): number {
    return this.identity.capacity;
  }

  hasRoom(size: number): boolean {
    return this.end + size <= this.capacity;
  }

  /** Finds where the frames end, and the sequence after the last; tells each of them. */
  scan(bytes: Buffer, visit: (start: number, end: number) => void): number {
    const { salt, firstSequence } = this.identity;
    let sequence = firstSequence;
    let start = PAGE;
    for (;;) {
      const end = frameEnd(bytes, start, sequence, salt);
      if (end === undefined) break;
      visit(start, end);
      start = end;
      sequence++;
    }
    this.end = start;
    return sequence;
  }

  /** Writes a frame where the last ended; when it rejects, the next takes its place. */
  async append(frame: Buffer): Promise<void> {
    let written = 0;
    while (written < frame.length) written += await this.#write(frame, written);
    this.end += frame.length;
  }

  #write(frame: Buffer, from: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.descriptor, frame, from, frame.length - from, this.end + from, (error, written) => {
        if (error === null) resolve(written);
        else reject(error);
      });
    });
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.descriptor, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  mark(mark: Mark): void {
    const count = ++this.#marks;
    writeSync(this.descriptor, encodeMark(count, mark), 0, MARK_BYTES + 4, MARKS[count % 2 === 0 ? 0 : 1]);
  }

  read(offset: number, length: number): Buffer {
    const value = Buffer.allocUnsafe(length);
    readFully(this.descriptor, value, offset);
    return value;
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

async function writeDraft(path: string, page: Buffer, capacity: number): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(page);
    for (let at = PAGE; at < capacity; at += ZEROS.length)
      await file.writeFile(ZEROS.subarray(0, capacity - at));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a directory and what is above it; all of it is on disk. */
export function makeDurableDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) syncDirectory(dirname(made));
}

/** Names of files are on disk when their directory is. */
export function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

export function damaged(path: string, what: string): ProcessError {
  return new ProcessError(
    'QUEUE_DAMAGED',
    `${path} ${what}. Nothing was changed: put back a copy of the whole directory, or move it away to begin with an empty queue`,
  );
}

function decodeIdentity(page: Buffer, path: string): Identity {
  if (page.toString('latin1', 0, MAGIC.length) !== MAGIC) throw damaged(path, 'is no file of a queue');
  const version = page.readUInt32LE(8);
  if (version !== VERSION)
    throw damaged(path, `has the format ${version}, and this version knows ${VERSION} only`);
  if (crc32(page.subarray(0, IDENTITY_BYTES)) !== page.readUInt32LE(IDENTITY_BYTES))
    throw damaged(path, 'has another first page than was written');
  return {
    salt: page.readUInt32LE(12),
    number: page.readDoubleLE(16),
    capacity: page.readDoubleLE(24),
    firstSequence: page.readDoubleLE(32),
    previousEnd: page.readDoubleLE(40),
  };
}

function encodeMark(count: number, { confirmed, oldest, continued }: Mark): Buffer {
  const bytes = Buffer.allocUnsafe(MARK_BYTES + 4);
  bytes.writeDoubleLE(count, 0);
  bytes.writeDoubleLE(confirmed, 8);
  bytes.writeDoubleLE(oldest, 16);
  bytes.writeDoubleLE(continued ? 1 : 0, 24);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, MARK_BYTES)), MARK_BYTES);
  return bytes;
}

function decodeMark(bytes: Buffer): (Mark & { readonly count: number }) | undefined {
  if (crc32(bytes.subarray(0, MARK_BYTES)) !== bytes.readUInt32LE(MARK_BYTES)) return undefined;
  return {
    count: bytes.readDoubleLE(0),
    confirmed: bytes.readDoubleLE(8),
    oldest: bytes.readDoubleLE(16),
    continued: bytes.readDoubleLE(24) === 1,
  };
}

function readFully(descriptor: number, target: Buffer, position: number): void {
  let filled = 0;
  while (filled < target.length) {
    const count = readSync(descriptor, target, filled, target.length - filled, position + filled);
    if (count === 0) {
      target.fill(0, filled);
      return;
    }
    filled += count;
  }
}
