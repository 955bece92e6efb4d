import { NodeFiles } from '@shoal/core/internal/platform/node/files';
import type { FramingInput, SettingsInput } from '@shoal/core/internal/config/load';
import type { TcpListenerInput } from '@shoal/core/internal/config/listeners';
import { isStream } from '@shoal/core/internal/config/limits';
import { createDispatch } from '@shoal/core/internal/dispatch/create-dispatch';
import { SharedCounts } from '@shoal/core/internal/dispatch/shared-counts';
import { createFraming } from '@shoal/core/internal/framing/create-framing';
import type { AdoptReason, Introduction, Settlement } from '@shoal/core/internal/pipe/messages';
import type {
  BoundListener,
  ByteStream,
  DatagramEvents,
  DatagramOptions,
  DatagramSocket,
  Listener,
  LogRecord,
  Network,
  StreamEvents,
  TlsServer,
} from '@shoal/core/internal/platform/platform';
import { ConnectionIds } from '@shoal/core/internal/pipe/connection-ids';
import type { Uid } from '@shoal/core/internal/pipe/orders';
import type { DatagramDelivery, Delivery, Loss, WorkerPort } from '@shoal/core/internal/reactor/delivery';
import { doorMemory } from '@shoal/core/internal/reactor/door/door-memory';
import { Reactor } from '@shoal/core/internal/reactor/reactor';
import type { WorkerSlot } from '@shoal/core/internal/reactor/worker-slot';
import { keptLog } from '../log-lines.js';
import { ManualClock } from '../pipe/manual-clock.js';
import { flow, MemoryStream, type Choice } from '../pipe/memory-stream.js';
import { settingsOf } from '../settings.js';

export type ListenerOptions = Partial<Omit<TcpListenerInput, 'type'>>;

const lines = { kind: 'delimiter', bytes: [10], strip: true } satisfies FramingInput;

/** A client, at the other end of an accepted stream. */
export class Client implements StreamEvents {
  received = '';
  /** In the order in which they were told. */
  readonly told: string[] = [];

  constructor(
    readonly stream: MemoryStream,
    /** The server's end. */
    readonly served: MemoryStream,
  ) {
    stream.start(this);
  }

  send(text: string | Buffer): void {
    this.stream.write(Buffer.from(text as string, 'latin1'));
  }

  data(chunk: Buffer): void {
    this.received += chunk.toString('latin1');
  }

  end(): void {
    this.told.push('end');
  }

  drain(): void {}

  close(error: Error | undefined): void {
    this.told.push(error === undefined ? 'close' : 'reset');
  }
}

/** A worker that does what the test says, and nothing by itself. */
export class FakePort implements WorkerPort {
  readonly pid = 7;
  readonly log: string[] = [];
  /** What it was given and has not settled, in that order. */
  unsettled: Delivery[] = [];
  /** Told of every packet that it is given. */
  onPacket: (delivery: Delivery) => void = () => {};

  constructor(
    readonly incarnation: number,
    private readonly slot: WorkerSlot,
  ) {}

  countPackets(): number {
    return this.unsettled.filter(({ kind }) => kind === 'packet').length;
  }

  connect(delivery: Delivery, { attempt }: Introduction): void {
    this.#take(delivery, attempt === 1 ? 'connect' : `connect, attempt ${attempt}`);
  }

  adopt(delivery: Delivery, { reason }: Introduction, state: Buffer | undefined): void {
    this.#take(delivery, `adopt ${reason}${state === undefined ? '' : ` with ${state.toString()}`}`);
  }

  packet(delivery: Delivery): void {
    const { attempt, answered } = delivery;
    const again = attempt > 1 ? ` (attempt ${attempt}, answered ${answered})` : '';
    this.#take(delivery, `${textOf(delivery)}${again}${delivery.suspect ? ' alone' : ''}`);
    this.onPacket(delivery);
  }

  datagram(delivery: DatagramDelivery): void {
    this.packet(delivery);
  }

  close(delivery: Delivery, reason: string): void {
    this.#take(delivery, `close ${reason}`);
  }

  introduce(connectionId: number): void {
    this.log.push(`introduce ${connectionId}`);
  }

  cancel(connectionId: number): void {
    this.log.push(`cancel ${connectionId}`);
  }

  buffer(connectionId: number, full: boolean): void {
    this.log.push(`${full ? 'full' : 'empty'} ${connectionId}`);
  }

  forget(connectionId: number): void {
    this.log.push(`forget ${connectionId}`);
  }

  bound(connectionId: number, uid: Uid): void {
    this.log.push(`bound ${connectionId} ${uid}`);
  }

  inputEnded(connectionId: number): void {
    this.log.push(`input ended ${connectionId}`);
  }

  taken(ticket: number): void {
    this.log.push(`taken ${ticket}`);
  }

  retire(): void {
    this.log.push('retire');
  }

  flush(): void {}

  readBegins(): void {}

  readEnds(): void {}

  /** Settles the first `count`, or all that it has now. */
  settle(count = this.unsettled.length, how: Settlement = 'handled'): void {
    for (const delivery of this.unsettled.splice(0, count)) this.slot.settled(delivery, how);
  }

  settleOne(delivery: Delivery, how: Settlement = 'handled'): void {
    this.unsettled.splice(this.unsettled.indexOf(delivery), 1);
    this.slot.settled(delivery, how);
  }

  find(text: string): Delivery {
    const found = this.unsettled.find((delivery) => delivery.kind === 'packet' && textOf(delivery) === text);
    if (found === undefined) throw new Error(`the worker has no packet ${text}`);
    return found;
  }

