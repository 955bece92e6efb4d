/**
 * The files in which large payloads of this process travel.
 *
 * Whoever writes a file removes it, as soon as the frame that names it has been
 * settled by the process that got it: nobody reads it after that. Files of a
 * process that has died are removed by the manager (`manager/spool-sweep.ts`).
 */
import { TaskError } from '../errors.js';
import type { Encoded } from '../pipe/payload.js';
import { spoolName, spoolTag, spoolTagOf } from '../pipe/spool-names.js';
import type { Files } from '../platform/platform.js';

export type SpoolFiles = Pick<Files, 'writeSpool' | 'readSpool' | 'discard'>;

/** A payload in a file. */
export interface Spooled {
  readonly encoding: number;
  readonly name: string;
  /** Of the file. */
  readonly size: number;
}

/** What travels in place of such a payload. */
export function inFile({ encoding, name }: Spooled): Encoded {
  return { encoding, body: name, bytes: name.length };
}

export class Spool {
  #tag = '';
  #number = 0;
  /** Files that are being written, read or removed. */
  #pending = 0;
  readonly #reading = new Set<string>();

  constructor(
    private readonly files: SpoolFiles,
    private readonly directory: string,
  ) {}

  /** Whose files these are. */
  identify(incarnation: number, pid: number): void {
    this.#tag = spoolTag(incarnation, pid);
  }

  /** Whether nothing is written, read or removed at the moment. */
  get idle(): boolean {
    return this.#pending === 0;
  }

  /** Rejects with `TaskError` TASK_SPOOL_FAILED; there is no file then. */
  async write({ encoding, body, bytes }: Encoded, what: string): Promise<Spooled> {
    const name = spoolName(this.#tag, ++this.#number);
    this.#pending++;
    try {
      await this.files.writeSpool(this.#pathOf(name), body);
      return { encoding, name, size: bytes };
    } catch (cause) {
      throw new TaskError(
        'TASK_SPOOL_FAILED',
        `${what} of ${bytes} bytes cannot be written to a file in ${this.directory}: ${textOf(cause)}`,
        { cause },
      );
    } finally {
      this.#pending--;
    }
  }

  /** Rejects with `TaskError` TASK_SPOOL_FAILED. */
  async read(name: string, what: string): Promise<Buffer> {
    this.#reading.add(name);
    this.#pending++;
    try {
      return await this.files.readSpool(this.#pathOf(name));
    } catch (cause) {
      throw new TaskError(
        'TASK_SPOOL_FAILED',
        `${what} cannot be read from its file ${this.#pathOf(name)}: ${textOf(cause)}`,
        { cause },
      );
    } finally {
      this.#reading.delete(name);
      this.#pending--;
    }
  }

  /** One of its own. */
  discard(name: string): void {
    this.#pending++;
    void this.files.discard(this.#pathOf(name)).then(() => this.#pending--);
  }

  /** Whether a file of that incarnation is being read. */
  readsOf(incarnation: number): boolean {
    const tag = spoolTag(incarnation, 0);
    return [...this.#reading].some((name) => spoolTagOf(name) === tag);
  }

  #pathOf(name: string): string {
    return `${this.directory}/${name}`;
  }
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
