import { HandlerError } from '../errors.js';
import type { FileRequest } from '../pipe/messages.js';
import type { ByteStream, Files, OpenFile } from '../platform/platform.js';
import type { Turn } from './output-queue.js';
import type { Tell } from './tell.js';

/** How much of a file is in memory at a time, for one client. */
const STEP_BYTES = 64 * 1024;

/** What a file on its way needs of the output. */
export interface FileOutput {
  /** Writes bytes; says whether the system has taken them. */
  step(bytes: Buffer): boolean;
  goOn(): void;
  /** Something of the file is out, and the rest cannot be had. */
  broken(error: Error): void;
  readonly tell: Tell;
}

/**
 * A file on its way to one client. It is opened when its turn has come, so that
 * files that wait hold nothing open, and read a step at a time, when the client
 * has taken the step before.
 *
 *   waiting ──▶ busy ⇄ idle ──▶ over
 *            opens, reads  the stream is taking a step
 */
export class FileTurn implements Turn {
  #state: 'waiting' | 'busy' | 'idle' | 'over' = 'waiting';
  #file: OpenFile | undefined;
  #at: number;
  #end = 0;

  constructor(
    private readonly wish: FileRequest,
    private readonly files: Files,
    private readonly stream: Pick<ByteStream, 'buffered'>,
    private readonly output: FileOutput,
  ) {
    this.#at = wish.offset;
  }

  advance(): boolean {
    if (this.#state === 'waiting' || this.#state === 'idle') {
      if (this.#state === 'idle' && this.#at === this.#end) {
        this.#finish();
        return true;
      }
      this.#state = 'busy';
      void this.#run();
    }
    return this.#state === 'over';
  }

  abandon(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#close();
    this.output.tell('discarded');
  }

  /** Opens it if it is not open, and writes steps until the stream holds one. */
  async #run(): Promise<void> {
    try {
      this.#file ??= await this.#open();
      while (this.#isBusy() && this.#at < this.#end) {
        const step = await this.#read(this.#file);
        if (!this.#isBusy()) return;
        this.#at += step.length;
        if (!this.output.step(step)) break;
      }
    } catch (error) {
      this.#fail(error);
    }
    if (!this.#isBusy()) {
      this.#close();
      this.output.goOn();
      return;
    }
    this.#state = 'idle';
    if (this.stream.buffered === 0) this.output.goOn();
  }

  async #open(): Promise<OpenFile> {
    const { path, offset, length } = this.wish;
    const file = await this.files.openToRead(path);
    this.#end = length === 0 ? file.size : offset + length;
    if (offset <= file.size && this.#end <= file.size) return file;
    file.close();
    throw new Error(
      `it has ${file.size} bytes, and ${length === 0 ? 'those' : `${length}`} from ${offset} on are wanted`,
    );
  }

  async #read(file: OpenFile): Promise<Buffer> {
    const step = await file.read(this.#at, Math.min(STEP_BYTES, this.#end - this.#at));
    if (step.length > 0) return step;
    throw new Error(`it ends at byte ${this.#at}, and had ${this.#end} when it was opened`);
  }

  #fail(cause: unknown): void {
    if (!this.#isBusy()) return;
    this.#state = 'over';
    const { path, offset } = this.wish;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error = new HandlerError('SEND_FILE_FAILED', `cannot send ${path}: ${reason}`, { cause });
    this.output.tell('discarded', error);
    // Its client cannot tell the part that it has from a whole.
    if (this.#at > offset) this.output.broken(error);
  }

  #finish(): void {
    this.#state = 'over';
    this.#close();
    this.output.tell('handled');
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  // A method, because a check of the field would narrow it across calls that change it.
  #isBusy(): boolean {
    return this.#state === 'busy';
  }
}
