import type { Endpoint, ListenOptions, PassedSocket } from '@shoal/core/internal/platform/platform';
import { checkLink, type LinkBehaviour } from './link-behaviour.js';
import { Line } from './line.js';
import { systemError, type Medium } from './medium.js';
import { outside } from './outside.js';
import type { Prng } from './prng.js';
import type { Scheduler } from './scheduler.js';
import { VirtualSocket } from './virtual-socket.js';
import { VirtualStream } from './virtual-stream.js';

const ANY_HOST = new Set(['0.0.0.0', '::', '']);
const RETRY_MS = 1_000;
const TRIES = 6;
const FIRST_DESCRIPTOR = 3;

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  /** The client's own address. */
  readonly from: string;
  /** How the way between the two behaves; default as the medium. */
  readonly link?: LinkBehaviour;
}

export type Connected = (outcome: VirtualStream | Error) => void;

/** The ports of the virtual machine, and the clients that come to them. */
export class VirtualNetwork {
  readonly #sockets: VirtualSocket[] = [];
  readonly #passed = new Map<number, { readonly name: string; readonly socket: VirtualSocket }>();
  #nextPort = 20_000;
  #nextClientPort = 40_000;

  constructor(
    private readonly medium: Medium,
    private readonly scheduler: Scheduler,
    private readonly random: Prng,
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
    const { host, port, reusePort } = options;
    if (reusePort && !this.reusePort) throw systemError('ENOTSUP', `listen ${host}:${port} with reusePort`);
    if (port !== 0 && this.#taken(options)) throw systemError('EADDRINUSE', `listen ${host}:${port}`);
    const endpoint = { address: host, port: port === 0 ? this.#freePort(options) : port };
    const socket = new VirtualSocket(
      endpoint,
      reusePort,
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
    const client: Endpoint = { address: options.from, port: this.#nextClientPort++ };
    this.#knock(options, client, connected, TRIES);
  }

  /** Ports that somebody still holds. */
  get ports(): readonly number[] {
    return this.#sockets.map((socket) => socket.endpoint.port);
  }

  #knock(options: ConnectOptions, client: Endpoint, connected: Connected, tries: number): void {
    this.scheduler.after(this.medium.delay(options.link?.latency), outside, () => {
      const place = `connect ${options.host}:${options.port}`;
      const socket = this.random.pick(this.#sockets.filter((each) => serves(each.endpoint, options)));
      if (socket === undefined) {
        connected(systemError('ECONNREFUSED', place));
        return;
      }
      const server: Endpoint = { address: options.host, port: options.port };
      const [near, far] = VirtualStream.pair(this.medium, client, server);
      if (options.link !== undefined) near.goOver(new Line(this.medium, { ...options.link }));
      if (socket.offer(far)) connected(near);
      else if (tries === 0) connected(systemError('ETIMEDOUT', place));
      else this.scheduler.after(RETRY_MS, outside, () => this.#knock(options, client, connected, tries - 1));
    });
  }

  #taken({ host, port, reusePort }: ListenOptions): boolean {
    return this.#sockets.some(
      (socket) => serves(socket.endpoint, { host, port }) && !(reusePort && socket.reusePort),
    );
  }

  #freePort(options: ListenOptions): number {
    while (this.#taken({ ...options, port: this.#nextPort, reusePort: false })) this.#nextPort++;
    return this.#nextPort++;
  }
}

function serves(endpoint: Endpoint, { host, port }: { host: string; port: number }): boolean {
  return (
    endpoint.port === port &&
    (endpoint.address === host || ANY_HOST.has(endpoint.address) || ANY_HOST.has(host))
  );
}
