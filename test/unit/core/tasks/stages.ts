/** Stages for queues of tasks: in memory, on disk, in the simulated world. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TaskError } from '@shoal/core/internal/errors';
import { LmdbStore } from '@shoal/core/internal/platform/node/store/lmdb-store';
import type { Clock, Platform, Store, StoreChange, Timer } from '@shoal/core/internal/platform/platform';
import { StoredQueue } from '@shoal/core/internal/tasks/queue/stored-queue';
import type { TaskQueue } from '@shoal/core/internal/tasks/queue/task-queue';
import type { TaskQueueSetup, TaskQueueStage } from '@shoal/testing/internal/conformance/task-queue';
import { World } from '@shoal/testing/internal/world/world';

const BEGINNING = 1_900_000_000_000;

/** A clock that a test moves. */
class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return BEGINNING + this.#now;
  }

  setTimer(delay: number, run: () => void): Timer {
    const timer = { at: this.#now + delay, run };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  defer(run: () => void): void {
    setImmediate(run);
  }

  setBack(ms: number): void {
    this.#now -= ms;
  }

  forgetTimers(): void {
    this.#timers.clear();
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await turn();
    }
    this.#now = end;
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** A stage whose stores are real in some way, and whose clock a test moves. */
abstract class ManualStage implements TaskQueueStage {
  readonly clock = new ManualClock();
  protected refuses = false;

  protected abstract openStore(): Promise<Store>;
  abstract end(): Promise<void>;
  protected abstract storeCrashes(): Promise<void>;

  async open(setup: TaskQueueSetup): Promise<TaskQueue> {
    const store = await this.openStore();
    const refusing: Store = {
      path: store.path,
      get: (key) => store.get(key),
      keys: () => store.keys(),
      close: () => store.close(),
      commit: (changes) =>
        this.refuses ? Promise.reject(new TaskError('TASK_STORE_FAILED', 'full')) : store.commit(changes),
    };
    return StoredQueue.open({
      ...setup,
      store: refusing,
      clock: this.clock,
      random: { next: () => Math.random() },
    });
  }

  async crash(): Promise<void> {
    this.clock.forgetTimers();
    await this.storeCrashes();
  }

  settled<T>(promise: Promise<T>): Promise<T> {
    return promise;
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  now(): number {
    return this.clock.wallTime();
  }

  refuse(refuses: boolean): void {
    this.refuses = refuses;
  }
}

/** Commits happen at once or never. */
export class MemoryStage extends ManualStage {
  readonly #values = new Map<number, Uint8Array>();
  #owner = 0;

  protected async openStore(): Promise<Store> {
    const owner = ++this.#owner;
    const values = this.#values;
    return {
      path: 'memory',
      get: (key) => values.get(key),
      keys: () => values.keys(),
      close: async () => {},
      commit: async (changes: readonly StoreChange[]) => {
        await turn();
        if (owner !== this.#owner) return new Promise(() => {});
        for (const { key, value } of changes)
          if (value === undefined) values.delete(key);
          else values.set(key, value);
      },
    };
  }

  protected async storeCrashes(): Promise<void> {
    this.#owner++;
  }

  async end(): Promise<void> {}
}

/** A crash leaves to the next owner a copy of the files, as they are with the system at that moment. */
class DiskStage extends ManualStage {
  readonly #directory = mkdtempSync(join(tmpdir(), 'shoal-queue-'));
  readonly #stores: Store[] = [];
  #life = 0;

  constructor(private readonly syncInterval: number) {
    super();
    mkdirSync(this.#path);
  }

  get #path(): string {
    return join(this.#directory, String(this.#life));
  }

  protected async openStore(): Promise<Store> {
    const store = await LmdbStore.open(this.#path, this.syncInterval);
    this.#stores.push(store);
    return store;
  }

  protected async storeCrashes(): Promise<void> {
    const before = this.#path;
    this.#life++;
    cpSync(before, this.#path, { recursive: true });
  }

  async end(): Promise<void> {
    for (const store of this.#stores) await store.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Everything happens in a virtual process, which dies for each crash. */
class SimulatedStage implements TaskQueueStage {
  readonly #world: World;
  #platform: Platform | undefined;
  #pid: number | undefined;

  constructor(
    seed: number,
    private readonly syncInterval: number,
  ) {
    this.#world = new World({ seed });
  }

  async open(setup: TaskQueueSetup): Promise<TaskQueue> {
    if (this.#pid === undefined || !this.#world.pids.includes(this.#pid)) await this.#boot();
    const { stores, clock, random } = this.#platform!;
    const place = { parent: undefined, name: 'queue', syncInterval: this.syncInterval };
    const store = await this.settled(stores.open(place));
    return this.settled(StoredQueue.open({ ...setup, store, clock, random }));
  }

  async #boot(): Promise<void> {
    this.#platform = undefined;
    const main = (platform: Platform): void => {
      this.#platform = platform;
    };
    this.#pid = this.#pid === undefined ? this.#world.start(main) : this.#world.restart();
    await this.#world.until(
      () => this.#platform !== undefined,
      () => 'a process',
    );
  }

  async crash(): Promise<void> {
    this.#world.kill(this.#pid!);
    await this.#boot();
  }

  async settled<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const note = (): void => {
      settled = true;
    };
    promise.then(note, note);
    await this.#world.until(
      () => settled,
      () => 'a promise to settle',
    );
    return promise;
  }

  advance(ms: number): Promise<void> {
    return this.#world.advance(ms);
  }

  now(): number {
    return this.#platform!.clock.wallTime();
  }

  refuse(refuses: boolean): void {
    this.#world.failStores(refuses ? 'ENOSPC' : undefined);
  }

  async end(): Promise<void> {
    this.#world.end();
  }
}

export const stages = {
  inMemory: async (): Promise<TaskQueueStage> => new MemoryStage(),
  onDisk: async (syncInterval: number): Promise<TaskQueueStage> => new DiskStage(syncInterval),
  simulated: async (seed: number, syncInterval: number): Promise<TaskQueueStage> =>
    new SimulatedStage(seed, syncInterval),
};
