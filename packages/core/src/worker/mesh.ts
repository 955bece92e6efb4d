/**
 * Base mode: the way to connections that another worker owns. Each worker
 * listens on a path of its own; a pipe to another is opened when it is first
 * needed and carries sends and ends one way.
 */
import { largestSend } from '../config/limits.js';
import type { Logger } from '../log.js';
import { MAX_BODY_BYTES } from '../pipe/frame.js';
import type { Part } from '../pipe/parts.js';
import { parseHello } from '../pipe/hello.js';
import { FrameFlag, FrameKind, PIPE_VERSION, type Hello } from '../pipe/messages.js';
import { Pipe, type PipeEvents } from '../pipe/pipe.js';
import type { ByteStream, Platform } from '../platform/platform.js';
import { ConnectionIds } from '../reactor/connection-ids.js';
import type { Reactor } from '../reactor/reactor.js';
import { SEND_OVERHEAD_BYTES } from './reactor-link.js';

interface Charge {
  readonly bytes: number;
}

export function meshPath(directory: string, incarnation: number): string {
  return `${directory}/w${incarnation}.sock`;
}

export class Mesh {
  /** Workers that live, by incarnation. */
  #peers = new Set<number>();
  readonly #ways = new Map<number, Way>();
  #listener: { close(): Promise<void> } | undefined;

  constructor(
    private readonly platform: Platform,
    private readonly directory: string,
    private readonly hello: Hello,
    private readonly reactor: Reactor,
    private readonly logger: Logger,
  ) {}

  async listen(): Promise<void> {
    const path = meshPath(this.directory, this.hello.incarnation);
    this.#listener = await this.platform.pipes.listen(path, (stream) => {
      new Guest(this.platform, this.reactor).receive(stream, this.#largest());
    });
  }

  setPeers(incarnations: readonly number[]): void {
    this.#peers = new Set(incarnations);
    for (const [incarnation, way] of this.#ways) {
      if (!this.#peers.has(incarnation)) way.close();
    }
  }

  sendTo(connectionId: number, data: Part, bytes: number): boolean {
    if (bytes > largestSend(this.reactor.settings)) return false;
    return this.#wayTo(connectionId)?.send(connectionId, data, bytes) ?? false;
  }

  end(connectionId: number, reset: boolean): boolean {
    const way = this.#wayTo(connectionId);
    way?.end(connectionId, reset);
    return way !== undefined;
  }

  close(): void {
    void this.#listener?.close();
    for (const way of this.#ways.values()) way.close();
  }

  #wayTo(connectionId: number): Way | undefined {
    if (!Number.isSafeInteger(connectionId) || connectionId < 0) return undefined;
    const incarnation = ConnectionIds.incarnationOf(connectionId);
    if (!this.#peers.has(incarnation)) return undefined;
    let way = this.#ways.get(incarnation);
    if (way === undefined) {
      way = new Way(this.reactor.settings.reactorMemoryLimit, () => this.#ways.delete(incarnation));
      this.#ways.set(incarnation, way);
      this.#connect(incarnation, way);
    }
    return way;
  }

  #connect(incarnation: number, way: Way): void {
    this.platform.pipes.connect(meshPath(this.directory, incarnation)).then(
      (stream) => way.open(new Pipe<Charge>(stream, this.platform.clock, way, this.#largest()), this.hello),
      (error: unknown) => {
        this.logger.warn(`cannot reach the worker of incarnation ${incarnation}`, { error });
        way.close();
      },
    );
  }

  #largest(): number {
    return largestSend(this.reactor.settings) + MAX_BODY_BYTES;
  }
}

/** The sending end; what is sent before the pipe is open waits, within the same bound. */
class Way implements PipeEvents<Charge> {
  #pipe: Pipe<Charge> | undefined;
  #early: (() => void)[] | undefined = [];
  #bytes = 0;

  constructor(
    private readonly limit: number,
    private readonly onClosed: () => void,
  ) {}

  open(pipe: Pipe<Charge>, hello: Hello): void {
    this.#pipe = pipe;
    pipe.start();
    pipe.control(FrameKind.hello, 0, 0, 0, Buffer.from(JSON.stringify(hello)));
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const run of early) run();
  }

  send(connectionId: number, data: Part, bytes: number): boolean {
    const cost = bytes + SEND_OVERHEAD_BYTES;
    if (this.#bytes + cost > this.limit) return false;
    this.#bytes += cost;
    const charge: Charge = { bytes: cost };
    this.#whenOpen(() =>
      this.#pipe!.messageParts(FrameKind.send, 0, connectionId, 0, 0, [data], bytes, charge),
    );
    return true;
  }

  end(connectionId: number, reset: boolean): void {
    this.#whenOpen(() => this.#pipe!.control(FrameKind.end, reset ? FrameFlag.reset : 0, connectionId));
  }

  close(): void {
    this.#pipe?.finish();
    this.closed();
  }

  frame(): void {}

  settled(charge: Charge): void {
    this.#bytes -= charge.bytes;
  }

  turn(): void {}
  drained(): void {}

  closed(): void {
    this.#early = undefined;
    this.onClosed();
  }

  #whenOpen(run: () => void): void {
    if (this.#pipe !== undefined) run();
    else this.#early?.push(run);
  }
}

/** The receiving end. */
class Guest implements PipeEvents<Charge> {
  #pipe: Pipe<Charge> | undefined;
  /** The worker at the other end, once it has said hello in our version. */
  #pid: number | undefined;

  constructor(
    private readonly platform: Platform,
    private readonly reactor: Reactor,
  ) {}

  receive(stream: ByteStream, largest: number): void {
    this.#pipe = new Pipe<Charge>(stream, this.platform.clock, this, largest);
    this.#pipe.start();
  }

  frame(
    kind: number,
    flags: number,
    _aux: number,
    id: number,
    seq: number,
    _word: number,
    _count: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    if (this.#pid === undefined) {
      const hello = kind === FrameKind.hello ? parseHello(buffer.toString('utf8', start, end)) : undefined;
      if (hello?.version === PIPE_VERSION) this.#pid = hello.pid;
      else this.#pipe!.abandon();
      return;
    }
    const connection = this.reactor.connection(id);
    if (kind === FrameKind.send) {
      connection?.send(buffer, start, end, this.#pid);
      this.#pipe!.settle(seq);
    } else if (kind === FrameKind.end) {
      if ((flags & FrameFlag.reset) !== 0) connection?.abort('server');
      else connection?.finish('server');
    }
  }

  settled(): void {}
  turn(): void {}
  drained(): void {}
  closed(): void {}
}
