import type { Socket } from 'node:net';
import { readToEnd } from './read-to-end.js';
import { receiver, type ReceivingSocket, type SocketReceiver } from './socket-receiver.js';
import type { ByteStream, Endpoint, StreamEvents } from '../platform.js';

const nothing = Buffer.alloc(0);

/** What is the same of all sockets that come in the same way. */
export interface SocketKind {
  readonly transport: 'tcp' | 'unix' | 'tls';
  /** The bytes come to the receiver; else it is a readable stream. */
  readonly readsInPlace: boolean;
  /** Whether what the peer had written is read although a write has failed. */
  readonly readsToEnd: boolean;
}

/**
 * A byte stream over a socket of Node, TCP, unix or TLS. The socket must allow half
 * open connections.
 *
 * `write` is the hottest line of the server. Nearly always the system takes the
 * bytes at once, and then a write costs one comparison more than Node's own. When
 * it does not, an empty write is queued behind them, whose callback is the
 * drain: Node's own 'drain' fires only above its mark, for us any byte counts.
 *
 * A server may have a hundred thousand of these and nearly all of them idle: the
 * listeners of the socket are functions that all share, see `SocketReceiver`.
 */
export class NodeStream implements ByteStream, SocketReceiver {
  /** `broken`: a write has failed, and what the peer had written is read to its end. */
  #state: 'open' | 'ended' | 'broken' | 'gone' = 'open';
  #drainQueued = false;
  #released = false;
  #failure: Error | undefined;
  #events: StreamEvents | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly kind: SocketKind,
    readonly remote: Endpoint,
    readonly local: Endpoint,
    /** The socket of TCP below, which alone can be reset. */
    private readonly wire: Socket = socket,
  ) {
    (socket as ReceivingSocket)[receiver] = this;
    socket.on('error', onError);
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

  /** A write that fails is known to the socket at once, and told in a later turn. */
  get gone(): boolean {
    return this.#state === 'gone' || this.#state === 'broken' || this.socket.errored !== null;
  }

  start(events: StreamEvents): void {
    this.#events = events;
    const { socket } = this;
    if (socket.closed) {
      setImmediate(() => events.close(this.#failure));
      return;
    }
    const { readsInPlace, readsToEnd } = this.kind;
    if (readsToEnd)
      readToEnd(
        socket,
        (chunk) => this.received(chunk),
        () => (this.#state = 'broken'),
      );
    if (!readsInPlace) socket.on('data', onData);
    socket.resume();
    if (socket.readableEnded) queueMicrotask(() => this.ended());
    else this.#listenToEnd();
    socket.on('close', onClose);
  }

  /** That which Node listens itself for does nothing on a half open socket, and two listeners would need an array. */
  #listenToEnd(): void {
    const { socket } = this;
    const others = this.kind.readsInPlace && socket.allowHalfOpen ? socket.listeners('end') : [];
    socket.on('end', onEnd);
    for (const other of others) socket.off('end', other);
  }

  // What the socket says.

  /** After `destroy` Node may still hand over what it had read before. */
  received(chunk: Buffer): void {
    if (this.#state !== 'gone') this.#events?.data(chunk);
  }

  ended(): void {
    if (this.#state !== 'gone') this.#events?.end();
  }

  failed(error: Error): void {
    if (this.#state !== 'gone') this.#failure = error;
    this.#state = 'gone';
    // After the handshake Node tells of an error of TLS and leaves the socket open.
    this.socket.destroy();
  }

  closed(): void {
    this.#state = 'gone';
    if (!this.#released) this.#events?.close(this.#failure);
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
    if (!reset || this.kind.transport === 'unix') socket.destroy();
    // Node loses a socket that is reset while the system is sending its FIN: it would never close.
    else if (ending) socket.once('finish', () => this.#reset());
    else this.#reset();
  }

  /**
   * Below TLS the system may be sending a FIN of which the socket does not know: it would refuse the reset, and Node lose
   * the socket, which keeps its thread alive for ever. The end comes without a word of TLS, so its client knows.
   */
  #reset(): void {
    const { socket, wire } = this;
    if (wire === socket) socket.resetAndDestroy();
    else wire.destroy();
    socket.destroy();
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

function onData(this: ReceivingSocket, chunk: Buffer): void {
  this[receiver]!.received(chunk);
}

function onEnd(this: ReceivingSocket): void {
  this[receiver]!.ended();
}

function onError(this: ReceivingSocket, error: Error): void {
  this[receiver]!.failed(error);
}

function onClose(this: ReceivingSocket): void {
  this[receiver]!.closed();
}

/** Node keeps it for its own timeouts, and has no other name for it. */
function queueOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize;
}
