import type { ByteStream, Endpoint, StreamEvents } from '../platform/platform.js';

/**
 * A stream whose first bytes somebody has read who then hands it on: what comes
 * later goes to whoever has started it last.
 */
export class OpenedStream implements ByteStream {
  #receiver: StreamEvents;
  #paused = false;
  /** What was read too early, until it is asked for. */
  #early: Buffer | undefined;

  constructor(
    private readonly stream: ByteStream,
    first: StreamEvents,
  ) {
    this.#receiver = first;
    stream.start({
      data: (chunk) => this.#receiver.data(chunk),
      end: () => this.#receiver.end(),
      drain: () => this.#receiver.drain(),
      close: (error) => this.#receiver.close(error),
    });
  }

  get remote(): Endpoint {
    return this.stream.remote;
  }

  get local(): Endpoint {
    return this.stream.local;
  }

  get buffered(): number {
    return this.stream.buffered;
  }

  get unsent(): number {
    return this.stream.unsent;
  }

  get gone(): boolean {
    return this.stream.gone;
  }

  start(events: StreamEvents): void {
    this.#receiver = events;
  }

  /** Hands on what was read too early, as if it came now; while the stream is paused it waits. */
  tell(chunk: Buffer): void {
    if (this.#paused) this.#early = chunk;
    else this.#receiver.data(chunk);
  }

  write(chunk: Buffer): void {
    this.stream.write(chunk);
  }

  writeAll(chunks: readonly Buffer[]): void {
    this.stream.writeAll(chunks);
  }

  pause(): void {
    this.#paused = true;
    this.stream.pause();
  }

  resume(): void {
    this.#paused = false;
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) this.#receiver.data(early);
    // Unless that was enough.
    if (!this.#paused) this.stream.resume();
  }

  end(): void {
    this.stream.end();
  }

  destroy(reset?: boolean): void {
    this.stream.destroy(reset);
  }
}
