import type { ByteStream } from '@shoal/core/internal/platform/platform';
import { factText } from '@shoal/core/internal/events/facts';
import type { ClientTls, LinkBehaviour, TestClient, Waiting } from './harness.js';
import type { ClientFact } from './trace/trace-event.js';
import type { ClientLink } from './world/link-behaviour.js';

/** What a client needs of a connection, virtual or real. */
export interface ClientStream extends Pick<
  ByteStream,
  'start' | 'write' | 'end' | 'destroy' | 'pause' | 'resume'
> {
  /** Looked at only when a test changes it. Throws where the link is real. */
  readonly link: ClientLink;
}

const SHOWN_BYTES = 200;

/** A client that a test plays line by line, over any connection. */
export class ScriptedClient implements TestClient {
  /** Grows by doubling; the first `#size` bytes have come. */
  #store = Buffer.alloc(1024);
  #size = 0;
  /** How many of them the test has taken. */
  #taken = 0;
  #state: TestClient['state'] = 'open';
  #error: Error | undefined;
  #receiving = false;
  #endsWithServer = false;

  constructor(
    readonly id: number,
    private readonly stream: ClientStream,
    private readonly waiting: Waiting,
    /** Puts into the trace what it does and sees. */
    private readonly note: (fact: ClientFact) => void,
    readonly tls?: ClientTls | undefined,
  ) {
    stream.start({
      data: (chunk) => {
        this.#append(chunk);
        note({ kind: 'receives', client: id, bytes: chunk.length, data: factText(chunk) });
      },
      end: () => {
        this.#state = 'ended';
        note({ kind: 'seesEnd', client: id });
        if (this.#endsWithServer) this.end();
      },
      drain: () => {},
      close: (error) => {
        this.#error = error;
        this.#state = 'closed';
        note({ kind: 'seesClose', client: id });
      },
    });
  }

  get state(): TestClient['state'] {
    return this.#state;
  }

  get received(): Buffer {
    return this.#store.subarray(0, this.#size);
  }

  send(data: string | Uint8Array): void {
    const bytes = Buffer.from(data);
    this.note({ kind: 'sends', client: this.id, bytes: bytes.length, data: factText(bytes) });
    this.stream.write(bytes);
  }

  end(): void {
    this.note({ kind: 'ends', client: this.id });
    this.stream.end();
  }

  async receive(wanted?: number | RegExp): Promise<Buffer> {
    if (wanted === undefined) return this.#take('some bytes', (unread) => unread.length || undefined);
    if (typeof wanted === 'number') {
      if (!Number.isSafeInteger(wanted) || wanted < 0)
        throw new Error(`receive takes a whole number of bytes from 0, not ${wanted}`);
      return this.#take(`${wanted} bytes`, (unread) => (unread.length >= wanted ? wanted : undefined));
    }
    const pattern = new RegExp(wanted.source, wanted.flags.replace(/[gy]/g, ''));
    return this.#take(String(wanted), (unread) => {
      const match = pattern.exec(unread.toString('latin1'));
      return match === null ? undefined : match.index + match[0].length;
    });
  }

  async receiveLine(): Promise<string> {
    const line = await this.#take('a line', (unread) => unread.indexOf(0x0a) + 1 || undefined);
    return line.toString().replace(/\r?\n$/, '');
  }

  reset(): void {
    this.note({ kind: 'resets', client: this.id });
    this.stream.destroy(true);
  }

  pause(): void {
    this.note({ kind: 'pauses', client: this.id });
    this.stream.pause();
  }

  resume(): void {
    this.note({ kind: 'resumes', client: this.id });
    this.stream.resume();
  }

  shape(behaviour: LinkBehaviour): void {
    this.stream.link.shape(behaviour);
  }

  stall(ms?: number): void {
    this.stream.link.stall(ms);
  }

  unstall(): void {
    this.stream.link.unstall();
  }

  goHalfOpen(): void {
    this.stream.link.goHalfOpen();
  }

  /** Ends a stall, and gives the link the behaviour that it had at first; a link that is half open stays so. */
  heal(): void {
    this.stream.link.heal();
  }

  /** From here it ends its side when the server has, as ordinary clients do. */
  endWithServer(): void {
    this.#endsWithServer = true;
    if (this.#state === 'ended') this.end();
  }

  /** Gives the connection up, unless it is closed. */
  drop(): void {
    if (this.#state !== 'closed') this.stream.destroy();
  }

  async ended(): Promise<void> {
    await this.waiting.until(
      () => this.#state !== 'open',
      () => this.#describe('the end of what the server writes'),
    );
  }

  async closed(): Promise<void> {
    await this.waiting.until(
      () => this.#state === 'closed',
      () => this.#describe('the connection to close'),
    );
  }

  #append(chunk: Buffer): void {
    const size = this.#size + chunk.length;
    if (size > this.#store.length) {
      this.#store = Buffer.concat([this.received], Math.max(size, 2 * this.#store.length));
    }
    chunk.copy(this.#store, this.#size);
    this.#size = size;
  }

  /** Waits until `find` says how many of the unread bytes are wanted, and takes them. */
  async #take(what: string, find: (unread: Buffer) => number | undefined): Promise<Buffer> {
    if (this.#receiving)
      throw new Error(`client ${this.id} is receiving already: await one receive before the next`);
    this.#receiving = true;
    try {
      let size: number | undefined;
      const found = (): boolean => (size = find(this.received.subarray(this.#taken))) !== undefined;
      await this.waiting.until(
        () => found() || this.#state !== 'open',
        () => this.#describe(what),
      );
      if (size === undefined) throw new Error(`expected ${this.#describe(what)}`);
      const taken = this.received.subarray(this.#taken, this.#taken + size);
      this.#taken += size;
      return taken;
    } finally {
      this.#receiving = false;
    }
  }

  #describe(what: string): string {
    const unread = this.received.subarray(this.#taken);
    const shown = JSON.stringify(unread.subarray(0, SHOWN_BYTES).toString('latin1'));
    const came = `of ${this.received.length} bytes received ${unread.length} are unread: ${shown}`;
    const broken = this.#error === undefined ? '' : ` by ${this.#error.message}`;
    return `client ${this.id} to see ${what} (${came}; the connection is ${this.#state}${broken})`;
  }
}
