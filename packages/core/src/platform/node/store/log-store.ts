/**
 * A store that is a log: a commit is one frame at its end, and the index of what
 * lies where is in memory.
 *
 * Commits that come while one is under way wait and go together. Where more than
 * half of all that the files hold is of no use any more, what the oldest still
 * holds is written again at the end, between commits, and the file goes. Only
 * the oldest ever goes, so that a removal never goes before what it removed.
 */
import { rmSync } from 'node:fs';
import { TaskError } from '../../../errors.js';
import type { Store, StoreChange } from '../../platform.js';
import { encodeFrame, frameSize, placesIn, readFrame } from './frame.js';
import { place, recover, segmentPath, type Place } from './recovery.js';
import { PAGE, Segment } from './segment.js';

/** Bytes of a file, unless one commit is larger. */
const SEGMENT_BYTES = 8 * 1024 * 1024;
/** Bytes that one frame gathers from several commits, at most. */
const LARGEST_GROUP = 4 * 1024 * 1024;
/** Bytes that are written again between two commits, so that these do not wait long. */
const CLEANED_AT_ONCE = 256 * 1024;

interface Commit {
  readonly changes: readonly StoreChange[];
  readonly size: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** What the oldest file held when its cleaning began. */
interface Cleaning {
  readonly segment: Segment;
  readonly keys: readonly number[];
  next: number;
}

export class LogStore implements Store {
  readonly #segments: Segment[];
  readonly #index: Map<number, Place>;
  #sequence: number;
  #oldest: number;
  readonly #waiting: Commit[] = [];
  #running: Promise<void> | undefined;
  #state: 'open' | 'broken' = 'open';
  #closing: Promise<void> | undefined;
  #brokenBy: unknown;
  #cleaning: Cleaning | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> | undefined;

  private constructor(
    readonly path: string,
    private readonly syncInterval: number,
    private readonly segmentBytes: number,
    recovered: ReturnType<typeof recover>,
  ) {
    this.#segments = recovered.segments;
    this.#index = recovered.index;
    this.#sequence = recovered.sequence;
    this.#oldest = recovered.oldest;
  }

