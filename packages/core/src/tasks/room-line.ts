import type { Clock } from '../platform/platform.js';

/** A task that waits for room, for somebody who may give up meanwhile. */
export interface Wish {
  /** Whether somebody still wants it. */
  readonly wanted: () => boolean;
  /** Set while it waits: it waits no longer, and what it holds is free. */
  giveUp?: () => void;
}

/** Those who wait until one more task may wait; whoever came first looks first. */
export class RoomLine {
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly clock: Pick<Clock, 'defer'>,
    private readonly hasRoom: () => boolean,
  ) {}

  /** Resolves when there may be room, and when the wish is given up. Whoever takes none then offers it. */
  async next(wish?: Wish): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.add(resolve);
      if (wish === undefined) return;
      wish.giveUp = () => {
        this.#waiting.delete(resolve);
        resolve();
      };
    });
  }

  /** Resolves when there is room. */
  async room(): Promise<void> {
    if (this.hasRoom()) return;
    await this.next();
    // Whoever has waited here may post nothing, and then the room is for the next one.
    this.clock.defer(() => this.offer());
  }

  /** There may be room. */
  offer(): void {
    const [first] = this.#waiting;
    if (first === undefined || !this.hasRoom()) return;
    this.#waiting.delete(first);
    first();
  }
}
