/** How often the main thread renews its beat, and how often its watcher looks, while one block becomes suspect. */
export const BEATS_PER_BLOCK = 8;

/** What the watcher finds in its `workerData`. */
export interface WatcherData {
  /** Int32: the beat of the main thread, then 1 while a debugger is open there. */
  readonly shared: SharedArrayBuffer;
  /** ms of silence after which the main thread counts as blocked. */
  readonly afterMs: number;
  readonly path: string;
}
