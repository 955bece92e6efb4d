import type {
  Endpoint,
  ListenOptions,
  PassedSocket,
  TcpListenOptions,
  UnixListenOptions,
} from '@shoal/core/internal/platform/platform';
import { checkLink, type LinkBehaviour } from './link-behaviour.js';
import { Line } from './line.js';
import { systemError, type Medium } from './medium.js';
import { outside } from './outside.js';
import type { Prng } from './prng.js';
import type { Scheduler } from './scheduler.js';
import type { VirtualFiles } from './virtual-files.js';
import { VirtualSocket } from './virtual-socket.js';
import { VirtualStream } from './virtual-stream.js';

const ANY_HOST = new Set(['0.0.0.0', '::', '']);
const RETRY_MS = 1_000;
const TRIES = 6;
const FIRST_DESCRIPTOR = 3;
/** A client on a unix socket has no address. */
const NOWHERE: Endpoint = { address: '', port: 0 };

export type ConnectOptions = {
  /** How the way between the two behaves; default as the medium. */
  readonly link?: LinkBehaviour;
} & (
  | {
      readonly host: string;
      readonly port: number;
      /** The client's own address. */
      readonly from: string;
    }
  | { readonly path: string }
);

export type Connected = (outcome: VirtualStream | Error) => void;

/** The ports and unix sockets of the virtual machine, and the clients that come to them. */
export class VirtualNetwork {
  readonly #sockets: VirtualSocket[] = [];
  readonly #passed = new Map<number, { readonly name: string; readonly socket: VirtualSocket }>();
  /** Unix sockets by path. A process that is killed leaves its own, and nobody answers there. */
  readonly #paths = new Map<string, VirtualSocket>();
  #nextPort = 20_000;
  #nextClientPort = 40_000;

  constructor(
    private readonly medium: Medium,
    private readonly scheduler: Scheduler,
    private readonly random: Prng,
    private readonly files: VirtualFiles,
    readonly reusePort: boolean,
  ) {}

  /** Binds sockets that come with the start of the first process, and are held until somebody takes them. */
  pass(sockets: readonly { readonly name: string; readonly port: number }[]): void {
    sockets.forEach(({ name, port }, index) => {
      const options = { host: '127.0.0.1', port, backlog: 512, noDelay: true, reusePort: false };
      const socket = this.bind(options);
      socket.hold();
      this.#passed.set(FIRST_DESCRIPTOR + index, { name, socket });
    });
  }

