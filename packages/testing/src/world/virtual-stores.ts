import { ConfigError, TaskError } from '@shoal/core/internal/errors';
import type { Store, StoreChange, StorePlace } from '@shoal/core/internal/platform/platform';
import { posix } from 'node:path';
import type { Actor, Resource } from './actor.js';
import { systemError } from './medium.js';
import { outside } from './outside.js';
import type { Prng } from './prng.js';
import { Channel, GRAIN, type Scheduler } from './scheduler.js';
import type { VirtualFiles } from './virtual-files.js';

/** Virtual ms that a commit takes at most: to be on disk, and to be with the system. */
const SLOWEST_SYNC = 4;
const SLOWEST_WRITE = 0.25;
const STATE_DIRECTORY = '/var/lib/shoal';

/** What is on the disk under one name. */
interface Disk {
  readonly values: Map<number, Uint8Array>;
  owner: VirtualStore | undefined;
}

/** The disk of the virtual machine, as far as stores are on it: what was committed outlives every process. */
export class VirtualStores {
  /** The code with which commits fail from now on. */
  failure: string | undefined;
  readonly #disks = new Map<string, Disk>();

  constructor(
    readonly scheduler: Scheduler,
    readonly random: Prng,
    private readonly files: VirtualFiles,
  ) {}

  open({ parent = STATE_DIRECTORY, name, syncInterval }: StorePlace, actor: Actor): Store {
    const path = posix.join(parent, name);
    try {
      this.files.probe(path);
    } catch (cause) {
      throw new ConfigError(
        'CONFIG_QUEUE_DIRECTORY',
        `cannot keep a queue in ${path}: ${(cause as Error).message}`,
        { cause },
      );
    }
    const disk = this.#disks.get(path) ?? { values: new Map<number, Uint8Array>(), owner: undefined };
    if (disk.owner !== undefined) {
      throw new ConfigError(
        'CONFIG_QUEUE_DIRECTORY',
        `${path} belongs to process ${disk.owner.actor.pid}, which runs: stop that server, or give this one another messageQueueKey`,
      );
    }
    this.#disks.set(path, disk);
    disk.owner = new VirtualStore(this, path, disk, syncInterval === 0 ? SLOWEST_SYNC : SLOWEST_WRITE, actor);
    return disk.owner;
  }
}

/** A commit that is under way. */
interface Commit {
  readonly changes: readonly StoreChange[];
  done: boolean;
}

/**
 * One process's hold on a store. Its commits become durable in order, each at a
 * time that is drawn. When the process dies, some of those that were under way
 * have become durable, in their order, and the others never will.
 */
class VirtualStore implements Store, Resource {
  readonly #underWay: Commit[] = [];
  readonly #channel = new Channel();
  readonly #told = new Channel();
  #closed = false;

  constructor(
    private readonly stores: VirtualStores,
    readonly path: string,
    private readonly disk: Disk,
    private readonly slowest: number,
    readonly actor: Actor,
  ) {
    actor.resources.add(this);
  }

  get(key: number): Uint8Array | undefined {
    return this.disk.values.get(key);
  }

  keys(): Iterable<number> {
    return this.disk.values.keys();
  }

  commit(changes: readonly StoreChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.actor.alive) return;
      if (this.#closed) {
        reject(this.#failed(systemError('EBADF', 'write')));
        return;
      }
      const commit: Commit = { changes, done: false };
      this.#underWay.push(commit);
      const { scheduler, failure } = this.stores;
      scheduler.after(
        this.#delay(),
        outside,
        () => {
          if (commit.done) return;
          this.#underWay.shift();
          if (failure === undefined) this.#apply(commit);
          const tell = (): void => {
            if (failure === undefined) resolve();
            else reject(this.#failed(systemError(failure, 'write')));
          };
          scheduler.after(GRAIN, this.actor, tell, this.#told);
        },
        this.#channel,
      );
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#closed = true;
      this.stores.scheduler.after(
        GRAIN,
        outside,
        () => {
          this.actor.resources.delete(this);
          this.#leave();
          this.stores.scheduler.after(GRAIN, this.actor, resolve, this.#told);
        },
        this.#channel,
      );
    });
  }

  abandon(): void {
    let durable = true;
    for (const commit of this.#underWay) {
      durable &&= this.stores.random.chance(0.5);
      if (durable) this.#apply(commit);
      commit.done = true;
    }
    this.#underWay.length = 0;
    this.#leave();
  }

  #apply(commit: Commit): void {
    commit.done = true;
    for (const { key, value } of commit.changes)
      if (value === undefined) this.disk.values.delete(key);
      else this.disk.values.set(key, value);
  }

  #leave(): void {
    if (this.disk.owner === this) this.disk.owner = undefined;
  }

  #delay(): number {
    return GRAIN * this.stores.random.integer(1, Math.round(this.slowest / GRAIN));
  }

  #failed(cause: Error): TaskError {
    return new TaskError(
      'TASK_STORE_FAILED',
      `cannot write to the queue in ${this.path}: ${cause.message}. Nothing was changed; it is tried again with the next task`,
      { cause },
    );
  }
}
