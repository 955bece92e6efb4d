import type { ByteStream } from '@shoal/core/internal/platform/platform';
import type { TestClient, Waiting } from './harness.js';

/** What a client needs of a connection, virtual or real. */
export type ClientStream = Pick<ByteStream, 'start' | 'write' | 'end' | 'destroy' | 'pause' | 'resume'>;

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
  ) {
    stream.start({
      data: (chunk) => this.#append(chunk),
      end: () => {
        this.#state = 'ended';
        if (this.#endsWithServer) this.stream.end();
      },
      drain: () => {},
      close: (error) => {
        this.#error = error;
        this.#state = 'closed';
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
    this.stream.write(Buffer.from(data));
  }

  end(): void {
    this.stream.end();
  }

  receive(wanted?: number | RegExp): Promise<Buffer> {
    if (wanted === undefined) return this.#take('some bytes', (unread) => unread.length || undefined);
    if (typeof wanted === 'number') {
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
    this.stream.destroy(true);
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  /** From here it ends its side when the server has, as ordinary clients do. */
  endWithServer(): void {
    this.#endsWithServer = true;
    if (this.#state === 'ended') this.stream.end();
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
