import { factText } from '@shoal/core/internal/events/facts';
import type { Endpoint } from '@shoal/core/internal/platform/platform';
import type { RunningInfo, TestDatagramClient, Waiting } from './harness.js';
import type { DatagramClientFact } from './trace/trace-event.js';

/** What a client needs of a socket, virtual or real. */
export interface ClientDatagrams {
  readonly local: Endpoint;
  receive: (data: Buffer, from: Endpoint) => void;
  send(data: Buffer, to: Endpoint): void;
}

const SHOWN_DATAGRAMS = 5;

/** A client of datagrams that a test plays line by line. */
export class ScriptedDatagramClient implements TestDatagramClient {
  readonly received: Buffer[] = [];
  /** How many of them the test has taken. */
  #taken = 0;

  constructor(
    readonly id: number,
    private readonly socket: ClientDatagrams,
    private readonly server: Endpoint,
    private readonly waiting: Waiting,
    /** Puts into the trace what it does and sees. */
    private readonly note: (fact: DatagramClientFact) => void,
  ) {
    socket.receive = (data) => {
      this.received.push(data);
      note({ kind: 'datagramClientReceives', client: id, bytes: data.length, data: factText(data) });
    };
  }

  get address(): string {
    return this.socket.local.address;
  }

  get port(): number {
    return this.socket.local.port;
  }

  send(data: string | Uint8Array): void {
    const bytes = Buffer.from(data);
    this.note({ kind: 'datagramClientSends', client: this.id, bytes: bytes.length, data: factText(bytes) });
    this.socket.send(bytes, this.server);
  }

  async receive(): Promise<Buffer> {
    await this.waiting.until(
      () => this.received.length > this.#taken,
      () => `datagram client ${this.id} to receive a datagram beyond ${this.#taken}, ${this.#shown()}`,
    );
    return this.received[this.#taken++]!;
  }

  #shown(): string {
    const last = this.received
      .slice(-SHOWN_DATAGRAMS)
      .map((data) => JSON.stringify(data.toString('latin1', 0, 80)));
    return last.length === 0 ? 'and none has come' : `and the last that came are ${last.join(', ')}`;
  }
}

/** Where a client sends to, so that it gets there from its own address. */
export function reachable({ address, port }: RunningInfo['listeners'][number], from: string): Endpoint {
  if (address !== '0.0.0.0' && address !== '::') return { address, port };
  return { address: from.includes(':') ? '::1' : '127.0.0.1', port };
}

/** Where it is when the test does not say. */
export function defaultAddress({ address }: RunningInfo['listeners'][number]): string {
  return address.includes(':') && address !== '::' ? '::1' : '127.0.0.1';
}
