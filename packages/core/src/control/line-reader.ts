/**
 * Cuts bytes into lines, however they arrive. What is held is never longer than
 * the longest line allowed; after a longer one nothing is read any more.
 */
export class LineReader {
  #held = Buffer.alloc(0);
  #length = 0;
  #state: 'reading' | 'overflowed' = 'reading';

  /** In bytes, without the line feed. */
  constructor(private readonly longest: number) {}

  /** A line was longer than allowed. */
  get overflowed(): boolean {
    return this.#state === 'overflowed';
  }

  /** The lines that these bytes complete, without their line feeds. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    while (this.#state === 'reading' && from < chunk.length) {
      const found = chunk.indexOf(0x0a, from);
      const end = found === -1 ? chunk.length : found;
      if (this.#length + end - from > this.longest) {
        this.#overflow();
        break;
      }
      const part = chunk.subarray(from, end);
      if (found === -1) this.#hold(part);
      else lines.push(this.#complete(part));
      from = end + 1;
    }
    return lines;
  }

  /** Doubles its room, so that a line that comes byte by byte is not copied at each. */
  #hold(part: Buffer): void {
    const needed = this.#length + part.length;
    if (needed > this.#held.length) {
      const larger = Buffer.alloc(Math.min(this.longest, Math.max(needed, 2 * this.#held.length)));
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    part.copy(this.#held, this.#length);
    this.#length = needed;
  }

  #complete(part: Buffer): string {
    if (this.#length === 0) return part.toString();
    this.#hold(part);
    const line = this.#held.toString('utf8', 0, this.#length);
    this.#held = Buffer.alloc(0);
    this.#length = 0;
    return line;
  }

  #overflow(): void {
    this.#state = 'overflowed';
    this.#held = Buffer.alloc(0);
    this.#length = 0;
  }
}
