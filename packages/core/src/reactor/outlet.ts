import type { StreamListenerSettings } from '../config/load.js';
import { factText, type Many, type Observe } from '../events/facts.js';
import type { FileRequest } from '../pipe/messages.js';
import type { Window } from '../pipe/window.js';
import type { ByteStream, Clock, Files } from '../platform/platform.js';
import { FileTurn } from './file-turn.js';
import { Output, type OutputBounds } from './output.js';
import type { Tell } from './tell.js';

/** What an outlet needs of its connection. */
export interface OutletHost {
  readonly id: number;
  /** More waits than may: the connection is to be reset. */
  overflow(): void;
  /** A file has ended in the middle of what was promised: the connection is to be reset. */
  brokenFile(error: Error): void;
  /** The output has become full, or is not full any more. */
  marked(full: boolean): void;
  /** Counts a send that was refused. */
  refuse(reason: string): void;
}

/** What the outlets of one listener share. */
export interface OutletRules {
  readonly bounds: OutputBounds;
  readonly overflow: StreamListenerSettings['outputOverflow'];
  readonly files: Files;
  readonly observe: Observe | undefined;
}

/** Of whoever owns the sockets. */
export interface OutletParts {
  readonly outputTotal: Window;
  readonly clock: Clock;
  readonly files: Files;
  readonly observe: Observe | undefined;
}

export function outletRules(
  settings: StreamListenerSettings,
  { outputTotal, clock, files, observe }: OutletParts,
): OutletRules {
  const bounds = {
    limit: settings.socketBufferSize,
    largestSend: settings.packageMaxLength,
    high: settings.bufferHighWatermark,
    low: settings.bufferLowWatermark,
    total: outputTotal,
    clock,
  };
  return { bounds, overflow: settings.outputOverflow, files, observe };
}

/**
 * What processes may send to one client: applies the listener's policy where a
 * send does not fit, and tells observers and senders what became of it.
 */
export class Outlet {
  readonly output: Output;
  #files = 0;

  constructor(
    stream: ByteStream,
    private readonly rules: OutletRules,
    private readonly host: OutletHost,
  ) {
    this.output = new Output(stream, rules.bounds, host);
  }

  /** Sends `buffer[start, end)` of the process `pid` whole, or nothing of it; says whether it was taken. */
  send(buffer: Buffer, start: number, end: number, pid: number, to?: Many): boolean {
    const { observe } = this.rules;
    const data = observe === undefined ? '' : factText(buffer, start, end);
    const verdict = this.output.write(buffer, start, end);
    if (verdict === 'taken') {
      if (observe !== undefined) this.#observeOutput('output', end - start, data, pid, to);
      return true;
    }
    this.#refuse(verdict, end - start, pid, data, to);
    return false;
  }

  #observeOutput(
    kind: 'output' | 'outputRefused',
    bytes: number,
    data: string,
    worker: number,
    to: Many | undefined,
  ): void {
    const fact = { kind, connection: this.host.id, worker, bytes, data } as const;
    this.rules.observe?.(to === undefined ? fact : { ...fact, to });
  }

  /** The same, and tells when the bytes are with the system. */
  sendAndTell(buffer: Buffer, start: number, end: number, pid: number, tell: Tell): boolean {
    const taken = this.send(buffer, start, end, pid);
    const observed = this.#observed(tell, this.output.taken);
    if (!taken) tell('returned');
    else if (!this.output.busy) observed(this.output.stream.gone ? 'discarded' : 'handled');
    else if (!this.output.enqueue(new Told(observed))) tell('returned');
    return taken;
  }

  /** Sends a part of a file, behind what was sent before; what is sent later waits for it. */
  sendFile(wish: FileRequest, tell: Tell): void {
    const { host } = this;
    const { files, observe } = this.rules;
    const file = ++this.#files;
    const { output } = this;
    const before = output.taken;
    let stepped = 0;
    const turn = new FileTurn(wish, files, output.stream, {
      step: (bytes) => {
        observe?.({
          kind: 'fileOutput',
          connection: host.id,
          file,
          bytes: bytes.length,
          data: factText(bytes),
        });
        stepped += bytes.length;
        return output.step(bytes);
      },
      goOn: () => output.goOn(),
      broken: (error) => host.brokenFile(error),
      tell: (how, error) => this.#observed(tell, before + stepped)(how, error),
    });
    observe?.({ kind: 'file', connection: host.id, file });
    if (output.enqueue(turn)) return;
    host.refuse('OUTPUT_REFUSED');
    tell('returned');
  }

  /** The same, which observers hear of: so many bytes are with the system then. */
  #observed(tell: Tell, bytes: number): Tell {
    const { observe } = this.rules;
    if (observe === undefined) return tell;
    return (how, error) => {
      if (how === 'handled') observe({ kind: 'out', connection: this.host.id, bytes });
      tell(how, error);
    };
  }

  #refuse(
    verdict: 'full' | 'exhausted',
    bytes: number,
    pid: number,
    data: string,
    to: Many | undefined,
  ): void {
    const policy = verdict === 'exhausted' ? 'close' : this.rules.overflow;
    if (policy === 'close') {
      this.host.overflow();
      return;
    }
    this.#observeOutput('outputRefused', bytes, data, pid, to);
    this.host.refuse(policy === 'reject' ? 'OUTPUT_REFUSED' : 'OUTPUT_DROPPED');
  }
}

/** A sender who wants to know that all up to here is with the system. */
class Told {
  constructor(private readonly tell: Tell) {}

  advance(): boolean {
    this.tell('handled');
    return true;
  }

  abandon(): void {
    this.tell('discarded');
  }
}
