import type {
  DatagramEvents,
  DatagramOptions,
  DatagramSocket,
  Endpoint,
} from '@shoal/core/internal/platform/platform';
import type { Actor, Resource } from './actor.js';
import { checkDatagramLink, type DatagramLink } from './datagram-link.js';
import { systemError, type Medium } from './medium.js';
import { outside } from './outside.js';
import type { Prng } from './prng.js';
import { Channel, GRAIN, type Scheduler } from './scheduler.js';

const ANY_HOST = new Set(['0.0.0.0', '::']);
/** A datagram that is overtaken takes so many times as long at most. */
const DETOUR = 8;

interface Arrived {
  readonly data: Buffer;
  readonly from: Endpoint;
}

/** The ports for datagrams of the virtual machine, and the clients around it. */
export class VirtualDatagrams {
  readonly #sockets: VirtualDatagramSocket[] = [];
  readonly #clients = new Map<string, DatagramPeer>();
  #nextPort = 30_000;
  #nextClientPort = 50_000;

  constructor(
    private readonly medium: Medium,
    private readonly scheduler: Scheduler,
    private readonly random: Prng,
    private readonly reusePort: boolean,
  ) {}

  /** Throws with a `code` as the system would. The socket lives as long as someone holds it. */
  bind(options: DatagramOptions): VirtualDatagramSocket {
    const { host, reusePort, recvBufferSize = this.medium.options.kernelBuffer } = options;
    let { port } = options;
    const place = `bind ${host}:${port}`;
    if (options.descriptor !== undefined) throw systemError('EBADF', `bind descriptor ${options.descriptor}`);
    if (reusePort && !this.reusePort) throw systemError('ENOTSUP', `${place} with reusePort`);
    if (port === 0) port = this.#nextPort++;
    const inItsWay = this.#sockets.filter((socket) => socket.serves(host, port));
    if (inItsWay.some((socket) => !(reusePort && socket.reusePort))) throw systemError('EADDRINUSE', place);
    const endpoint = { address: host, port };
    const socket = new VirtualDatagramSocket(
      endpoint,
      reusePort,
      options.ipv6Only,
      recvBufferSize,
      this.scheduler,
      this.random,
      (gone) => this.#sockets.splice(this.#sockets.indexOf(gone), 1),
    );
    this.#sockets.push(socket);
    return socket;
  }

  /** A client outside of all processes. Throws for a link that cannot be. */
  client(address: string, link: DatagramLink = {}): DatagramPeer {
    const local = { address, port: this.#nextClientPort++ };
    const peer = new DatagramPeer(local, link, (data, to, channel) => {
      const from = { address, port: local.port };
      this.#carry(link, channel, () => this.#arrive(data, from, to));
    });
    this.#clients.set(placeOf(local), peer);
    return peer;
  }

  /** A socket of the machine sends. What goes to nobody is lost. */
  send(data: Buffer, from: Endpoint, address: string, port: number): void {
    const peer = this.#clients.get(placeOf({ address: address.replace(/^::ffff:/, ''), port }));
    if (peer === undefined) return;
    const copy = Buffer.from(data);
    this.#carry(peer.link, peer.inbound, () => peer.arrived(copy, from));
  }

  get ports(): readonly number[] {
    return this.#sockets.map(({ endpoint }) => endpoint.port);
  }

  /** One trip, or none, or two; in order, or not. */
  #carry(
    { loss = 0, duplication = 0, reordering = 0 }: DatagramLink,
    channel: Channel,
    arrive: () => void,
  ): void {
    const { random, scheduler, medium } = this;
    // Drawn only where something is to be decided, so that a plain link draws nothing.
    if (loss > 0 && random.chance(loss)) return;
    const trips = duplication > 0 && random.chance(duplication) ? 2 : 1;
    for (let trip = 0; trip < trips; trip++) {
      const strays = reordering > 0 && random.chance(reordering);
      const delay = medium.delay() * (strays ? random.integer(1, DETOUR) : 1);
      scheduler.after(delay, outside, arrive, strays ? undefined : channel);
    }
  }

  #arrive(data: Buffer, from: Endpoint, to: Endpoint): void {
    const all = this.#sockets.filter((socket) => socket.serves(to.address, to.port));
    // As the system does it: by the sender, so that all of its datagrams come to one socket.
    const socket = all[(from.port + from.address.length) % all.length];
    const isSix = socket?.endpoint.address.includes(':') === true;
    if (isSix && !from.address.includes(':')) {
      if (!socket.ipv6Only) socket.arrived({ data, from: { ...from, address: `::ffff:${from.address}` } });
    } else {
      socket?.arrived({ data, from });
    }
  }
}

