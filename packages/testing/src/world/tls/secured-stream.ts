import type { ByteStream, Endpoint, StreamEvents } from '@shoal/core/internal/platform/platform';
import type { ClientLink } from '../link-behaviour.js';
import type { VirtualStream } from '../virtual-stream.js';
import { readRecord, recordOf } from './records.js';

/** What one end of a handshake makes of it. */
export interface HandshakeSide {
  /** The peer has said something. */
  heard(message: object): void;
  /** It has said something else, or has left. */
  broken(reason: string): void;
}

/**
 * One end of a virtual stream that is secured: messages of a handshake at first,
 * then the bytes as they come. What comes before somebody listens is kept.
 */
export class SecuredStream implements ByteStream {
  #side: HandshakeSide | undefined;
  #events: StreamEvents | undefined;
  #kept: Buffer;
  #started = false;
  #paused = false;
  #closed = false;

  constructor(
    private readonly stream: VirtualStream,
    /** Was read of the stream already. */
    head: Buffer,
    /** Makes the side that hears the handshake. */
    side: (stream: SecuredStream) => HandshakeSide,
  ) {
    this.#kept = head;
    this.#side = side(this);
    stream.takeOver({
      data: (chunk) => this.#data(chunk),
      end: () => (this.#side === undefined ? this.#events?.end() : this.#broken('its client has left')),
      drain: () => this.#events?.drain(),
      close: (error) => this.#close(error),
    });
    if (head.length > 0) stream.later(() => this.#read());
  }

  get remote(): Endpoint {
    return this.stream.remote;
  }

  get local(): Endpoint {
    return this.stream.local;
  }

  get link(): ClientLink {
    return this.stream.link;
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

  say(message: object): void {
    this.stream.write(recordOf(message));
  }

  /** The handshake is over: what comes from here on is for whoever starts the stream, and waits until then. */
  finish(): void {
    this.#side = undefined;
    this.stream.pause();
  }

  start(events: StreamEvents): void {
    this.#events = events;
    this.stream.later(() => {
      this.#started = true;
      const kept = this.#kept;
      this.#kept = Buffer.alloc(0);
      if (kept.length > 0 && !this.#closed) events.data(kept);
      if (!this.#paused) this.stream.resume();
    });
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
    if (this.#started) this.stream.resume();
  }

  end(): void {
    this.stream.end();
  }

  destroy(reset = false): void {
    this.#side = undefined;
    this.stream.destroy(reset);
  }

  #data(chunk: Buffer): void {
    if (this.#started) {
      this.#events!.data(chunk);
      return;
    }
    this.#kept = Buffer.concat([this.#kept, chunk]);
    this.#read();
  }

  #read(): void {
    try {
      for (;;) {
        const record = this.#side === undefined ? undefined : readRecord(this.#kept);
        if (record === undefined) return;
        this.#kept = this.#kept.subarray(record.length);
        this.#side!.heard(record.message);
      }
    } catch (error) {
      this.#broken((error as Error).message);
    }
  }

  #close(error: Error | undefined): void {
    this.#closed = true;
    this.#broken('its client has left');
    this.#events?.close(error);
  }

  #broken(reason: string): void {
    const side = this.#side;
    this.#side = undefined;
    side?.broken(reason);
  }
}
