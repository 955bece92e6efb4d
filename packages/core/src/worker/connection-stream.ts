import { Duplex } from 'node:stream';
import type { Introduction } from '../pipe/messages.js';
import type { Clock, Endpoint, Timer } from '../platform/platform.js';
import { LINGER_MS } from '../config/limits.js';

/** What is behind the stream of a connection. */
export interface StreamCore {
  readonly introduction: Introduction;
  readonly clock: Clock;
  /** Bytes that may wait in the stream before `write` returns false. */
  readonly highWaterMark: number;
  /** The reader has taken what it was given, and wants more. */
  want(): void;
  /** `done` when the system has taken all of it for the client, or with the error that kept it from that. */
  write(chunks: readonly Buffer[], done: (error?: Error) => void): void;
  /** Everything is written: the client sees the end. */
  endOutput(): void;
  /** Nothing more is read or written. `resets`: what is on its way to the client may be lost. */
  leave(resets: boolean): void;
}

/** What `readableHighWaterMark` says: bodies of messages that a protocol makes of the stream take over their mark from it. */
const NOMINAL_MARK = 64 * 1024;

/**
 * A client connection as a stream, in the worker that serves it: made by
 * `connection.toDuplex()`, or given to `@OnConnection`.
 *
 * It has the face of a `net.Socket`, so that servers of other protocols take it
 * for one: `httpServer.emit('connection', stream)`. The socket itself is with its
 * owner, so `setNoDelay`, `setKeepAlive`, `ref` and `unref` do nothing; the
 * listener's options say what it does.
 *
 * Reading: a chunk leaves the bounds of `maxQueuedBytes` when the reader takes it.
 * When the client has finished sending, the stream ends, and by itself ends what is
 * written; with `allowHalfOpen` set to true writing goes on until `end()`, after which reading goes on in either
 * case. Writing: a callback comes when the system has taken the bytes for the
 * client, so that a slow client holds its writer back.
 *
 * `destroy()` flushes what was handed over and closes; `resetAndDestroy()` does
 * not flush. When the peer has reset, or the server has closed the connection for
 * a reason of its own, it fails with ECONNRESET. 'close' comes once.
 */
export class ConnectionStream extends Duplex {
  /** Bytes that the reader was given. */
  bytesRead = 0;
  /** Bytes that were handed over for the client. */
  bytesWritten = 0;
  readonly connecting = false;
  readonly pending = false;
  /** ms without anything read or written after which 'timeout' is emitted; undefined is never. */
  timeout: number | undefined;
  readonly #core: StreamCore;
  #lastActive = 0;
  #timer: Timer | undefined;
  #resets = false;
  /** Since it is to close once everything is written. */
  #linger: Timer | undefined;
  /** When the client has taken something since then. */
  #lastTaken = 0;

  /** Made by the kernel. */
  constructor(core: StreamCore) {
    // One chunk at most is read ahead, when the one before is taken: the others stay where they are counted.
    super({ allowHalfOpen: false, readableHighWaterMark: 1, writableHighWaterMark: core.highWaterMark });
    this.#core = core;
    Object.defineProperty(this, 'readableHighWaterMark', { value: NOMINAL_MARK });
  }

  get remoteAddress(): string {
    return this.#remote.address;
  }

  get remotePort(): number {
    return this.#remote.port;
  }

  get remoteFamily(): 'IPv4' | 'IPv6' {
    return familyOf(this.#remote);
  }

  get localAddress(): string {
    return this.#local.address;
  }

  get localPort(): number {
    return this.#local.port;
  }

  get localFamily(): 'IPv4' | 'IPv6' {
    return familyOf(this.#local);
  }

  get readyState(): 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.destroyed) return 'closed';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  /** True where the listener has TLS, else undefined: servers of HTTP look here for whether they are asked by https. */
  get encrypted(): true | undefined {
    return this.#core.introduction.tls === undefined ? undefined : true;
  }

  /** Whether the client has shown a certificate that counts; undefined where the listener has no TLS. */
  get authorized(): boolean | undefined {
    return this.#core.introduction.tls?.authorized;
  }

  /** Where the listener has taken the connection. */
  address(): { readonly address: string; readonly port: number; readonly family: 'IPv4' | 'IPv6' } {
    return { ...this.#local, family: this.localFamily };
  }

  /**
   * Emits 'timeout' when nothing was read or written for `ms`; 0 is never. The
   * stream goes on: whoever listens decides.
   */
  setTimeout(ms: number, listener?: () => void): this {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.timeout = ms > 0 && Number.isFinite(ms) ? ms : undefined;
    if (this.timeout !== undefined) {
      if (listener !== undefined) this.once('timeout', listener);
      this.#touch();
    } else if (listener !== undefined) {
      this.off('timeout', listener);
    }
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** Ends, and closes once everything is written. A client that takes nothing of it for 10 s is reset. */
  destroySoon(): void {
    if (this.destroyed) return;
    if (this.writable) this.end();
    if (this.writableFinished) {
      this.destroy();
      return;
    }
    this.once('finish', () => this.destroy());
    if (this.#linger !== undefined) return;
    this.#lastTaken = this.#core.clock.now();
    this.#watch(LINGER_MS);
  }

  /** The patience that the owner of the socket has, for what has not come to it because the client takes nothing. */
  #watch(ms: number): void {
    const { clock } = this.#core;
    this.#linger = clock.setTimer(ms, () => {
      const left = this.#lastTaken + LINGER_MS - clock.now();
      if (left > 0) this.#watch(left);
      else this.resetAndDestroy();
    });
  }

  /** Closes without flushing: the client sees a reset. */
  resetAndDestroy(): this {
    this.#resets = true;
    return this.destroy();
  }

  // What the kernel says.

  /** A chunk that the reader has asked for; says whether it was taken at once. */
  give(chunk: Buffer): boolean {
    this.bytesRead += chunk.length;
    this.#touch();
    this.push(chunk);
    return this.readableLength === 0;
  }

  /** The client has taken a piece of what is written. */
  progressed(): void {
    if (this.#linger !== undefined) this.#lastTaken = this.#core.clock.now();
    this.#touch();
  }

  // What the stream says.

  override _read(): void {
    this.#core.want();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#write([chunk], done);
  }

  override _writev(
    writes: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#write(
      writes.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#core.endOutput();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#timer?.cancel();
    this.#linger?.cancel();
    this.#timer = undefined;
    this.timeout = undefined;
    this.#core.leave(this.#resets);
    done(error);
  }

  #write(chunks: readonly Buffer[], done: (error?: Error | null) => void): void {
    for (const chunk of chunks) this.bytesWritten += chunk.length;
    this.#touch();
    this.#core.write(chunks, (error) => {
      this.#touch();
      done(error);
    });
  }

  /** One timer for many chunks: when it is due it looks at when the last one passed. */
  #touch(): void {
    if (this.timeout === undefined) return;
    const { clock } = this.#core;
    this.#lastActive = clock.now();
    this.#timer ??= clock.setTimer(this.timeout, this.#onTimer);
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    if (this.timeout === undefined) return;
    const { clock } = this.#core;
    const left = this.#lastActive + this.timeout - clock.now();
    if (left > 0) this.#timer = clock.setTimer(left, this.#onTimer);
    else this.emit('timeout');
  };

  get #remote(): Endpoint {
    return this.#core.introduction.remote;
  }

  get #local(): Endpoint {
    return this.#core.introduction.local;
  }
}

function familyOf({ address }: Endpoint): 'IPv4' | 'IPv6' {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}
