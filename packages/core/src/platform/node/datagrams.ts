import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import type {
  BoundListener,
  DatagramEvents,
  DatagramOptions,
  DatagramSocket,
  Endpoint,
} from '../platform.js';
import { BoundSocket, handleOf, type BareHandle } from './bound-socket.js';

/** ms that a socket which closes waits for the system to take what it was given. */
const CLOSE_PATIENCE_MS = 1_000;

/** What Node calls a UDP handle: the socket without the class around it, in which form it travels between processes. */
interface UdpHandle extends BareHandle {
  recvStop(): number;
}

/** Opens a socket and reads from it. */
export async function openDatagrams(
  options: DatagramOptions,
  events: DatagramEvents,
): Promise<DatagramSocket> {
  const socket = make(options);
  await bound(socket, () => bind(socket, options));
  return new NodeDatagramSocket(socket, options, events);
}

/** Binds a socket and reads nothing from it. */
export async function bindDatagrams(options: DatagramOptions): Promise<BoundListener> {
  const socket = make(options);
  const handle = handleIn(socket);
  // Node reads at once; in the turn in which it begins there is nothing to read.
  socket.once('listening', () => handle.recvStop());
  await bound(socket, () => bind(socket, options));
  const { address, port } = socket.address();
  return new BoundSocket({ address, port }, handle);
}

/** Reads from a socket that another process has bound. */
export async function adoptDatagrams(
  bound: BoundListener,
  options: DatagramOptions,
  events: DatagramEvents,
): Promise<DatagramSocket> {
  const socket = make(options);
  bindTo(socket, handleOf(bound));
  return new NodeDatagramSocket(socket, options, events);
}

class NodeDatagramSocket implements DatagramSocket {
  /** Read while it is open: a socket that is closed has none. */
  readonly endpoint: Endpoint;
  private readonly socket: Socket;
  /** How a socket that is of the other family than its listener writes addresses. */
  readonly #written: ((address: string) => string) | undefined;

  /** Made in the turn in which the socket is bound, in which nothing is read yet. */
  constructor(
    bound: Socket,
    options: DatagramOptions,
    private readonly events: DatagramEvents,
  ) {
    const { address, port, family } = bound.address();
    this.endpoint = { address, port };
    const isSix = family === 'IPv6';
    const isOther = isSix !== options.host.includes(':');
    this.socket = isOther ? inOtherFamily(bound, options) : bound;
    if (isOther) this.#written = isSix ? mapped : unmapped;
    this.socket.on('message', (data, from) => events.receive(data, from));
    this.socket.on('error', (error) => events.failed(error));
  }

  get buffered(): number {
    return this.socket.getSendQueueSize();
  }

  send(data: Buffer, address: string, port: number): void {
    // A sender may claim to be on port 0, to which nothing can be sent: Node would throw.
    if (port === 0) this.events.failed(noPort(address));
    else this.socket.send(data, port, this.#written?.(address) ?? address, this.#sent);
  }

  stop(): void {
    this.socket.removeAllListeners('message');
    handleIn(this.socket).recvStop();
  }

  async close(): Promise<void> {
    const end = performance.now() + CLOSE_PATIENCE_MS;
    while (this.buffered > 0 && performance.now() < end)
      await new Promise<void>((resolve) => setTimeout(resolve, 1));
    await new Promise<void>((resolve) => this.socket.close(resolve));
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.events.failed(error);
  };
}

function noPort(address: string): Error {
  return Object.assign(new Error(`EINVAL: nothing can be sent to port 0 of ${address}`), { code: 'EINVAL' });
}

function make({ host, ipv6Only, recvBufferSize, reusePort }: DatagramOptions): Socket {
  const options: SocketOptions & { reusePort?: boolean } = {
    type: host.includes(':') ? 'udp6' : 'udp4',
    ipv6Only,
    lookup: lookUp,
    ...(recvBufferSize !== undefined && { recvBufferSize }),
    // Older lines ignore it without a word, and the network has looked at that.
    ...(reusePort && { reusePort }),
  };
  return createSocket(options);
}

/** It takes a handle, as `server.listen` does, only its types do not say so. */
function bindTo(socket: Socket, handle: object): void {
  socket.bind(handle as unknown as number);
}

/**
 * A socket that came with the start is of the family that its unit says, whatever
 * the `host` of its listener is; and Node has to be told, else it cannot send.
 */
function inOtherFamily(bound: Socket, options: DatagramOptions): Socket {
  const socket = make({ ...options, host: options.host.includes(':') ? '0.0.0.0' : '::' });
  bindTo(socket, handleIn(bound));
  return socket;
}

const MAPPED = '::ffff:';

/** An IPv4 address as IPv6 has it, for a socket of IPv6. */
function mapped(address: string): string {
  return address.includes(':') ? address : MAPPED + address;
}

/** And for one of IPv4 the other way round. */
function unmapped(address: string): string {
  return address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address;
}

/** `exclusive` keeps a surrounding cluster of the user's from binding in our place. */
function bind(socket: Socket, { host, port, descriptor }: DatagramOptions): void {
  if (descriptor === undefined) socket.bind({ address: host, port, exclusive: true });
  else socket.bind({ fd: descriptor, exclusive: true });
}

/** What is an address already is not looked up, which would cost a turn for each datagram. */
function lookUp(
  name: string,
  options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  const family = isIP(name);
  if (family > 0) callback(null, name, family);
  else lookup(name, { family: typeof options === 'number' ? options : 0 }, callback);
}

function bound(socket: Socket, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const succeed = (): void => {
      socket.off('error', fail);
      resolve();
    };
    const fail = (error: Error): void => {
      socket.off('listening', succeed);
      reject(error);
    };
    socket.once('error', fail);
    socket.once('listening', succeed);
    start();
  });
}

/** Node keeps it behind a symbol. The accessor that it had before warns. */
function handleIn(socket: Socket): UdpHandle {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    const state = (socket as unknown as Record<symbol, unknown>)[symbol];
    const { handle } = (state ?? {}) as { handle?: UdpHandle };
    if (typeof handle?.recvStop === 'function') return handle;
  }
  throw new Error('this version of Node keeps the handle of a socket for datagrams elsewhere');
}
