import type { ConnectionActs } from '../directory/connection-acts.js';
import { fileRequest, type SendFileOptions } from '../pipe/file-request.js';
import type { FileRequest, Introduction } from '../pipe/messages.js';
import type { Uid } from '../pipe/orders.js';
import { attempted } from '../pipe/receipt.js';
import type { TlsInfo } from '../platform/platform.js';
import type { ConnectionStream } from './connection-stream.js';

/** What is behind a connection. */
export interface ConnectionCore {
  readonly id: number;
  readonly listener: { readonly name: string };
  readonly introduction: Introduction;
  readonly closed: boolean;
  readonly signal: AbortSignal;
  uid: Uid | undefined;
  readonly acts: ConnectionActs;
  readState(): unknown;
  writeState(value: unknown): void;
  send(data: string | Uint8Array): boolean;
  finish(reset: boolean): boolean;
  toDuplex(): ConnectionStream;
  sendWait(data: string | Uint8Array): Promise<void>;
  sendFile(request: FileRequest): Promise<void>;
  read(paused: boolean): boolean;
}

/**
 * A client connection, in the worker that serves it. Handlers receive it; a
 * class with `scope: 'connection'` may have it injected. It may be kept: after
 * the close, `closed` is true and `send` returns false.
 *
 * In process mode the socket itself belongs to a reactor and outlives this
 * worker; then another worker adopts the connection with the same `id` and
 * `state`. The object that is left here hears of nothing any more: its `signal`
 * aborts with CONNECTION_MOVED, and what is done with it is done by its id.
 */
export class Connection {
  readonly #core: ConnectionCore;

  /** Made by the kernel. */
  constructor(core: ConnectionCore) {
    this.#core = core;
  }

  /** A safe integer, never used again in the life of the server. */
  get id(): number {
    return this.#core.id;
  }

  /** The name of the listener that accepted it. */
  get listener(): string {
    return this.#core.listener.name;
  }

  /** The client's own, also behind a load balancer on a listener with `proxyProtocol`. */
  get remoteAddress(): string {
    return this.#core.introduction.remote.address;
  }

  get remotePort(): number {
    return this.#core.introduction.remote.port;
  }

  get localAddress(): string {
    return this.#core.introduction.local.address;
  }

  get localPort(): number {
    return this.#core.introduction.local.port;
  }

  /**
   * What the handshake of TLS has agreed on, and the certificate that the client
   * has shown; undefined on a listener without `tls`.
   */
  get tls(): TlsInfo | undefined {
    return this.#core.introduction.tls;
  }

  /** Whether it was closed, here or by the client. False once another worker serves it, whatever becomes of it there. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /**
   * Aborts when nobody waits for an answer any more: the peer is gone (which this
   * worker learns at once, also while a handler runs and packets wait), the
   * connection is closed here, a handler of it exceeded `handlerTimeout`, the
   * worker must go, or another worker serves it (CONNECTION_MOVED). The reason is an error; a handler that rejects with it, or
   * with an error that it caused, because the connection is closed
   * (CONNECTION_CLOSED) is not counted as failed. A peer that has only finished
   * sending is still there. Made when it is first asked for.
   */
  get signal(): AbortSignal {
    return this.#core.signal;
  }

  /**
   * What must survive the worker: any value that `structuredClone` accepts, up to
   * 16 KiB encoded. It is written when the running handler settles, together
   * with that settlement, and is there again in `@OnAdopt`. Undefined at first.
   *
   * A state that is too large or cannot be cloned fails the handler that leaves
   * it behind, and the former state stays. Throws `HandlerError` STATE_NOT_KEPT
   * in dispatch modes that serve a connection in several workers.
   */
  get state(): unknown {
    return this.#core.readState();
  }

  set state(value: unknown) {
    this.#core.writeState(value);
  }

  /**
   * Sends bytes (a string in UTF-8), whole: sends of several processes never
   * mix, and the death of this worker leaves no half of it. What is sent in the
   * turn in which a handler settles goes with the settlement, so that a packet
   * which is delivered again has not been answered.
   *
   * Returns false when the connection is closed; when so much waits for the client
   * that nothing more should be sent before `@OnBufferEmpty` (from
   * `bufferHighWatermark` on; these bytes are taken none the less); and when the
   * bytes would exceed `socketBufferSize`, where the listener's `outputOverflow`
   * says what becomes of them and of the connection. The owner of the socket
   * enforces that bound, and what it refuses it counts (`stats().refused`);
   * `sendWait` tells. An array must not change any more once it was sent. Throws
   * `HandlerError` SEND_INVALID for anything that is neither a string nor a
   * `Uint8Array`.
   */
  send(data: string | Uint8Array): boolean {
    return this.#core.send(data);
  }

