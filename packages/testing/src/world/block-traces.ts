import type { VirtualProcess } from './life.js';

/** What a blocked process tells: there is no loop in a simulation that could be looked at. */
const SIMULATED_STACK = 'blocked by the simulation, which has no stack: World.hang';

/**
 * The files that tell why event loops are blocked. What the real world writes
 * when a block becomes suspect is worked out here when somebody reads it, or
 * when the process ends, so that watching costs a simulated world no events.
 */
export class BlockTraces {
  /** By path: the living process that is watched. */
  readonly #watched = new Map<string, { readonly process: VirtualProcess; readonly afterMs: number }>();
  /** Paths of what ended processes have left. */
  readonly #left = new Set<string>();

  constructor(private readonly now: () => number) {}

  watch(process: VirtualProcess, afterMs: number, path: string): void {
    this.#watched.set(path, { process, afterMs });
  }

  /** Called before the process is forgotten. */
  ended(process: VirtualProcess): void {
    for (const [path, watched] of this.#watched) {
      if (watched.process !== process) continue;
      if (this.#tells(path)) this.#left.add(path);
      this.#watched.delete(path);
    }
  }

  take(path: string): string | undefined {
    return this.#left.delete(path) || this.#tells(path) ? SIMULATED_STACK : undefined;
  }

  /** With their directory they are gone. */
  remove(directory: string): void {
    for (const path of [...this.#left]) if (path.startsWith(`${directory}/`)) this.#left.delete(path);
  }

  #tells(path: string): boolean {
    const watched = this.#watched.get(path);
    const since = watched?.process.actor.hungSince;
    return watched !== undefined && since !== undefined && this.now() - since >= watched.afterMs;
  }
}
