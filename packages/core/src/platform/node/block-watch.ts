import { SHARE_ENV, Worker } from 'node:worker_threads';
import { BEATS_PER_BLOCK, type WatcherData } from './block-watcher-data.js';

/** What the watcher may take, in MiB. Scripts with source maps inside of them need some while it is attached. */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32, stackSizeMb: 1 };

/**
 * Starts the thread that watches this process, see `block-watcher.ts`, and the
 * beat that it looks at. Neither keeps the process alive, and a process without
 * its watcher goes on: a block is then told without its stack.
 */
export function watchBlocks(afterMs: number, path: string): void {
  // Loaded here, because only workers that are watched need it; some builds of Node have none.
  const inspector = process.getBuiltinModule('node:inspector');
  if (inspector === undefined) return;
  const shared = new SharedArrayBuffer(8);
  const beat = new Int32Array(shared);
  setInterval(() => {
    // Whoever debugs this process stops it on purpose, and nobody else may resume it.
    Atomics.store(beat, 1, inspector.url() === undefined ? 0 : 1);
    Atomics.add(beat, 0, 1);
  }, afterMs / BEATS_PER_BLOCK).unref();
  const workerData: WatcherData = { shared, afterMs, path };
  const watcher = new Worker(new URL('./block-watcher.js', import.meta.url), {
    workerData,
    name: 'watcher',
    env: SHARE_ENV,
    // What the program was started with (loaders, profilers, the inspector) is not for it.
    execArgv: [],
    resourceLimits,
  });
  watcher.on('error', () => {});
  watcher.unref();
}
