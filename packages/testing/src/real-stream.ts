import net from 'node:net';
import { connect as connectSecurely, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { certificateFacts } from '@shoal/core/internal/platform/node/tls/certificate-facts';
import type { Endpoint, StreamEvents } from '@shoal/core/internal/platform/platform';
import type { ClientProxyOptions, ClientTls, ClientTlsOptions } from './harness.js';
import { proxyHeader } from './proxy-header.js';
import type { ClientStream } from './scripted-client.js';
import type { ClientLink } from './world/link-behaviour.js';

type Destination = (
  { readonly path: string } | { readonly host: string; readonly port: number; readonly from?: string }
) & {
  readonly tls?: ClientTlsOptions | undefined;
  readonly proxy?: ClientProxyOptions | undefined;
};

/** A client's real connection. */
export class RealStream implements ClientStream {
  #error: Error | undefined;

  private constructor(
    private readonly socket: net.Socket,
    /** Called after each event. */
    private readonly poke: () => void,
    readonly tls?: ClientTls,
    /** The socket of TCP, below that of TLS if there is one. */
    private readonly wire: net.Socket = socket,
  ) {}

  /** Rejects when nobody listens, or the server does not finish the handshake. */
  static async connect(to: Destination, poke: () => void): Promise<RealStream> {
    const { tls, proxy } = to;
    const place =
      'path' in to
        ? { path: to.path }
        : { host: to.host, port: to.port, ...(to.from !== undefined && { localAddress: to.from }) };
    const wire = net.connect({ ...place, allowHalfOpen: true, noDelay: true });
    await happens(wire, 'connect');
    if (proxy !== undefined && 'host' in to)
      wire.write(proxyHeader(proxy, { address: to.host, port: to.port }));
    if (tls === undefined) return new RealStream(wire, poke);
    const secured = connectSecurely({ socket: wire, rejectUnauthorized: false, ...securedBy(tls) });
    // It may be told more than one failure, of which the first is waited for.
    secured.on('error', () => {});
    await happens(secured, 'secureConnect');
    return new RealStream(secured, poke, clientTlsOf(secured), wire);
  }

  /** The client's own end. */
  get local(): Endpoint {
    return { address: this.socket.localAddress ?? '', port: this.socket.localPort ?? 0 };
  }

  get link(): ClientLink {
    throw linkIsReal();
  }

  start(events: StreamEvents): void {
    const { socket, poke } = this;
    socket.on('error', (error) => (this.#error = error));
    socket.on('data', (chunk: Buffer) => {
      events.data(chunk);
      poke();
    });
    socket.on('end', () => {
      events.end();
      poke();
    });
    socket.on('drain', () => events.drain());
    socket.on('close', () => {
      events.close(this.#error);
      poke();
    });
  }

  write(chunk: Buffer): void {
    if (this.socket.writable) this.socket.write(chunk);
  }

  end(): void {
    this.socket.end();
  }

  destroy(reset = false): void {
    // A unix socket knows no reset.
    if (reset && this.wire.remoteFamily !== undefined) this.wire.resetAndDestroy();
    this.socket.destroy();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }
}

function happens(socket: net.Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new Error('the server has left before the handshake was over'));
    socket.once('error', reject);
    socket.once('close', closed);
    socket.once(event, () => {
      socket.off('error', reject);
      socket.off('close', closed);
      resolve();
    });
  });
}

function securedBy({ servername, alpn, certificate }: ClientTlsOptions): ConnectionOptions {
  return {
    ...(servername !== undefined && { servername }),
    ...(alpn !== undefined && { ALPNProtocols: [...alpn] }),
    ...certificate,
  };
}

function clientTlsOf(socket: TLSSocket): ClientTls {
  const { alpnProtocol } = socket;
  const serverCertificate = certificateFacts(socket.getPeerX509Certificate()!);
  return { serverCertificate, ...(typeof alpnProtocol === 'string' && { alpnProtocol }) };
}

/** What tests are told that ask for what a real connection cannot do. */
export function linkIsReal(): Error {
  return new Error(
    'only in a simulation: nobody can shape, stall or cut the link of a real connection. Play this with simulate(), or let the client pause() and resume() its reading',
  );
}