  /**
   * Sends, behind what was sent before, and resolves when the bytes are with the
   * system. Rejects with `HandlerError` CONNECTION_CLOSED when the client is gone
   * first, SEND_REFUSED when they do not fit, SEND_INVALID. It belongs to no
   * settlement, and leaves at once together with what was sent before it. A
   * rejection may be left alone.
   */
  sendWait(data: string | Uint8Array): Promise<void> {
    return attempted(() => this.#core.sendWait(data));
  }

  /**
   * Sends a file, or the part of it from `offset` on (bytes, default 0) and of
   * `length` bytes (default 0: all that follows), as `sendWait` does. Only the name
   * travels: the process that owns the socket opens the file, with its rights and
   * its working directory, when all that was sent before is with the system. What
   * is sent later waits behind it. The file is read as fast as the client takes
   * it, 64 KiB at a time, and counts in no bound.
   *
   * Rejects as `sendWait`, and with SEND_FILE_FAILED when the file is missing, is
   * no regular file, or has fewer bytes than are asked for; then nothing of it is
   * sent. A file that becomes shorter meanwhile resets the connection, too: its
   * client could not tell the part from the whole.
   */
  sendFile(path: string, options?: SendFileOptions): Promise<void> {
    return attempted(() => this.#core.sendFile(fileRequest(path, options)));
  }

  /**
   * Stops the reading of its socket, until `resume`: what the client sends stays
   * with the system, and then with the client. Packets that were framed before are
   * still delivered. It outlives this worker. A client that is not read cannot be
   * silent, so `heartbeatIdleTime` does not close it, and that it is gone shows
   * when something is sent. Returns false when the connection is closed.
   */
  pause(): boolean {
    return this.#core.read(true);
  }

  /** Its socket is read again. Returns false when the connection is closed. */
  resume(): boolean {
    return this.#core.read(false);
  }

  /** As `resume`; with `enableDelayReceive` nothing is read before. */
  confirm(): boolean {
    return this.#core.read(false);
  }

  /**
   * Closes: what was sent is flushed first, unless `reset`; a client that takes
   * nothing of it for 10 s is reset. Packets that are waiting are refused; `@OnClose` follows. Returns false when it was closed
   * before.
   */
  close(options: { readonly reset?: boolean } = {}): boolean {
    return this.#core.finish(options.reset === true);
  }

  /** Whose connection it is, once it was bound: by this worker, or as far as it has heard. Still there in `@OnClose`. */
  get uid(): Uid | undefined {
    return this.#core.uid;
  }

  /**
   * Says whose connection it is, once in its life, see `Server.bind`. Under
   * `dispatchMode: 'uid'` it may go to another worker when everything of it is
   * settled; that gets `@OnAdopt` with the reason 'bind'.
   */
  async bind(uid: Uid): Promise<boolean> {
    const core = this.#core;
    const bound = await core.acts.bind(core.id, uid);
    if (bound) core.uid = uid;
    return bound;
  }

  /** Puts it into a group, see `Server.join`. False when it is closed. */
  join(group: string): boolean {
    return !this.closed && this.#core.acts.join(this.id, group);
  }

  /** Takes it out of a group, see `Server.leave`. False when it is closed. */
  leave(group: string): boolean {
    return !this.closed && this.#core.acts.leave(this.id, group);
  }

  /** The names of the groups that it is in. */
  async groups(): Promise<readonly string[]> {
    return this.#core.acts.groupsOf(this.id);
  }

  /** Whether its silence closes it or not, see `Server.protect`. False when it is closed. */
  protect(on = true): boolean {
    return !this.closed && this.#core.acts.protect(this.id, on);
  }

  /**
   * The connection as a stream, on which servers of other protocols run:
   * `httpServer.emit('connection', connection.toDuplex())`. From here on what the
   * client sends goes there and `@OnReceive` does not run any more; what was
   * read before goes in again by `unshift`. Each call gives the same stream.
   *
   * It pins the connection to this worker, because the state of the protocol
   * lives here: the connection does not survive the loss of the worker, and when
   * that is replaced it is served to its end, or until `maxWaitTime` is nearly
   * over; `@OnDrain` runs then. `send` and `sendWait` write to the stream, `close` ends it;
   * `sendFile` goes out between two pieces of it, so pipe a file instead.
   *
   * Throws `HandlerError` STREAM_REFUSED on a listener whose framing is not
   * `raw()`, in dispatch modes that serve a connection in several workers, and
   * where another worker serves the connection by now. The stream of a
   * connection that is closed is destroyed.
   */
  toDuplex(): ConnectionStream {
    return this.#core.toDuplex();
  }
}
