/**
 * TLS over accepted sockets, by Node's own TLS server without a port: it is
 * given the sockets, and does the handshake, the choice of a certificate and the
 * check of a client's.
 */
import type { Socket } from 'node:net';
import { createSecureContext, createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls';
import type {
  ByteStream,
  Handshake,
  HandshakeEvents,
  TlsIdentity,
  TlsInfo,
  TlsMaterial,
  TlsServer,
} from '../../platform.js';
import { NodeStream, type SocketKind } from '../node-stream.js';
import { certificateFacts } from './certificate-facts.js';
import { entryFor } from './server-names.js';

/** ms. Whoever starts a handshake watches the time; that of Node is as long as a timer can be. */
const NO_TIMEOUT = 2 ** 31 - 1;

/** Sessions are of one listener by the keys of their tickets. Node's own context is made of a command line, and those of two processes may differ. */
const SESSION_ID_CONTEXT = 'shoal';

const TLS: SocketKind = { transport: 'tls', readsInPlace: false, readsToEnd: false };

interface Pending {
  readonly stream: NodeStream;
  readonly events: HandshakeEvents;
}

export class NodeTlsServer implements TlsServer {
  readonly #server: Server;
  readonly #pending = new Map<Socket, Pending>();

  constructor(material: TlsMaterial) {
    const { sni, ca, alpn, ciphers, minVersion, requestCert, rejectUnauthorized } = material;
    const shared = {
      minVersion,
      sessionIdContext: SESSION_ID_CONTEXT,
      ...(ciphers !== undefined && { ciphers }),
      ...(ca !== undefined && { ca }),
    };
    const contextOf = ({ cert, key, passphrase }: TlsIdentity): SecureContext =>
      createSecureContext({ ...shared, cert, key, ...(passphrase !== undefined && { passphrase }) });
    const contexts: Record<string, SecureContext> = {};
    for (const [name, identity] of Object.entries(sni)) contexts[name] = contextOf(identity);
    const { cert, key, passphrase, ticketKeys } = material;
    this.#server = createServer({
      ...shared,
      cert,
      key,
      ...(passphrase !== undefined && { passphrase }),
      requestCert,
      rejectUnauthorized,
      ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
      SNICallback: (servername, answer) => answer(null, entryFor(contexts, servername)),
      ...(ticketKeys !== undefined && { ticketKeys: Buffer.from(ticketKeys, 'base64') }),
      handshakeTimeout: NO_TIMEOUT,
      pauseOnConnect: true,
    });
    this.#server.on('secureConnection', (socket) => this.#secured(socket));
    this.#server.on('tlsClientError', (error, socket) => this.#failed(error, socket));
  }

  secure(stream: ByteStream, head: Buffer, events: HandshakeEvents): Handshake {
    if (!(stream instanceof NodeStream)) throw new TypeError('the stream was not accepted by this platform');
    const raw = stream.release();
    if (raw.destroyed || raw.readableEnded) {
      setImmediate(() => events.failed('its client has left before the handshake'));
      raw.destroy();
      return { abort: () => {} };
    }
    if (head.length > 0) raw.unshift(head);
    this.#pending.set(raw, { stream, events });
    // Who ends before the handshake is over has nothing to wait for; that of TLS takes this over.
    raw.allowHalfOpen = false;
    this.#server.emit('connection', raw);
    // Not by a reset, which the system refuses while it sends a FIN: Node would lose the socket then.
    return { abort: () => void raw.destroy() };
  }

  #secured(socket: TLSSocket): void {
    const raw = underlying(socket);
    const pending = this.#pending.get(raw);
    if (pending === undefined) {
      socket.destroy();
      return;
    }
    this.#pending.delete(raw);
    raw.allowHalfOpen = socket.allowHalfOpen = true;
    const { remote, local } = pending.stream;
    const stream = new NodeStream(socket, TLS, remote, local, raw);
    const info = infoOf(socket);
    // OpenSSL is at work below this call, and a socket that is reset here takes the process with it.
    setImmediate(() => pending.events.secured(stream, info));
  }

  /** Node closes the socket, after the alert that tells the client why. */
  #failed(error: Error, socket: TLSSocket): void {
    const raw = underlying(socket);
    const pending = this.#pending.get(raw);
    this.#pending.delete(raw);
    socket.destroy();
    pending?.events.failed(reasonOf(error));
  }
}

/** The socket below that of TLS, which is a member that Node does not document. */
function underlying(socket: TLSSocket): Socket {
  return (socket as unknown as { readonly _parent: Socket })._parent;
}

function infoOf(socket: TLSSocket): TlsInfo {
  const { authorized, authorizationError, alpnProtocol } = socket;
  const { servername } = socket as { readonly servername?: string | false };
  const certificate = socket.getPeerX509Certificate();
  const failure: unknown = authorizationError;
  return {
    protocol: socket.getProtocol() ?? '',
    authorized,
    ...(typeof servername === 'string' && servername !== '' && { servername: servername.slice(0, 255) }),
    ...(typeof alpnProtocol === 'string' && { alpnProtocol }),
    ...(failure !== null && failure !== undefined && { authorizationError: textOf(failure) }),
    ...(certificate !== undefined && { peerCertificate: certificateFacts(certificate) }),
  };
}

/** A code as a rule, an error by its type. */
function textOf(failure: unknown): string {
  return typeof failure === 'string' ? failure : String((failure as { code?: unknown }).code ?? failure);
}

/** `wrong version number` says more than the line of OpenSSL's source that it comes from. */
function reasonOf(error: Error): string {
  const { reason, code } = error as Error & { readonly reason?: string; readonly code?: string };
  if (reason !== undefined) return reason;
  return code === 'ECONNRESET' ? 'its client has left' : (code ?? error.message).slice(0, 200);
}
