/**
 * Looks through a file before LMDB does, which maps it into memory and trusts
 * it: where a page is missing the process dies of SIGBUS, and where one is not
 * what it should be LMDB aborts it.
 *
 * ```text
 *   page 0, 1: header │ magic │ version │ … │ free tree │ main tree │ u64 last page │ u64 transaction
 *              the one with the higher transaction holds
 *   tree:      u32 bytes of a page (first tree) │ u16 flags │ u16 depth │ u64 branch pages
 *              u64 leaf pages │ u64 overflow pages │ u64 entries │ u64 root
 *   page:      u64 its number │ u64 transaction │ u16 │ u16 flags │ u16 ends of nodes: lower │ u16 upper
 *              u16 place of each node … nodes (or u32 pages instead of the ends, where a value overflows)
 *   node:      u16, u16, u16: bytes of the value and flags, or the number of a page │ u16 bytes of the key │ key │ value
 * ```
 *
 * That is the format 2 of LMDB, little-endian, with words of 64 bits.
 */
import { closeSync, fstatSync, openSync, readSync, truncateSync } from 'node:fs';
import { endianness } from 'node:os';
import { damaged } from './damage.js';

const MAGIC = 0xbeef_c0de;
const VERSION = 2;
const HEADER = 24;
const NODE_HEADER = 8;
const META_BYTES = 0xb0;
const SMALLEST_PAGE = 4_096;
const LARGEST_PAGE = 65_536;
const NO_PAGE = 0xffff_ffff_ffff;
const DEEPEST = 32;
const flag = { branch: 1, leaf: 2, overflow: 4, meta: 8 };
const LARGE_VALUE = 1;

/** @throws {ProcessError} QUEUE_DAMAGED for a file that is none of LMDB's, was cut, or has a page that is not what it should be. */
export function checkFile(path: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    if (isBlank(descriptor, size)) truncateSync(path, 0);
    else if (endianness() === 'LE') new FileCheck(path, descriptor, size).run();
  } finally {
    closeSync(descriptor);
  }
}

/** What the machine may have left when it failed before the file was first synced: nothing was accepted then. */
function isBlank(descriptor: number, size: number): boolean {
  if (size > 2 * LARGEST_PAGE) return false;
  const bytes = Buffer.alloc(size);
  readSync(descriptor, bytes, 0, size, 0);
  return bytes.every((byte) => byte === 0);
}

interface Counts {
  branch: number;
  leaf: number;
  overflow: number;
  entries: number;
  lastKey: number;
}

class FileCheck {
  #pageSize = SMALLEST_PAGE;

  constructor(
    private readonly path: string,
    private readonly descriptor: number,
    private readonly size: number,
  ) {}

  run(): void {
    const first = this.#meta(0, 0);
    this.#pageSize = first.readUInt32LE(0x30);
    if (this.#pageSize < SMALLEST_PAGE || this.#pageSize > LARGEST_PAGE) throw this.#notWhole(0);
    const second = this.#meta(1, this.#pageSize);
    const [a, b] = [transaction(first), transaction(second)];
    const follows = a === b ? a === 0 : Math.abs(a - b) === 1 && a % 2 === 0;
    if (!follows) throw this.#notWhole(a > b ? 0 : 1);
    const newest = a > b ? first : second;
    this.#tree(newest, 0x30, (node) => node.readUIntLE(0, 6));
    this.#tree(newest, 0x60, (node) => node.readUIntBE(0, 6));
  }

  #meta(number: number, at: number): Buffer {
    const bytes = Buffer.alloc(META_BYTES);
    if (readSync(this.descriptor, bytes, 0, META_BYTES, at) < META_BYTES) throw this.#cut(at + META_BYTES);
    const isMeta = bytes.readUInt16LE(18) === flag.meta && bytes.readUInt32LE(24) === MAGIC;
    if (!isMeta && number === 0) throw damaged(this.path, 'is no file of a queue');
    if (!isMeta) throw this.#notWhole(number);
    const version = bytes.readUInt32LE(28);
    if (version !== VERSION)
      throw damaged(this.path, `has the format ${version}, and this version knows ${VERSION} only`);
    return bytes;
  }

