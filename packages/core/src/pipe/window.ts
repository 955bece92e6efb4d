/**
 * A bound on bytes that are on their way. It admits what fits, and always one
 * thing when it is empty, so that nothing is too large to pass at all.
 */
export class Window {
  #used = 0;

  constructor(readonly limit: number) {}

  get used(): number {
    return this.#used;
  }

  admits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.limit;
  }

  take(bytes: number): void {
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }

  reset(): void {
    this.#used = 0;
  }
}