  /** Answers what it has now: each packet with itself in brackets, then settles it. */
  echo(): void {
    for (const delivery of [...this.unsettled]) {
      const answer = Buffer.from(`[${textOf(delivery)}]`, 'latin1');
      if (delivery.kind === 'packet') delivery.connection.send(answer, 0, answer.length, this.pid);
      this.settleOne(delivery);
    }
  }

  die(loss: Partial<Loss> = {}): void {
    const unsettled = this.unsettled;
    this.unsettled = [];
    const reason: AdoptReason = 'workerLost';
    this.slot.lost({
      port: this,
      unsettled,
      started: true,
      blameless: false,
      alone: undefined,
      reason,
      ...loss,
    });
  }

  #take(delivery: Delivery, entry: string): void {
    this.log.push(entry);
    this.unsettled.push(delivery);
  }
}

export function textOf({ buffer, start, end }: Delivery): string {
  return buffer.toString('latin1', start, end);
}

class FakeNetwork implements Network {
  readonly passed = [];
  readonly reusePort = true;
  readonly accept: ((stream: ByteStream) => void)[] = [];
  closed = 0;

  async listen(_options: unknown, accept: (stream: ByteStream) => void): Promise<Listener> {
    this.accept.push(accept);
    return { endpoint: { address: '127.0.0.1', port: 9501 }, close: async () => void this.closed++ };
  }

  examineTls(): [] {
    return [];
  }

  ticketKeys(): string {
    return '';
  }

  tlsServer(): TlsServer {
    throw new Error('there is no TLS in this world');
  }

  bind(): Promise<BoundListener> {
    throw new Error('a reactor binds nothing');
  }

  readonly datagrams: DatagramEvents[] = [];
  readonly sentDatagrams: string[] = [];
  /** Bytes that its sockets claim to hold. */
  buffered = 0;

  async openDatagrams(_options: DatagramOptions, events: DatagramEvents): Promise<DatagramSocket> {
    this.datagrams.push(events);
    const buffered = (): number => this.buffered;
    return {
      endpoint: { address: '127.0.0.1', port: 9502 },
      get buffered() {
        return buffered();
      },
      send: (data, address, port) => void this.sentDatagrams.push(`${address}:${port} ${data.toString()}`),
      stop: () => void this.closed++,
      close: async () => void this.closed++,
    };
  }

  bindDatagrams(): Promise<BoundListener> {
    throw new Error('a reactor binds nothing');
  }

  adoptDatagrams(
    _bound: BoundListener,
    options: DatagramOptions,
    events: DatagramEvents,
  ): Promise<DatagramSocket> {
    return this.openDatagrams(options, events);
  }

  adopt(_bound: BoundListener, options: unknown, accept: (stream: ByteStream) => void): Promise<Listener> {
    return this.listen(options, accept);
  }
}

/** A reactor among fakes: clients at one side, workers at the other. */
export class ReactorWorld {
  readonly network: FakeNetwork;
  readonly #streams: MemoryStream[] = [];
  #incarnation = 0;

  private constructor(
    readonly clock: ManualClock,
    readonly reactor: Reactor,
    readonly lines: readonly LogRecord[],
    network: FakeNetwork,
  ) {
    this.network = network;
  }

  static async open(
    listener: ListenerOptions = {},
    input: Partial<SettingsInput> = {},
  ): Promise<ReactorWorld> {
    const listeners = [{ type: 'tcp' as const, port: 0, name: 'chat', framing: lines, ...listener }];
    const settings = settingsOf({ workerNum: 1, listeners, ...input });
    const clock = new ManualClock();
    const { logger, lines: logged } = keptLog();
    const network = new FakeNetwork();
    const ids = ConnectionIds.ofReactor(0, 1);
    const counts = new SharedCounts(SharedCounts.memoryFor(settings.workerNum), settings.workerNum);
    const dispatch = await createDispatch(settings, ids.step, counts, clock, logger);
    const framings = await Promise.all(
      settings.listeners.map(async (each) => (isStream(each) ? createFraming(each.framing) : undefined)),
    );
    const reactor = new Reactor({
      clock,
      files: new NodeFiles(),
      network,
      logger,
      settings,
      ids,
      dispatch,
      framings,
      door: doorMemory(settings, { next: () => 0.5 }),
      observe: undefined,
    });
    const world = new ReactorWorld(clock, reactor, logged, network);
    for (const index of settings.listeners.keys()) await reactor.listen(index);
    return world;
  }

  get stats(): ReturnType<Reactor['stats']> & { readonly refused: Readonly<Record<string, number>> } {
    return this.reactor.stats();
  }

  /** A worker takes the place. */
  worker(id = 0): FakePort {
    const slot = this.reactor.slots[id]!;
    const port = new FakePort(++this.#incarnation, slot);
    slot.ready(port);
    this.reactor.workerIsReady();
    return port;
  }

  client(capacity = 1_000_000): Client {
    const [served, stream] = MemoryStream.pair(capacity);
    const client = new Client(stream, served);
    this.#streams.push(served, stream);
    this.network.accept[0]!(served);
    return client;
  }

  /** Lets everything move that can. */
  flow(choose?: Choice): void {
    flow(this.clock, this.#streams, choose);
  }

  /** Whether every packet that was taken is accounted for. */
  balance(): { accepted: number; ended: number } {
    const { acceptedPackets, handledPackets, outstandingPackets, refused } = this.stats;
    const lost = (refused['CLOSED'] ?? 0) + (refused['PACKET_POISON'] ?? 0);
    return { accepted: acceptedPackets, ended: handledPackets + outstandingPackets + lost };
  }
}
