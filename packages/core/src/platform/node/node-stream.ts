import type { Socket } from 'node:net';
import type { Reader } from './read-in-place.js';
import { readToEnd } from './read-to-end.js';
import type { ByteStream, Endpoint, StreamEvents } from '../platform.js';

const nothing = Buffer.alloc(0);

/**
 * A byte stream over a socket of Node, TCP, unix or TLS. The socket must allow half
 * open connections.
 *
 * `write` is the hottest line of the server. Nearly always the system takes the
 * bytes at once, and then a write costs one comparison more than Node's own. When
 * it does not, an empty write is queued behind them, whose callback is the
 * drain: Node's own 'drain' fires only above its mark, for us any byte counts.
 */
export class NodeStream implements ByteStream {
  /** `broken`: a write has failed, and what the peer had written is read to its end. */
  #state: 'open' | 'ended' | 'broken' | 'gone' = 'open';
  #drainQueued = false;
  #released = false;
  #failure: Error | undefined;
  #events: StreamEvents | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly transport: 'tcp' | 'unix' | 'tls',
    readonly remote: Endpoint,
    readonly local: Endpoint,
    /** Where the socket reads in place; else it is a readable stream. */
    private readonly reader?: Reader,
    /** Whether what the peer had written is read although a write has failed. */
    private readonly readsToEnd = false,
    /** The socket of TCP below, which alone can be reset. */
    private readonly wire: Socket = socket,
  ) {
    socket.on('error', (error) => {
      if (this.#state !== 'gone') this.#failure = error;
      this.#state = 'gone';
      // After the handshake Node tells of an error of TLS and leaves the socket open.
      socket.destroy();
    });
  }

  /** A write that the system has taken in part counts until it has all of it. */
  get buffered(): number {
    return this.socket.writableLength;
  }

  get unsent(): number {
    const { writableLength } = this.socket;
    if (writableLength === 0) return 0;
    const own = queueOf(this.socket) ?? writableLength;
    // What TLS has encrypted lies in its own queue until the socket below has sent it.
    return this.wire === this.socket ? own : own + (queueOf(this.wire) ?? 0);
  }

  start(events: StreamEvents): void {
    this.#events = events;
    const { socket } = this;
    if (socket.closed) {
      setImmediate(() => events.close(this.#failure));
      return;
    }
    // After `destroy` Node may still hand over what it had read before.
    const data = (chunk: Buffer): void => {
      if (this.#state !== 'gone') events.data(chunk);
    };
    if (this.readsToEnd) readToEnd(socket, data, () => (this.#state = 'broken'));
    if (this.reader === undefined) {
      socket.on('data', data);
      socket.resume();
    } else {
      this.reader.read = data;
      socket.resume();
    }
    const end = (): void => {
      if (this.#state !== 'gone') events.end();
    };
    if (socket.readableEnded) queueMicrotask(end);
    else socket.on('end', end);
    socket.on('close', () => {
      this.#state = 'gone';
      if (!this.#released) events.close(this.#failure);
    });
  }

  /**
   * Gives the socket, which must not read in place, to whoever puts another
   * protocol over it: from here on the stream tells nothing and does nothing.
   */
  release(): Socket {
    const { socket } = this;
    this.#state = 'gone';
    this.#released = true;
    socket.pause();
    return socket;
  }

  write(chunk: Buffer): void {
    if (this.#state !== 'open') return;
    this.socket.write(chunk);
    if (this.socket.writableLength > 0) this.#queueDrain();
  }

  writeAll(chunks: readonly Buffer[]): void {
    if (this.#state !== 'open') return;
    const { socket } = this;
    if (chunks.length === 1) {
      socket.write(chunks[0]!);
    } else {
      socket.cork();
      for (const chunk of chunks) socket.write(chunk);
      socket.uncork();
    }
    if (socket.writableLength > 0) this.#queueDrain();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    if (this.buffered > 0) this.socket.once('finish', () => this.#tellDrain());
    this.socket.end();
  }

  destroy(reset = false): void {
    const { socket } = this;
    if (socket.destroyed) return;
    const ending = this.#state === 'ended' && socket.writableLength === 0 && !socket.writableFinished;
    this.#state = 'gone';
    if (!reset || this.transport === 'unix') socket.destroy();
    // Node loses a socket that is reset while the system is sending its FIN: it would never close.
    else if (ending) socket.once('finish', () => this.#reset());
    else this.#reset();
  }

  #reset(): void {
    this.wire.resetAndDestroy();
    // That of TLS follows in a later turn only.
    this.socket.destroy();
  }

  #queueDrain(): void {
    if (this.#drainQueued) return;
    this.#drainQueued = true;
    this.socket.write(nothing, (error) => {
      this.#drainQueued = false;
      if (this.#state !== 'open' || error) return;
      // More may have been written meanwhile.
      if (this.buffered > 0) this.#queueDrain();
      else this.#tellDrain();
    });
  }

  #tellDrain(): void {
    if (this.#state !== 'gone') this.#events?.drain();
  }
}

/** Node keeps it for its own timeouts, and has no other name for it. */
function queueOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize;
}
