import { connect, type Socket } from 'node:net';
import { echoMessages } from './echo-messages.js';
import type { EchoLoad } from './messages.js';

/** One message in this many has its round trip measured, on each connection. */
const SAMPLE_EVERY = 64;

/** What the connections of one load share. */
export interface Tally {
  /** Messages that came back. */
  messages: number;
  /** Round trips in ms, while they are wanted. */
  samples: number[] | undefined;
  /** What came back is answered with as many new messages. */
  sending: boolean;
  /** Nothing of that connection is under way any more. */
  idle(connection: LoadedConnection): void;
  failed(error: Error): void;
}

/** What is read is only counted, so all connections read into the same place. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * One connection that keeps a number of messages under way. For every batch of
 * messages that came back it writes as many, in one piece. Bytes are counted,
 * not looked at: the check phase does that, and this process must cost less
 * than the server that it loads.
 */
export class LoadedConnection {
  readonly #socket: Socket;
  readonly #messageBytes: number;
  readonly #inFlight: number;
  /** By the number of messages in them. */
  readonly #batches: readonly Buffer[];
  /** Bytes of a message that has come in part. */
  #partial = 0;
  #sent = 0;
  #returned = 0;
  /** The message whose round trip is measured, since when. */
  #probe: number;
  #probedAt = 0;
  #probing = false;

  constructor(
    load: EchoLoad,
    index: number,
    private readonly tally: Tally,
    connected: () => void,
  ) {
    this.#messageBytes = load.messageBytes;
    this.#inFlight = load.inFlight;
    const all = echoMessages(load, load.inFlight, index);
    this.#batches = Array.from({ length: load.inFlight + 1 }, (_, count) => {
      return all.subarray(0, count * load.messageBytes);
    });
    this.#probe = index % SAMPLE_EVERY;
    this.#socket = connect({
      host: '127.0.0.1',
      port: load.port,
      noDelay: true,
      onread: {
        buffer: scratch,
        callback: (bytes) => {
          this.#read(bytes);
          return true;
        },
      },
    });
    this.#socket.once('connect', connected);
    this.#socket.on('error', (error) => tally.failed(error));
    this.#socket.on('end', () => tally.failed(new Error('the server closed a connection')));
  }

  start(): void {
    this.#write(this.#inFlight);
  }

  /** Gives the connection up; no byte may be under way. */
  end(): void {
    this.#socket.removeAllListeners('end');
    this.#socket.destroy();
  }

  #read(bytes: number): void {
    const have = this.#partial + bytes;
    const count = Math.floor(have / this.#messageBytes);
    this.#partial = have - count * this.#messageBytes;
    if (count === 0) return;
    const { tally } = this;
    this.#returned += count;
    tally.messages += count;
    if (this.#returned > this.#sent) tally.failed(new Error('more bytes came back than were sent'));
    if (this.#probing && this.#returned > this.#probe) this.#sample();
    if (tally.sending) this.#write(count);
    else if (this.#returned === this.#sent && this.#partial === 0) tally.idle(this);
  }

  #sample(): void {
    this.#probing = false;
    this.tally.samples?.push(performance.now() - this.#probedAt);
    this.#probe = Math.max(this.#sent, this.#probe + SAMPLE_EVERY);
  }

  #write(count: number): void {
    this.#sent += count;
    if (!this.#probing && this.#probe < this.#sent) {
      this.#probing = true;
      this.#probedAt = performance.now();
    }
    this.#socket.write(this.#batches[count]!);
  }
}
