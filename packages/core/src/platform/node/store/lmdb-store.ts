/**
 * A store that is a file of LMDB, which this process alone has open.
 *
 * LMDB writes to pages that nobody needs, syncs them, and then the page that
 * says where the tree begins; so the file is whole at each moment, and needs no
 * repair. With a sync interval that last page is with the system when a commit
 * resolves, and on disk with the next commit, or after the interval: a failure
 * of power can take the last commit, and cannot harm those before.
 *
 * Commits that come while one is under way wait and go together. LMDB's own
 * batches end with each turn, and each that waits would hold a thread of the pool.
 */
import { close as closeFile, closeSync, fdatasync, openSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { open, type RootDatabase } from 'lmdb';
import { TaskError } from '../../../errors.js';
import type { Store, StoreChange } from '../../platform.js';
import { damaged } from './damage.js';
import { syncDirectory } from './durable-directory.js';
import { checkFile } from './lmdb-file.js';
import { failureOf, isPassing } from './lmdb-failure.js';
import { Reserve } from './reserve.js';
import { seal, unseal } from './sealed-value.js';

const FILE = 'queue.mdb';
const KEY_BYTES = 6;
/** Changes that one transaction gathers from several commits, at most. */
const LARGEST_GROUP = 5_000;

/** In the order of the numbers. */
const keyEncoder = {
  writeKey(key: number, target: Buffer, at: number): number {
    return target.writeUIntBE(key, at, KEY_BYTES);
  },
  readKey: (source: Buffer, at: number): number => source.readUIntBE(at, KEY_BYTES),
};

interface Commit {
  readonly changes: readonly StoreChange[];
  resolve(): void;
  reject(error: unknown): void;
}

const sync = promisify(fdatasync);

export class LmdbStore implements Store {
  readonly #waiting: Commit[] = [];
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #brokenBy: Error | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> | undefined;
  readonly #reserve: Reserve;

  private constructor(
    readonly path: string,
    private readonly syncInterval: number,
    private readonly database: RootDatabase<Buffer, number>,
    /** One more of the same file: the system tells each of them once that a write has failed. */
    private readonly descriptor: number,
  ) {
    this.#reserve = new Reserve(descriptor, () => {
      const { lastPageNumber, pageSize } = database.getStats() as {
        lastPageNumber: number;
        pageSize: number;
      };
      return (lastPageNumber + 1) * pageSize;
    });
  }

  /**
   * The directory must exist.
   *
   * @throws {ProcessError} QUEUE_DAMAGED
   */
  static async open(path: string, syncInterval: number): Promise<LmdbStore> {
    const file = join(path, FILE);
    checkFile(file);
    const database = open<Buffer, number>({
      path: file,
      noSubdir: true,
      // The default tells of a commit that is not on disk, and has lost some.
      overlappingSync: false,
      noMetaSync: syncInterval > 0,
      eventTurnBatching: false,
      encoding: 'binary',
      keyEncoder,
      maxDbs: 1,
      ...{ permissionsMode: 0o600 },
    });
    try {
      const descriptor = openSync(file, 'r+');
      try {
        // What the last owner has left is with the system, and nobody may have synced it.
        await sync(descriptor);
        syncDirectory(path);
        return new LmdbStore(path, syncInterval, database, descriptor);
      } catch (error) {
        closeSync(descriptor);
        throw error;
      }
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** @throws {ProcessError} QUEUE_DAMAGED for a value that is not what was committed. */
  get(key: number): Buffer | undefined {
    const sealed = this.database.getBinary(key);
    if (sealed === undefined) return undefined;
    const value = unseal(key, sealed);
    if (value === undefined)
      throw damaged(join(this.path, FILE), `has another value under the key ${key} than was written`);
    return value;
  }

  keys(): Iterable<number> {
    return this.database.getKeys();
  }

  commit(changes: readonly StoreChange[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve();
    if (this.#closing !== undefined) return Promise.reject(this.#failed(new Error('the store is closed')));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ changes, resolve, reject });
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
      if (this.#brokenBy === undefined) await sync(this.descriptor);
    } finally {
      await this.database.close();
      await promisify(closeFile)(this.descriptor);
    }
  }

  async #run(): Promise<void> {
    // All commits of this turn go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      try {
        await this.#write(group);
        for (const { resolve } of group) resolve();
      } catch (error) {
        const failure = this.#failed(error as Error);
        for (const { reject } of group) reject(failure);
      }
    }
    this.#running = undefined;
  }

  #nextGroup(): Commit[] {
    let size = 0;
    let count = 0;
    while (count < this.#waiting.length && (count === 0 || size < LARGEST_GROUP))
      size += this.#waiting[count++]!.changes.length;
    return this.#waiting.splice(0, count);
  }

  async #write(group: readonly Commit[]): Promise<void> {
    if (this.#brokenBy !== undefined) throw this.#brokenBy;
    const { database } = this;
    await this.#reserve.provide(group.flatMap(({ changes }) => changes));
    try {
      await database.batch(() => {
        for (const { changes } of group) {
          for (const { key, value } of changes)
            void (value === undefined ? database.remove(key) : database.put(key, seal(key, value)));
        }
      });
    } catch (error) {
      throw await this.#judge(await failureOf(error));
    }
    if (this.syncInterval > 0) this.#syncLater();
  }

  /**
   * Whether the store can go on after that. When the system could not write what
   * it had taken already, nobody knows what is on disk; it says so once to each
   * descriptor, so also to this one.
   */
  async #judge(failure: Error): Promise<Error> {
    try {
      await sync(this.descriptor);
      if (!isPassing(failure)) this.#brokenBy = failure;
    } catch {
      this.#brokenBy = failure;
    }
    return failure;
  }

  /** Only the last commit needs it: each one syncs what was written before. */
  #syncLater(): void {
    clearTimeout(this.#syncTimer);
    this.#syncTimer = setTimeout(() => {
      this.#syncTimer = undefined;
      this.#syncing = sync(this.descriptor)
        .catch((error: unknown) => {
          // The next commit tells.
          this.#brokenBy ??= error as Error;
        })
        .finally(() => (this.#syncing = undefined));
    }, this.syncInterval);
  }

  #failed(cause: Error): TaskError {
    const remedy =
      this.#brokenBy === undefined
        ? 'Nothing was changed; it is tried again with the next task'
        : 'The server has to be started again, so that it reads what is on disk';
    return new TaskError(
      'TASK_STORE_FAILED',
      `cannot write to the queue in ${this.path}: ${cause.message}. ${remedy}`,
      { cause },
    );
  }
}
