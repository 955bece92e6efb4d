import type { ByteStream } from '../platform/platform.js';

/** Why a socket is not read: a window is full, the application has paused it, or has not confirmed it yet. */
export const Stop = { window: 1, paused: 2, unconfirmed: 4 } as const;

/** Whether one socket is read: as long as nothing stops it, however many reasons there were. */
export class Reading {
  #stops = 0;
  #released = false;

  constructor(private readonly stream: Pick<ByteStream, 'pause' | 'resume'>) {}

  get stopped(): boolean {
    return this.#stops !== 0;
  }

  has(stop: number): boolean {
    return (this.#stops & stop) !== 0;
  }

  set(stop: number, on: boolean): void {
    const before = this.#stops;
    if (((before & stop) !== 0) === on || this.#released) return;
    this.#stops = on ? before | stop : before & ~stop;
    if (before === 0) this.stream.pause();
    else if (this.#stops === 0) this.stream.resume();
  }

  /** From here on it is read to its end, whatever comes. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (this.#stops !== 0) this.stream.resume();
    this.#stops = 0;
  }

  /** There is nothing left to read. */
  close(): void {
    this.#released = true;
  }
}
