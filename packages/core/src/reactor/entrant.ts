/**
 * One connection on its way in: first what a load balancer says of it, then the
 * handshake of TLS, each within its time.
 *
 *   accepted ─▶ header of the PROXY protocol ─▶ approach ─▶ handshake ─▶ through
 *                     │          limits of the address ┴─▶ refused │
 *                     └───────── too late, not right ──────────────┴─▶ turned away
 */
import type { StreamListenerSettings } from '../config/load.js';
import { ProtocolError, type ProtocolErrorCode } from '../errors.js';
import { readProxyHeader, type ProxiedEnds } from '../framing/proxy-header.js';
import type {
  ByteStream,
  Clock,
  Endpoint,
  Handshake,
  StreamEvents,
  Timer,
  TlsServer,
} from '../platform/platform.js';
import type { Arrival } from './arrival.js';
import { OpenedStream } from './opened-stream.js';

const NO_BYTES = Buffer.alloc(0);

export interface EntrantHost {
  readonly clock: Clock;
  readonly settings: StreamListenerSettings;
  /** With the certificates of this moment; absent where the listener has no TLS. */
  readonly tls: TlsServer | undefined;
  /** Whether a client with that address may begin a handshake; who may has to be through, or to withdraw. */
  approach(remote: Endpoint): boolean;
  withdraw(remote: Endpoint): void;
  /** It is a connection from now on; `approached`: after a handshake. */
  through(entrant: Entrant, stream: ByteStream, arrival: Arrival, approached: boolean): void;
  /** It may not begin a handshake. */
  refused(entrant: Entrant): void;
  turnedAway(entrant: Entrant, error: ProtocolError): void;
}

export class Entrant implements StreamEvents {
  #timer: Timer | undefined;
  #head: Buffer = NO_BYTES;
  #opened: OpenedStream | undefined;
  #handshake: Handshake | undefined;
  /** Who counts with his address, while his handshake is under way. */
  #approached: Endpoint | undefined;
  #over = false;

  constructor(
    readonly stream: ByteStream,
    private readonly host: EntrantHost,
  ) {}

  begin(): void {
    const { proxyProtocol } = this.host.settings;
    if (proxyProtocol === undefined) {
      this.#secure(NO_BYTES, this.stream);
      return;
    }
    const { timeout } = proxyProtocol;
    this.#limit(timeout, 'PROXY_HEADER_TIMEOUT', `no header of the PROXY protocol came in ${timeout} ms`);
    this.#opened = new OpenedStream(this.stream, this);
  }

  /** The server takes nobody any more. */
  abort(): void {
    this.#leave();
    this.#handshake?.abort();
    if (this.#handshake === undefined) this.stream.destroy(true);
  }

  // What the socket says before the header is whole.

  data(chunk: Buffer): void {
    if (this.#over) return;
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    try {
      const header = readProxyHeader(this.#head);
      if (header !== undefined) this.#introduced(this.#head.subarray(header.length), header.ends);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#turnAway(error);
    }
  }

  end(): void {
    this.#fail(
      'PROXY_HEADER_INVALID',
      'the connection ended before its header of the PROXY protocol was whole',
    );
  }

  drain(): void {}

  close(): void {
    this.end();
  }

  #introduced(rest: Buffer, ends: ProxiedEnds | undefined): void {
    const { remote, local } = this.stream;
    const arrival = ends === undefined ? { remote, local } : { remote: ends.source, local: ends.destination };
    this.#timer?.cancel();
    this.#head = NO_BYTES;
    if (this.host.settings.tls !== undefined) {
      this.#secure(rest, arrival);
      return;
    }
    this.#leave();
    this.host.through(this, this.#opened!, arrival, false);
    if (rest.length > 0) this.#opened!.tell(rest);
  }

  #secure(head: Buffer, { remote, local }: Arrival): void {
    const { host, stream } = this;
    if (!host.approach(remote)) {
      this.abort();
      host.refused(this);
      return;
    }
    this.#approached = remote;
    const { handshakeTimeout } = host.settings.tls!;
    this.#limit(
      handshakeTimeout,
      'TLS_HANDSHAKE_TIMEOUT',
      `the handshake was not finished in ${handshakeTimeout} ms`,
    );
    // Without certificates nobody gets in, least of all in the clear.
    if (host.tls === undefined) {
      this.abort();
      host.refused(this);
      return;
    }
    this.#handshake = host.tls.secure(stream, head, {
      secured: (secured, tls) => {
        if (this.#over) {
          secured.destroy(true);
          return;
        }
        this.#approached = undefined;
        this.#leave();
        host.through(this, secured, { remote, local, tls }, true);
      },
      // Who fails closes the stream, after it has told the client why.
      failed: (reason) => this.#tell('TLS_HANDSHAKE_FAILED', `the handshake failed: ${reason}`),
    });
  }

  #limit(ms: number, code: ProtocolErrorCode, message: string): void {
    this.#timer = this.host.clock.setTimer(ms, () => this.#fail(code, message));
  }

  #fail(code: ProtocolErrorCode, message: string): void {
    if (!this.#over) this.#turnAway(new ProtocolError(code, message));
  }

  #turnAway(error: ProtocolError): void {
    this.abort();
    this.host.turnedAway(this, error);
  }

  #tell(code: ProtocolErrorCode, message: string): void {
    if (this.#over) return;
    this.#leave();
    this.host.turnedAway(this, new ProtocolError(code, message));
  }

  #leave(): void {
    this.#over = true;
    this.#timer?.cancel();
    const approached = this.#approached;
    this.#approached = undefined;
    if (approached !== undefined) this.host.withdraw(approached);
  }
}
