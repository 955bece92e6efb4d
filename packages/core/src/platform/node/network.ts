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
} from '../platform.js';
import { AcceptFailures } from './accept-failures.js';
import { bindInChild } from './bind.js';
import { adoptDatagrams, bindDatagrams, openDatagrams } from './datagrams.js';
import { readInPlace } from './read-in-place.js';
import { handleOf } from './bound-socket.js';
import { endpointOf, listening, stopListening } from './listening.js';
import { NodeStream } from './node-stream.js';
import { passedSockets, requireSocket } from './passed-sockets.js';

type Accept = (stream: ByteStream) => void;

export class NodeNetwork implements Network {
  readonly passed = passedSockets;
  readonly reusePort = supportsReusePort(process.versions.node, process.platform);

  constructor(private readonly log: LogWriter) {}

  async listen(options: ListenOptions, accept: Accept): Promise<Listener> {
    const { host, port, backlog, reusePort, descriptor } = options;
    if (reusePort && !this.reusePort) throw withCode('ENOTSUP', 'reusePort needs Node 22.12 and Linux');
    if (descriptor !== undefined) requireSocket(descriptor);
    const server = this.#server(options, accept);
    // `exclusive` keeps a surrounding cluster of the user's from listening in our place.
    const place = descriptor === undefined ? { host, port, reusePort } : { fd: descriptor };
    await listening(server, () => server.listen({ ...place, backlog, exclusive: true }));
    return new NodeListener(server, endpointOf(server));
  }

  async bind(options: ListenOptions): Promise<BoundListener> {
    if (options.descriptor !== undefined) requireSocket(options.descriptor);
    return bindInChild(options);
  }

  async adopt(bound: BoundListener, options: ListenOptions, accept: Accept): Promise<Listener> {
    const server = this.#server(options, accept);
    await listening(server, () => server.listen(handleOf(bound), options.backlog));
    return new NodeListener(server, bound.endpoint);
  }

  async openDatagrams(options: DatagramOptions, events: DatagramEvents): Promise<DatagramSocket> {
    this.#check(options);
    return openDatagrams(options, events);
  }

  async bindDatagrams(options: DatagramOptions): Promise<BoundListener> {
    this.#check(options);
    return bindDatagrams(options);
  }

  async adoptDatagrams(
    bound: BoundListener,
    options: DatagramOptions,
    events: DatagramEvents,
  ): Promise<DatagramSocket> {
    return adoptDatagrams(bound, options, events);
  }

  #check({ reusePort, descriptor }: DatagramOptions): void {
    if (reusePort && !this.reusePort) throw withCode('ENOTSUP', 'reusePort needs Node 22.12 and Linux');
    if (descriptor !== undefined) requireSocket(descriptor);
  }

  #server({ host, port, noDelay }: ListenOptions, accept: Accept): Server {
    const failures = new AcceptFailures(this.log, `${host}:${port}`);
    const server = createServer({ allowHalfOpen: true, noDelay, pauseOnConnect: true }, (socket) =>
      accept(streamOf(socket)),
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
  ) {}

  close(): Promise<void> {
    return stopListening(this.server);
  }
}

/** The option came with Node 22.12 and 23.1; older lines ignore it without a word. */
export function supportsReusePort(version: string, system: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const known = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
  return known && ['linux', 'freebsd'].includes(system);
}

/** The addresses are read now: a socket that is closed has none. A peer may be gone before it is accepted. */
function streamOf(socket: Socket): NodeStream {
  const remote = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
  const local = { address: socket.localAddress ?? '', port: socket.localPort ?? 0 };
  const taken = readInPlace(socket);
  return new NodeStream(taken.socket, 'tcp', remote, local, taken.reader);
}

function withCode(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