  /** The directory must exist. */
  static async open(path: string, syncInterval: number, segmentBytes = SEGMENT_BYTES): Promise<LogStore> {
    const recovered = recover(path);
    const store = new LogStore(path, syncInterval, segmentBytes, recovered);
    try {
      // What a process has left is with the system, and nobody has synced it yet.
      await recovered.segments.at(-1)?.sync();
      if (recovered.segments.length === 0 || !recovered.clean) await store.#begin(0);
    } catch (error) {
      for (const segment of store.#segments) segment.close();
      throw error;
    }
    return store;
  }

  get(key: number): Buffer | undefined {
    const found = this.#index.get(key);
    return found?.segment.read(found.offset, found.length);
  }

  keys(): Iterable<number> {
    return this.#index.keys();
  }

  /** Bytes of all files. */
  get bytes(): number {
    return this.#segments.reduce((sum, { capacity }) => sum + capacity, 0);
  }

  commit(changes: readonly StoreChange[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve();
    // A descriptor that is closed under a write belongs to another file by then.
    if (this.#closing !== undefined) return Promise.reject(this.#failure(new Error('the store is closed')));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ changes, size: frameSize(changes), resolve, reject });
      this.#running ??= this.#run();
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#running;
    clearTimeout(this.#syncTimer);
    await this.#syncing;
    try {
      if (this.#state === 'open') await this.#syncNow();
    } finally {
      for (const segment of this.#segments) segment.close();
    }
  }

  async #run(): Promise<void> {
    // All commits of this turn go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      try {
        await this.#write(group.length === 1 ? group[0]!.changes : group.flatMap(({ changes }) => changes));
        for (const { resolve } of group) resolve();
      } catch (error) {
        const failure = this.#failure(error);
        for (const { reject } of group) reject(failure);
      }
      await this.#clean();
    }
    this.#running = undefined;
  }

  #nextGroup(): Commit[] {
    let size = 0;
    let count = 0;
    while (count < this.#waiting.length && (count === 0 || size < LARGEST_GROUP))
      size += this.#waiting[count++]!.size;
    return this.#waiting.splice(0, count);
  }

  async #write(changes: readonly StoreChange[]): Promise<void> {
    if (this.#state !== 'open') throw this.#brokenBy;
    const size = frameSize(changes);
    if (!this.#head.hasRoom(size)) await this.#begin(size);
    const head = this.#head;
    const start = head.end;
    await head.append(encodeFrame(changes, this.#sequence, head.identity.salt));
    this.#sequence++;
    if (this.syncInterval === 0) await this.#syncNow();
    else this.#syncLater();
    placesIn(changes, start, (key, offset, length) => place(this.#index, key, head, offset, length));
  }

  get #head(): Segment {
    return this.#segments.at(-1)!;
  }

  /** After a sync that failed nobody knows what is on disk: the store is of no more use to this process. */
  async #syncNow(): Promise<void> {
    const head = this.#head;
    const confirmed = head.end;
    try {
      await head.sync();
      head.mark({ confirmed, oldest: this.#oldest, continued: false });
    } catch (error) {
      this.#state = 'broken';
      this.#brokenBy = error;
      throw error;
    }
  }

  #syncLater(): void {
    this.#syncTimer ??= setTimeout(() => {
      this.#syncing = this.#syncNow()
        .catch(() => {
          // The next commit tells.
        })
        .finally(() => (this.#syncing = undefined));
      this.#syncTimer = undefined;
    }, this.syncInterval);
  }

  /** Begins a file at the end. What was written to the last one is on disk before. */
  async #begin(size: number): Promise<void> {
    const former = this.#segments.at(-1);
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    await this.#syncing;
    if (former !== undefined) await this.#syncNow();
    const number = former === undefined ? this.#oldest : former.number + 1;
    const identity = {
      number,
      capacity: Math.max(this.segmentBytes, PAGE + size),
      firstSequence: this.#sequence,
      previousEnd: former?.end ?? 0,
    };
    const segment = await Segment.create(segmentPath(this.path, number), identity, this.#oldest);
    this.#segments.push(segment);
    former?.mark({ confirmed: former.end, oldest: this.#oldest, continued: true });
  }

  async #clean(): Promise<void> {
    if (this.#state !== 'open') return;
    try {
      if (this.#cleaning === undefined) this.#beginCleaning();
      if (this.#cleaning === undefined) return;
      const changes = this.#movable(this.#cleaning);
      if (changes.length > 0) await this.#write(changes);
      else await this.#dropOldest();
    } catch {
      // Where there is no room to move things they stay, and the next commit says why it fails.
      this.#cleaning = undefined;
    }
  }

  #beginCleaning(): void {
    const [oldest] = this.#segments;
    if (oldest === undefined || this.#segments.length === 1) return;
    let live = 0;
    for (const segment of this.#segments) live += segment.live;
    if (oldest.live > 0 && this.bytes <= 2 * live + 2 * this.segmentBytes) return;
    const keys = new Set<number>();
    if (oldest.live > 0) {
      const bytes = oldest.read(0, oldest.end);
      oldest.scan(bytes, (start, end) => readFrame(bytes, start, end, (key) => keys.add(key)));
    }
    this.#cleaning = { segment: oldest, keys: [...keys], next: 0 };
  }

  #movable(cleaning: Cleaning): StoreChange[] {
    const changes: StoreChange[] = [];
    let size = 0;
    while (cleaning.next < cleaning.keys.length && size < CLEANED_AT_ONCE) {
      const key = cleaning.keys[cleaning.next++]!;
      const found = this.#index.get(key);
      if (found?.segment !== cleaning.segment) continue;
      changes.push({ key, value: found.segment.read(found.offset, found.length) });
      size += found.length;
    }
    return changes;
  }

  /** The mark that nobody needs it any more is on disk before it goes. */
  async #dropOldest(): Promise<void> {
    this.#cleaning = undefined;
    const oldest = this.#segments[0]!;
    await this.#syncing;
    await this.#syncNow();
    this.#oldest = oldest.number + 1;
    // Once for the mark to be written, and once for it to be on disk.
    await this.#syncNow();
    await this.#syncNow();
    this.#segments.shift();
    oldest.close();
    rmSync(oldest.path, { force: true });
  }

  #failure(cause: unknown): TaskError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const remedy =
      this.#state === 'open'
        ? 'Nothing was changed; it is tried again with the next task'
        : 'The server has to be started again, so that it reads what is on disk';
    return new TaskError(
      'TASK_STORE_FAILED',
      `cannot write to the queue in ${this.path}: ${reason}. ${remedy}`,
      {
        cause,
      },
    );
  }
}