  #tree(meta: Buffer, at: number, keyOf: (key: Buffer) => number): void {
    const root = meta.readUIntLE(at + 40, 6);
    const depth = meta.readUInt16LE(at + 6);
    const counts: Counts = { branch: 0, leaf: 0, overflow: 0, entries: 0, lastKey: -1 };
    if (depth > DEEPEST) throw this.#notWhole(0);
    if (root !== NO_PAGE) this.#walk(root, depth, counts, keyOf);
    const told = [8, 16, 24, 32].map((offset) => meta.readUIntLE(at + offset, 6));
    const { branch, leaf, overflow, entries } = counts;
    if ([branch, leaf, overflow, entries].some((count, index) => count !== told[index]))
      throw damaged(this.path, `has ${entries} entries, and says that it has ${told[3]}`);
  }

  #walk(number: number, depth: number, counts: Counts, keyOf: (key: Buffer) => number): void {
    const page = this.#page(number);
    const isLeaf = depth === 1;
    const nodes = page.readUInt16LE(20) >> 1;
    const ends = HEADER + page.readUInt16LE(22);
    if (page.readUInt16LE(18) !== (isLeaf ? flag.leaf : flag.branch) || nodes === 0 || ends > page.length)
      throw this.#notWhole(number);
    counts[isLeaf ? 'leaf' : 'branch']++;
    for (let index = 0; index < nodes; index++) {
      const at = HEADER + page.readUInt16LE(HEADER + 2 * index);
      const key = at + NODE_HEADER;
      if (at < ends || key > page.length) throw this.#notWhole(number);
      const keyEnd = key + page.readUInt16LE(at + 6);
      if (keyEnd > page.length) throw this.#notWhole(number);
      if (!isLeaf) {
        this.#walk(page.readUIntLE(at, 6), depth - 1, counts, keyOf);
        continue;
      }
      const value = keyOf(page.subarray(key, key + 6));
      if (keyEnd < key + 6 || value <= counts.lastKey) throw this.#notWhole(number);
      counts.lastKey = value;
      counts.entries++;
      const length = page.readUInt32LE(at);
      if ((page.readUInt16LE(at + 4) & LARGE_VALUE) !== 0) {
        if (keyEnd + 24 > page.length) throw this.#notWhole(number);
        const pages = page.readUIntLE(keyEnd + 16, 6);
        this.#large(page.readUIntLE(keyEnd, 6), pages, length);
        counts.overflow += pages;
      } else if (keyEnd + length > page.length) throw this.#notWhole(number);
    }
  }

  /** A value with pages of its own, of which only the first has a header; it may have replaced a longer one. */
  #large(number: number, pages: number, length: number): void {
    const page = this.#page(number);
    const isWhole = page.readUInt16LE(18) === flag.overflow && page.readUInt32LE(20) === pages;
    if (!isWhole || pages * this.#pageSize < HEADER + length) throw this.#notWhole(number);
    const end = number * this.#pageSize + HEADER + length;
    if (end > this.size) throw this.#cut(end);
  }

  #page(number: number): Buffer {
    const end = (number + 1) * this.#pageSize;
    if (end > this.size) throw this.#cut(end);
    const page = Buffer.allocUnsafe(this.#pageSize);
    readSync(this.descriptor, page, 0, page.length, end - page.length);
    if (page.readUIntLE(0, 6) !== number) throw this.#notWhole(number);
    return page;
  }

  #cut(least: number): Error {
    return damaged(this.path, `has ${this.size} bytes and had ${least} at least: it was cut`);
  }

  #notWhole(number: number): Error {
    return damaged(this.path, `has another page ${number} than was written`);
  }
}

function transaction(meta: Buffer): number {
  return meta.readUIntLE(0x98, 6);
}
