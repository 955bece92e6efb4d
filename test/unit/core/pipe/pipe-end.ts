import { FrameKind, type Settlement } from '@shoal/core/internal/pipe/messages';
import { Pipe, type PipeEvents } from '@shoal/core/internal/pipe/pipe';
import { FrameRecorder } from './frames.js';
import type { ManualClock } from './manual-clock.js';
import type { MemoryStream } from './memory-stream.js';

/** What was sent, so that it can be compared with what arrives or comes back. */
export interface Sent {
  readonly name: number;
}

/** One end of a pipe that keeps everything that it is told. */
export class PipeEnd extends FrameRecorder implements PipeEvents<Sent> {
  readonly pipe: Pipe<Sent>;
  readonly settlements: { readonly name: number; readonly how: Settlement }[] = [];
  turns = 0;
  drains = 0;
  /** `undefined` in the list: closed without an error. */
  readonly closes: (Error | undefined)[] = [];
  #names = 0;

  constructor(
    readonly stream: MemoryStream,
    clock: ManualClock,
    maxBodyBytes = 4 * 1024 * 1024,
  ) {
    super();
    this.pipe = new Pipe<Sent>(stream, clock, this, maxBodyBytes);
    this.pipe.start();
  }

  /** Sends a numbered frame; returns its name, which is its number too. */
  send(id: number, body: Buffer, kind: number = FrameKind.packet): number {
    const name = this.#names++;
    this.pipe.message(kind, 0, 1, id, 0, 0, body, 0, body.length, { name });
    return name;
  }

  settled({ name }: Sent, how: Settlement): void {
    this.settlements.push({ name, how });
  }

  turn(): void {
    this.turns++;
  }

  drained(): void {
    this.drains++;
  }

  closed(error: Error | undefined): void {
    this.closes.push(error);
  }
}
