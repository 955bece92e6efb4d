import type { Way } from '../mesh/way.js';
import type { Settlement } from '../pipe/messages.js';
import { Window } from '../pipe/window.js';
import { costOf, type Letter } from './letter.js';

export interface OutboxEvents {
  /** The way there, which may have to open first; undefined while nobody has that place. */
  way(): Way | undefined;
  /** Its handler has started. */
  delivered(letter: Letter): void;
  /** It was alone on its way when the process died: another one would die of it too. */
  poison(letter: Letter): void;
}

/**
 * Messages to one worker id, in order. Each is kept until its handler has started
 * there; what a process has not started when it leaves or dies goes to the one
 * after it. A message that may have killed its process goes alone the next time,
 * and is given up when it does so again.
 */
export class Outbox {
  readonly #window: Window;
  #waiting: Letter[] = [];
  #way: Way | undefined;
  #sent = 0;
  /** Not started, and given back: they go again in their old order. */
  #returned: Letter[] = [];
  readonly #forRoom: (() => void)[] = [];

  constructor(
    /** Bytes of messages that are not started there. */
    limit: number,
    private readonly events: OutboxEvents,
  ) {
    this.#window = new Window(limit);
  }

  /** Whether every message has been started. */
  get empty(): boolean {
    return this.#waiting.length === 0 && this.#returned.length === 0 && this.#sent === 0;
  }

  /** Whether nobody is there to take what waits. */
  get stuck(): boolean {
    return this.#way?.open !== true;
  }

  /** Whether it may be added now. */
  admits(bytes: number): boolean {
    return this.#forRoom.length === 0 && this.fits(bytes);
  }

  /** Whether there is room, for whoever is first in the line. */
  fits(bytes: number): boolean {
    return this.#window.admits(costOf(bytes));
  }

  add(letter: Letter): void {
    this.#window.take(letter.cost);
    this.#waiting.push(letter);
    this.pump();
  }

  /** Calls `run` when it is its turn to look whether there is room. Returns what takes that back. */
  whenRoom(run: () => void): () => void {
    this.#forRoom.push(run);
    return () => {
      const index = this.#forRoom.indexOf(run);
      if (index >= 0) this.#forRoom.splice(index, 1);
    };
  }

  /** Sends what can go. */
  pump(): void {
    if (this.#returned.length > 0) this.#putBack(this.#returned);
    this.#returned = [];
    if (this.#waiting.length === 0) return;
    if (this.#way?.open !== true) {
      // What the former process has neither started nor given back comes before the rest.
      if (this.#sent > 0) return;
      this.#way = this.events.way();
    }
    const way = this.#way;
    if (way?.open !== true) return;
    let count = 0;
    while (count < this.#waiting.length) {
      const letter = this.#waiting[count]!;
      if (letter.suspect && this.#sent > 0) break;
      this.#sent++;
      count++;
      letter.travel(way);
      if (letter.suspect) break;
    }
    if (count > 0) this.#waiting.splice(0, count);
  }

  settled(letter: Letter, how: Settlement): void {
    this.#sent--;
    if (how === 'returned') {
      this.#returned.push(letter);
      return;
    }
    this.events.delivered(letter);
    this.#forget(letter);
  }

  /** A turn of the way is over. */
  turn(): void {
    this.pump();
  }

  /** The process is gone and has not settled these. */
  lost(way: Way, letters: readonly Letter[]): void {
    if (this.#way === way) this.#way = undefined;
    this.#sent -= letters.length;
    const fatal = way.blameless ? [] : letters.filter(({ suspect }) => suspect);
    const left = letters.filter((letter) => !fatal.includes(letter));
    if (!way.blameless) for (const letter of left) letter.suspect = true;
    // First: whoever waits for the room that the others leave goes behind them.
    this.#putBack(left);
    for (const letter of fatal) {
      this.events.poison(letter);
      this.#forget(letter);
    }
    this.pump();
  }

  /** What a process gives back at last may have been sent before or after what it gave back at first. */
  #putBack(letters: readonly Letter[]): void {
    this.#waiting = [...letters, ...this.#waiting].sort((a, b) => a.number - b.number);
  }

  #forget(letter: Letter): void {
    this.#window.give(letter.cost);
    // Each looks for itself, and leaves the line when it has gone through.
    while (this.#forRoom.length > 0) {
      const before = this.#forRoom.length;
      this.#forRoom[0]!();
      if (this.#forRoom.length === before) return;
    }
  }
}
