import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type {
  BoundListener,
  DatagramEvents,
  DatagramOptions,
  DatagramSocket,
  ByteStream,
  Endpoint,
  Listener,
  ListenOptions,
  LogWriter,
  Network,
  TlsFinding,
  TlsMaterial,
  TlsServer,
  TcpListenOptions,
} from '../platform.js';
import { AcceptFailures } from './accept-failures.js';
import { bindInChild } from './bind.js';
import { adoptDatagrams, bindDatagrams, openDatagrams } from './datagrams.js';
import { readInPlace } from './read-in-place.js';
import type { SocketFile } from './socket-file.js';
import { handleOf } from './bound-socket.js';
import { listenOn, stopListening } from './listening.js';
import { NodeStream, type SocketKind } from './node-stream.js';
import { openServer } from './open-server.js';
import { passedSockets, requireSocket } from './passed-sockets.js';
import { examineTls } from './tls/examine.js';
import { NodeTlsServer } from './tls/server.js';

type Accept = (stream: ByteStream) => void;

export class NodeNetwork implements Network {
  readonly passed = passedSockets;
  readonly reusePort = supportsReusePort(process.versions.node, process.platform);
  readonly #ticketSecret = randomBytes(48);

  constructor(private readonly log: LogWriter) {}

  async listen(options: ListenOptions, accept: Accept): Promise<Listener> {
    this.#check(options);
    const server = this.#server(options, accept);
    const { endpoint, file } = await openServer(server, options);
    return new NodeListener(server, endpoint, file);
  }

  async bind(options: ListenOptions): Promise<BoundListener> {
    this.#check(options);
    return bindInChild(options);
  }

  async adopt(bound: BoundListener, options: ListenOptions, accept: Accept): Promise<Listener> {
    const server = this.#server(options, accept);
    await listenOn(server, handleOf(bound), options);
    return new NodeListener(server, bound.endpoint);
  }

  examineTls(material: TlsMaterial, now: number): readonly TlsFinding[] {
    return examineTls(material, now);
  }

  ticketKeys(material: TlsMaterial): string {
    return createHmac('sha384', this.#ticketSecret).update(JSON.stringify(material)).digest('base64');
  }

  tlsServer(material: TlsMaterial): TlsServer {
    return new NodeTlsServer(material);
  }

  async openDatagrams(options: DatagramOptions, events: DatagramEvents): Promise<DatagramSocket> {
    this.#checkDatagrams(options);
    return openDatagrams(options, events);
  }

  async bindDatagrams(options: DatagramOptions): Promise<BoundListener> {
    this.#checkDatagrams(options);
    return bindDatagrams(options);
  }

  async adoptDatagrams(
    bound: BoundListener,
    options: DatagramOptions,
    events: DatagramEvents,
  ): Promise<DatagramSocket> {
    return adoptDatagrams(bound, options, events);
  }

  #checkDatagrams({ reusePort, descriptor }: DatagramOptions): void {
    if (reusePort && !this.reusePort) throw noReusePort();
    if (descriptor !== undefined) requireSocket(descriptor);
  }

  #check(options: ListenOptions): void {
    if (options.descriptor !== undefined) requireSocket(options.descriptor);
    if ('path' in options || !options.reusePort || this.reusePort) return;
    throw noReusePort();
  }

  #server(options: ListenOptions, accept: Accept): Server {
    const isUnix = 'path' in options;
    const place = isUnix ? options.path : `${options.host}:${options.port}`;
    const failures = new AcceptFailures(this.log, place);
    const usual = { allowHalfOpen: true, pauseOnConnect: true };
    const server = createServer(isUnix ? usual : { ...usual, ...tcpWays(options) }, (socket) =>
      accept(isUnix ? unixStreamOf(socket, options.path) : streamOf(socket, options.secured === true)),
    );
    return server.on('error', (error) => {
      if (server.listening) failures.note(error);
    });
  }
}

class NodeListener implements Listener {
  constructor(
    private readonly server: Server,
    readonly endpoint: Endpoint,
    private readonly file?: SocketFile,
  ) {}

  close(): Promise<void> {
    this.file?.remove();
    return stopListening(this.server);
  }
}

function tcpWays({ noDelay, keepAliveIdle }: TcpListenOptions): object {
  const keepAlive = keepAliveIdle !== undefined;
  return { noDelay, keepAlive, ...(keepAlive && { keepAliveInitialDelay: keepAliveIdle }) };
}

/** The option came with Node 22.12 and 23.1; older lines ignore it without a word. */
export function supportsReusePort(version: string, system: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const known = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
  return known && ['linux', 'freebsd'].includes(system);
}

const MAPPED = '::ffff:';

/** A socket that takes both kinds of addresses shows those of IPv4 within IPv6. A client has one address, wherever it comes. */
function plainAddress(address = ''): string {
  return address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;
}

const TCP: SocketKind = { transport: 'tcp', readsInPlace: false, readsToEnd: false };
const TCP_IN_PLACE: SocketKind = { ...TCP, readsInPlace: true };
const UNIX: SocketKind = { ...TCP, transport: 'unix' };
const UNIX_IN_PLACE: SocketKind = { ...UNIX, readsInPlace: true };

/** The addresses are read now: a socket that is closed has none. A peer may be gone before it is accepted. */
function streamOf(socket: Socket, secured: boolean): NodeStream {
  const remote = { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
  const local = localEndpoint(plainAddress(socket.localAddress), socket.localPort ?? 0);
  // What reads in place cannot be handed on to TLS.
  if (secured) return new NodeStream(socket, TCP, remote, local);
  const taken = readInPlace(socket);
  return new NodeStream(taken.socket, taken.readsInPlace ? TCP_IN_PLACE : TCP, remote, local);
}

let lastLocal: Endpoint = { address: '', port: 0 };

/** Mostly that of the connection before, and then the same object, because there are so many of them. */
function localEndpoint(address: string, port: number): Endpoint {
  if (lastLocal.port !== port || lastLocal.address !== address) lastLocal = { address, port };
  return lastLocal;
}

/** A client on a unix socket has no address. */
const NOWHERE: Endpoint = { address: '', port: 0 };

function unixStreamOf(accepted: Socket, path: string): NodeStream {
  const { socket, readsInPlace } = readInPlace(accepted);
  return new NodeStream(socket, readsInPlace ? UNIX_IN_PLACE : UNIX, NOWHERE, localEndpoint(path, 0));
}

function noReusePort(): Error {
  return Object.assign(new Error('reusePort needs Node 22.12 and Linux'), { code: 'ENOTSUP' });
}
