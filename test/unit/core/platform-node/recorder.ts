import type { ByteStream, StreamEvents } from '@shoal/core/internal/platform/platform';
import { until } from './deadlines.js';

/** Everything that the owner of a stream is told, in order. */
export class Recorder implements StreamEvents {
  readonly told: string[] = [];
  readonly chunks: Buffer[] = [];
  failure: Error | undefined;
  /** Called with each chunk, in the turn in which it comes. */
  onData: (chunk: Buffer) => void = () => {};

  constructor(readonly stream: ByteStream) {
    stream.start(this);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  count(event: string): number {
    return this.told.filter((each) => each === event).length;
  }

  has(event: string): Promise<void> {
    return until(`the stream tells ${event}`, () => this.told.includes(event));
  }

  async received(text: string): Promise<void> {
    await until(`${text.slice(0, 20)} has come`, () => this.bytes.length >= text.length);
  }

  data(chunk: Buffer): void {
    this.told.push('data');
    this.chunks.push(chunk);
    this.onData(chunk);
  }

  end(): void {
    this.told.push('end');
  }

  drain(): void {
    this.told.push('drain');
  }

  close(error: Error | undefined): void {
    this.told.push('close');
    this.failure = error;
  }
}