  get passed(): readonly PassedSocket[] {
    return [...this.#passed].map(([descriptor, { name }]) => ({ name, descriptor }));
  }

  /** The socket of these options, new or passed; `use` holds it. */
  open<T>(options: ListenOptions, use: (socket: VirtualSocket) => T): T {
    const { descriptor } = options;
    if (descriptor === undefined) return use(this.bind(options));
    const passed = this.#passed.get(descriptor);
    if (passed === undefined) throw systemError('EBADF', `listen on descriptor ${descriptor}`);
    this.#passed.delete(descriptor);
    const used = use(passed.socket);
    passed.socket.letGo();
    return used;
  }

  /** Throws with a `code` as the system would. The socket lives as long as someone holds it. */
  bind(options: ListenOptions): VirtualSocket {
    return 'path' in options ? this.#bindPath(options) : this.#bindPort(options);
  }

  #bindPort(options: TcpListenOptions): VirtualSocket {
    const { host, port, reusePort } = options;
    if (reusePort && !this.reusePort) throw systemError('ENOTSUP', `listen ${host}:${port} with reusePort`);
    if (port !== 0 && this.#taken(options)) throw systemError('EADDRINUSE', `listen ${host}:${port}`);
    const endpoint = { address: host, port: port === 0 ? this.#freePort(options) : port };
    return this.#socket(endpoint, options);
  }

  /** As a real one does, it replaces a socket on which nobody listens, and nothing else. */
  #bindPath(options: UnixListenOptions): VirtualSocket {
    const { path } = options;
    const before = this.#paths.get(path);
    if (before !== undefined && this.#sockets.includes(before))
      throw systemError('EADDRINUSE', `listen ${path}`);
    this.files.probe(path);
    if (this.files.read(path) !== undefined)
      throw systemError('EEXIST', `listen ${path}, which is no socket`);
    const socket = this.#socket({ address: path, port: 0 }, options);
    this.#paths.set(path, socket);
    socket.removeName = () => {
      if (this.#paths.get(path) === socket) this.#paths.delete(path);
    };
    return socket;
  }

  #socket(endpoint: Endpoint, options: ListenOptions): VirtualSocket {
    const { reusePort = false, ipv6Only = false } = 'path' in options ? {} : options;
    const socket = new VirtualSocket(
      endpoint,
      { reusePort, ipv6Only },
      options.backlog,
      this.scheduler,
      this.random,
      (gone) => {
        this.#sockets.splice(this.#sockets.indexOf(gone), 1);
      },
    );
    this.#sockets.push(socket);
    return socket;
  }

  /** Connects a client that lives outside of all processes. Throws for a link that cannot be. */
  connect(options: ConnectOptions, connected: Connected): void {
    if (options.link !== undefined) checkLink(options.link);
    const client = 'path' in options ? NOWHERE : { address: options.from, port: this.#nextClientPort++ };
    this.#knock(options, client, connected, TRIES);
  }

  /** Ports that somebody still holds; 0 for a unix socket. */
  get ports(): readonly number[] {
    return this.#sockets.map((socket) => socket.endpoint.port);
  }

  /** Unix sockets that can be found, whether anybody listens there or not. */
  get paths(): readonly string[] {
    return [...this.#paths.keys()];
  }

  #knock(options: ConnectOptions, client: Endpoint, connected: Connected, tries: number): void {
    this.scheduler.after(this.medium.delay(options.link?.latency), outside, () => {
      const place = `connect ${'path' in options ? options.path : `${options.host}:${options.port}`}`;
      const socket = this.random.pick(this.#sockets.filter((each) => reaches(each, options)));
      if (socket === undefined) {
        const missing = 'path' in options && !this.#paths.has(options.path);
        connected(systemError(missing ? 'ENOENT' : 'ECONNREFUSED', place));
        return;
      }
      const [near, far] = VirtualStream.pair(this.medium, client, serverOf(options));
      if (options.link !== undefined) near.goOver(new Line(this.medium, { ...options.link }));
      if (socket.offer(far)) connected(near);
      else if (tries === 0) connected(systemError('ETIMEDOUT', place));
      else this.scheduler.after(RETRY_MS, outside, () => this.#knock(options, client, connected, tries - 1));
    });
  }

  #taken({ host, port, reusePort, ipv6Only = false }: TcpListenOptions): boolean {
    return this.#sockets.some(
      (socket) =>
        serves(socket.endpoint, { host, port }) &&
        !(reusePort && socket.reusePort) &&
        !(socket.ipv6Only && !host.includes(':')) &&
        !(ipv6Only && !socket.endpoint.address.includes(':')),
    );
  }

  #freePort(options: TcpListenOptions): number {
    while (this.#taken({ ...options, port: this.#nextPort, reusePort: false })) this.#nextPort++;
    return this.#nextPort++;
  }
}

/** Whether a client gets there from its address: an IPv4 socket takes no clients of IPv6, an IPv6 one takes both unless told not to. */
function reaches(socket: VirtualSocket, options: ConnectOptions): boolean {
  if ('path' in options) return socket.endpoint.address === options.path;
  if (!serves(socket.endpoint, options)) return false;
  const { address } = socket.endpoint;
  if (options.from.includes(':')) return address.includes(':');
  return !address.includes(':') || (ANY_HOST.has(address) && !socket.ipv6Only);
}

/** Who connects to a socket of all addresses comes to one of them. */
function serverOf(options: ConnectOptions): Endpoint {
  if ('path' in options) return { address: options.path, port: 0 };
  const { host, port, from } = options;
  const address = host === '::' ? (from.includes(':') ? '::1' : '127.0.0.1') : host;
  return { address, port };
}

function serves(endpoint: Endpoint, { host, port }: { host: string; port: number }): boolean {
  return (
    !endpoint.address.startsWith('/') &&
    endpoint.port === port &&
    (endpoint.address === host || ANY_HOST.has(endpoint.address) || ANY_HOST.has(host))
  );
}