/** A client's end. */
export class DatagramPeer {
  readonly inbound = new Channel();
  readonly #outbound = new Channel();
  receive: (data: Buffer, from: Endpoint) => void = () => {};

  constructor(
    readonly local: Endpoint,
    public link: DatagramLink,
    private readonly carry: (data: Buffer, to: Endpoint, channel: Channel) => void,
  ) {
    checkDatagramLink(link);
  }

  send(data: Buffer, to: Endpoint): void {
    this.carry(data, to, this.#outbound);
  }

  arrived(data: Buffer, from: Endpoint): void {
    this.receive(data, from);
  }
}

/** A socket for datagrams of the virtual machine: who holds it, who reads from it, and what nobody has read. */
export class VirtualDatagramSocket {
  readonly #readers: Reader[] = [];
  readonly #waiting: Arrived[] = [];
  #waitingBytes = 0;
  #holders = 0;

  constructor(
    readonly endpoint: Endpoint,
    readonly reusePort: boolean,
    readonly ipv6Only: boolean,
    private readonly capacity: number,
    private readonly scheduler: Scheduler,
    private readonly random: Prng,
    private readonly release: (socket: VirtualDatagramSocket) => void,
  ) {}

  serves(host: string, port: number): boolean {
    const { address } = this.endpoint;
    return this.endpoint.port === port && (address === host || ANY_HOST.has(address) || ANY_HOST.has(host));
  }

  /** What finds no room is lost. */
  arrived(arrived: Arrived): void {
    const bytes = arrived.data.length;
    if (this.#waitingBytes + bytes > this.capacity) return;
    this.#waiting.push(arrived);
    this.#waitingBytes += bytes;
    this.#wakeOne();
  }

  hold(): void {
    this.#holders++;
  }

  removeName(): void {}

  letGo(): void {
    if (--this.#holders === 0) this.release(this);
  }

  read(actor: Actor, network: VirtualDatagrams, events: DatagramEvents): DatagramSocket {
    const reader = new Reader(this, actor, network, events, this.scheduler);
    this.hold();
    this.#readers.push(reader);
    this.#wakeAll();
    return reader;
  }

  leave(reader: Reader): void {
    const index = this.#readers.indexOf(reader);
    if (index >= 0) this.#readers.splice(index, 1);
    this.#wakeAll();
  }

  take(): Arrived | undefined {
    const arrived = this.#waiting.shift();
    this.#waitingBytes -= arrived?.data.length ?? 0;
    return arrived;
  }

  #wakeAll(): void {
    for (let i = 0; i < this.#waiting.length; i++) this.#wakeOne();
  }

  /** Several processes that read from one socket race for each datagram; who is blocked takes part only when all are. */
  #wakeOne(): void {
    const awake = this.#readers.filter(({ actor }) => !actor.hung);
    const reader = this.random.pick(awake.length > 0 ? awake : this.#readers);
    if (reader !== undefined)
      this.scheduler.after(GRAIN * this.random.integer(0, 2), reader.actor, () => reader.wake());
  }
}

class Reader implements DatagramSocket, Resource {
  #state: 'reading' | 'stopped' | 'closed' = 'reading';
  readonly buffered = 0;

  constructor(
    private readonly socket: VirtualDatagramSocket,
    readonly actor: Actor,
    private readonly network: VirtualDatagrams,
    private readonly events: DatagramEvents,
    private readonly scheduler: Scheduler,
  ) {
    actor.resources.add(this);
  }

  get endpoint(): Endpoint {
    return this.socket.endpoint;
  }

  wake(): void {
    const arrived = this.#state === 'reading' ? this.socket.take() : undefined;
    if (arrived !== undefined) this.events.receive(arrived.data, arrived.from);
  }

  send(data: Buffer, address: string, port: number): void {
    if (this.#state === 'closed' || !this.actor.alive) return;
    if (port === 0) this.events.failed(systemError('EINVAL', `send to port 0 of ${address}`));
    else this.network.send(data, this.socket.endpoint, address, port);
  }

  stop(): void {
    if (this.#state !== 'reading') return;
    this.#state = 'stopped';
    this.socket.leave(this);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.actor.alive) return;
      this.actor.resources.delete(this);
      this.abandon();
      this.scheduler.after(GRAIN, this.actor, resolve);
    });
  }

  abandon(): void {
    if (this.#state === 'closed') return;
    this.stop();
    this.#state = 'closed';
    this.socket.letGo();
  }
}

function placeOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}
