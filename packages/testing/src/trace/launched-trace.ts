import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { ClientFact, DatagramClientFact, TraceEvent } from './trace-event.js';
import { shortTitle } from './title.js';

const READ_BYTES = 64 * 1024;

/**
 * The trace of a server on real processes: they all append their facts to one
 * file, which is read when somebody asks; what the clients of the test do is
 * put in between, after everything that is in the file by then.
 */
export class LaunchedTrace {
  readonly events: TraceEvent[] = [];
  readonly #file: number;
  readonly #decoder = new StringDecoder('utf8');
  readonly #chunk = Buffer.alloc(READ_BYTES);
  #rest = '';
  #open = true;

  constructor(readonly path: string) {
    this.#file = openSync(path, 'a+', 0o600);
  }

  /** Reads what the processes have written since the last time. */
  catchUp(): readonly TraceEvent[] {
    while (this.#open) {
      const size = readSync(this.#file, this.#chunk, 0, READ_BYTES, null);
      if (size === 0) break;
      this.#add(this.#rest + this.#decoder.write(this.#chunk.subarray(0, size)));
    }
    return this.events;
  }

  note(process: string, fact: ClientFact | DatagramClientFact): void {
    this.catchUp();
    this.events.push({ time: performance.timeOrigin + performance.now(), pid: 0, process, ...fact });
  }

  /** Reads the rest and removes the file; what was read stays. */
  close(): void {
    if (!this.#open) return;
    this.catchUp();
    this.#open = false;
    closeSync(this.#file);
    rmSync(this.path, { force: true });
  }

  #add(text: string): void {
    const lines = text.split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const event = JSON.parse(line) as TraceEvent;
      this.events.push({ ...event, process: shortTitle(event.process) });
    }
  }
}
