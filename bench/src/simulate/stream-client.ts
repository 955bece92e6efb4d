import type { ByteStream } from '@shoal/core/internal/platform/platform';
import { LINE_BYTES } from './lines.js';

/**
 * A client in the world that keeps a number of lines in flight: for those that
 * came back in one read it writes as many in one piece.
 */
export class StreamClient {
  readonly #chunks: Buffer[] = [];
  /** Bytes. */
  #sent = 0;
  #received = 0;

  constructor(
    private readonly stream: ByteStream,
    /** All that it will send. */
    private readonly lines: Buffer,
  ) {
    stream.start({
      data: (chunk) => this.#take(chunk),
      end: () => stream.end(),
      drain: () => {},
      close: () => {},
    });
  }

  /** Puts the first lines in flight. */
  begin(inFlight: number): void {
    this.#send(inFlight);
  }

  /** Whether every line has come back, or something has that was not sent. */
  get done(): boolean {
    return this.#received >= this.lines.length;
  }

  /** Throws unless exactly what was sent has come back. */
  check(): void {
    if (!Buffer.concat(this.#chunks).equals(this.lines)) throw new Error('the simulated echo is wrong');
  }

  #take(chunk: Buffer): void {
    const before = Math.floor(this.#received / LINE_BYTES);
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    this.#send(Math.floor(this.#received / LINE_BYTES) - before);
  }

  #send(lines: number): void {
    const end = Math.min(this.lines.length, this.#sent + lines * LINE_BYTES);
    if (end === this.#sent) return;
    this.stream.write(this.lines.subarray(this.#sent, end));
    this.#sent = end;
  }
}
