/**
 * The sockets for datagrams of one reactor: what comes goes to workers through
 * `DatagramListener`, and what any process of the server sends leaves here.
 */
import { isStream } from '../config/limits.js';
import type { DatagramListenerSettings, Settings } from '../config/load.js';
import { CLOSE, DISCARD, type DispatchPolicy } from '../dispatch/dispatch.js';
import { factText, type Observe } from '../events/facts.js';
import type { Logger } from '../log.js';
import { addressBytesOf, numberOf } from '../pipe/datagram-head.js';
import type { Ledger } from '../pipe/ledger.js';
import type { BoundListener, Clock, DatagramSocket, Endpoint, Network } from '../platform/platform.js';
import { datagramOptions, type ListenPlace } from '../topology/listen-options.js';
import type { DatagramDelivery } from './delivery.js';
import { DatagramListener, type DatagramHost, type NoRoute } from './datagram-listener.js';
import type { WorkerSlot } from './worker-slot.js';

/** One line for each kind of trouble and this many ms. */
const LOG_INTERVAL_MS = 10_000;

/** What datagrams need of the reactor that they belong to. */
export interface DatagramOwner {
  readonly clock: Clock;
  readonly observe: Observe | undefined;
  readonly settings: Settings;
  readonly slots: readonly WorkerSlot[];
  readonly counters: { acceptedPackets: number; handledPackets: number };
  readonly ledger: Ledger;
  refuse(reason: string): void;
  readonly isReady: (workerId: number) => boolean;
  /** Everything that was accepted may be settled now. */
  checkDrained(): void;
}

interface Opened {
  readonly socket: DatagramSocket;
  readonly listener: DatagramListener;
}

export class Datagrams implements DatagramHost {
  readonly clock: Clock;
  readonly observe: Observe | undefined;
  readonly counters: DatagramOwner['counters'];
  readonly ledger: Ledger;
  /** By index of the listener. */
  readonly #opened = new Map<number, Opened>();
  #count = 0;
  readonly #lastLog = new Map<string, number>();
  /** What a worker is looked for. */
  #asked: DatagramDelivery | undefined;

  constructor(
    private readonly owner: DatagramOwner,
    private readonly network: Network,
    private readonly dispatch: DispatchPolicy,
    private readonly logger: Logger,
  ) {
    this.clock = owner.clock;
    this.observe = owner.observe;
    this.counters = owner.counters;
    this.ledger = owner.ledger;
  }

  /** Rejects with the system's error. */
  async open(index: number, place: ListenPlace): Promise<Endpoint> {
    const options = datagramOptions(this.#settingsOf(index), place);
    return this.#keep(index, async (listener) => this.network.openDatagrams(options, listener));
  }

  /** Reads from a socket that another process has bound. */
  async adopt(index: number, bound: BoundListener): Promise<Endpoint> {
    const options = datagramOptions(this.#settingsOf(index));
    return this.#keep(index, async (listener) => this.network.adoptDatagrams(bound, options, listener));
  }

  /** Packets that no worker has yet. */
  get waiting(): number {
    let count = 0;
    for (const { listener } of this.#opened.values()) count += listener.waiting;
    return count;
  }

  get idle(): boolean {
    for (const { listener } of this.#opened.values()) if (!listener.idle) return false;
    return true;
  }

  pump(): void {
    for (const { listener } of this.#opened.values()) listener.pump();
  }

  /** Reads nothing more. */
  drain(): void {
    for (const { listener, socket } of this.#opened.values()) {
      listener.drain();
      socket.stop();
    }
  }

  giveUp(): void {
    for (const { listener } of this.#opened.values()) listener.giveUp();
  }

  async close(): Promise<void> {
    const all = [...this.#opened.values()];
    this.#opened.clear();
    await Promise.all(all.map(async ({ socket }) => socket.close()));
  }

  /** Sends what lies in a frame: `buffer[start, end)` begins with the address. */
  sendFrame(port: number, count: number, buffer: Buffer, start: number, end: number, pid: number): void {
    const from = start + addressBytesOf(count);
    this.send(numberOf(count), buffer.toString('latin1', start, from), port, buffer.subarray(from, end), pid);
  }

  /** Sends for the process `pid`; what the system does not take in time is dropped and counted. */
  send(index: number, address: string, port: number, data: Buffer, pid: number): void {
    const opened = this.#opened.get(index);
    if (opened === undefined) {
      this.owner.refuse('DATAGRAM_NOT_SENT');
      return;
    }
    const { socket, listener } = opened;
    if (socket.buffered + data.length > this.owner.settings.socketBufferSize) {
      this.owner.refuse('OUTPUT_OVERFLOW');
      return;
    }
    socket.send(data, address, port);
    if (this.observe === undefined) return;
    const { name } = listener.settings;
    const content = { bytes: data.length, data: factText(data) };
    this.observe({ kind: 'datagramWritten', listener: name, address, port, worker: pid, ...content });
  }

  // What the listeners ask.

  routeDatagram(delivery: DatagramDelivery): WorkerSlot | NoRoute {
    const { slots, isReady } = this.owner;
    const canTake = this.dispatch.sticky ? isReady : this.#canTake;
    this.#asked = delivery;
    const answer = this.dispatch.pick(delivery, canTake, delivery);
    if (answer >= 0) return slots[answer]!;
    if (answer === DISCARD) return 'DISPATCH_DISCARDED';
    if (answer === CLOSE) return 'DISPATCH_CLOSED';
    let reason: NoRoute = 'NO_WORKER';
    for (const slot of slots) {
      const isMeant = delivery.choice < 0 || delivery.choice === slot.workerId;
      if (!isMeant || slot.port === undefined) continue;
      slot.block(delivery);
      reason = 'WINDOW_FULL';
    }
    return reason;
  }

  nextDatagram(): number {
    return ++this.#count;
  }

  refuse(reason: string): void {
    this.owner.refuse(reason);
  }

  datagramOver(): void {
    this.owner.checkDrained();
  }

  poisoned({ name }: DatagramListenerSettings, { address, port }: Endpoint): void {
    const message = `refused a packet of listener ${name}: its worker died while it was running alone`;
    this.#warn('PACKET_POISON', message, { code: 'PACKET_POISON', address, port });
  }

  socketFailed({ name }: DatagramListenerSettings, error: Error): void {
    this.owner.refuse('DATAGRAM_NOT_SENT');
    this.#warn('DATAGRAM_NOT_SENT', `the socket of listener ${name} failed: ${error.message}`, { error });
  }

  readonly #canTake = (workerId: number): boolean => {
    const slot = this.owner.slots[workerId];
    return slot?.port !== undefined && slot.admits(this.#asked!);
  };

  #settingsOf(index: number): DatagramListenerSettings {
    const settings = this.owner.settings.listeners[index]!;
    if (isStream(settings)) throw new Error(`listener ${settings.name} takes no datagrams`);
    return settings;
  }

  async #keep(
    index: number,
    open: (listener: DatagramListener) => Promise<DatagramSocket>,
  ): Promise<Endpoint> {
    const listener = new DatagramListener(index, this.#settingsOf(index), this);
    const socket = await open(listener);
    this.#opened.set(index, { listener, socket });
    return socket.endpoint;
  }

  #warn(kind: string, message: string, fields: Record<string, unknown>): void {
    const now = this.clock.now();
    const last = this.#lastLog.get(kind);
    if (last !== undefined && now - last < LOG_INTERVAL_MS) return;
    this.#lastLog.set(kind, now);
    this.logger.warn(message, fields);
  }
}
