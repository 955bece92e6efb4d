/**
 * Base mode: the worker owns its sockets. Its reactor and its conversations
 * meet in this file, without a pipe between them; to either side it looks like
 * the other world, so that both are the same code in both modes.
 *
 * What conversations answer gathers until the end of the turn and is applied
 * then: first the bytes, then the settlements, each in the order in which they
 * came.
 */
import type { DatagramTarget } from '../config/datagram-target.js';
import { LARGEST_DATAGRAM, streamListener } from '../config/limits.js';
import type { DeliveredEvent } from '../events/facts.js';
import type { ForeignSends } from '../mesh/foreign-sends.js';
import { largestSend } from '../config/limits.js';
import {
  LocalDirectory,
  type ConnectionDirectory,
  type ConnectionOwner,
} from '../directory/connection-directory.js';
import type { OrderFrame, Request, Uid } from '../pipe/orders.js';
import { joinParts, type Part } from '../pipe/parts.js';
import { DATAGRAM_LANE, type FileRequest, type Introduction, type Settlement } from '../pipe/messages.js';
import type { ReactorCounters } from '../pipe/counters.js';
import { Receipt } from '../pipe/receipt.js';
import { Outstanding } from '../pipe/outstanding.js';
import type { Clock } from '../platform/platform.js';
import {
  isPacket,
  type Client,
  type DatagramDelivery,
  type Delivery,
  type WorkerPort,
} from '../reactor/delivery.js';
import type { Reactor } from '../reactor/reactor.js';
import type { WorkerSlot } from '../reactor/worker-slot.js';
import type { LinkEvents } from './reactor-link.js';
import type { Sender, Settler, SocketOwner } from './socket-owner.js';
import type { Sockets } from './sockets.js';

/** What one connection gets at the end of the turn. */
interface Turn {
  readonly connection: Client;
  readonly sender: Settler;
  readonly parts: Part[];
  bytes: number;
  readonly settled: { readonly delivery: Delivery; readonly how: Settlement }[];
}

/** What gathers is applied early from this size on, in bytes. */
const EARLY_BYTES = 256 * 1024;

export class OwnSockets implements Sockets, SocketOwner, ConnectionOwner, WorkerPort {
  readonly outlives = false;
  readonly owners: readonly SocketOwner[] = [this];
  readonly directory: ConnectionDirectory;
  readonly congested = false;
  /** What it owns it serves to the end. */
  readonly retired = false;
  readonly flushed = true;
  /** What waits for clients on pinned connections, by ticket. */
  readonly #held = new Map<number, { readonly sender: Sender; readonly bytes: number }>();
  #heldBytes = 0;
  #lastTicket = 0;
  readonly #outstanding = new Outstanding<Delivery>();
  #turns: Turn[] = [];
  #gathered = 0;
  #scheduled = false;
  /** Who settles datagrams by replies. */
  readonly #lane: Settler = { id: DATAGRAM_LANE, unacknowledged: 0, pressed: false, eased() {} };
  /** Inside a read of a socket, which applies at its end. */
  #reading = false;

  constructor(
    readonly incarnation: number,
    readonly pid: number,
    private readonly workerId: number,
    private readonly reactor: Reactor,
    private readonly slot: WorkerSlot,
    private readonly clock: Clock,
    private readonly events: LinkEvents,
    /** The way to what other workers own. */
    private readonly foreign: ForeignSends,
    others: ConnectionDirectory,
  ) {
    this.directory = new LocalDirectory(
      true,
      (id) => (this.reactor.connection(id) === undefined ? others.ownerOf(id) : this),
      () => [this, ...others.owners()],
    );
  }

  // As the worker of the reactor.

  connect(delivery: Delivery, introduction: Introduction): void {
    const { id } = delivery.connection;
    const seq = this.#take('connect', delivery);
    this.events.open('connect', id, seq, introduction, undefined, this);
  }

  adopt(delivery: Delivery, introduction: Introduction, state: Buffer | undefined): void {
    const { id } = delivery.connection;
    const seq = this.#take('adopt', delivery);
    this.events.open('adopt', id, seq, introduction, state, this);
  }

  /** With those that are settled at the end of this turn, which nobody has counted yet. */
  countPackets(): number {
    let count = this.#outstanding.count(isPacket);
    for (const { settled } of this.#turns)
      for (const { delivery } of settled) if (isPacket(delivery)) count++;
    return count;
  }

  packet(delivery: Delivery): void {
    const seq = this.#take('receive', delivery);
    const { connection, buffer, start, end } = delivery;
    const conversation = this.events.find(connection.id);
    if (conversation === undefined) this.#settleNow(seq, 'discarded');
    else conversation.packet(seq, buffer, start, end, 1, 0, false);
  }

  datagram(delivery: DatagramDelivery): void {
    const seq = this.#outstanding.add(delivery);
    const { remote, listener, arrivedAt, buffer: data, packet: datagram, attempt } = delivery;
    const { address, port } = remote;
    if (this.reactor.observe !== undefined) {
      const to = { owner: 0, worker: this.pid, workerId: this.workerId, seq, attempt };
      this.reactor.observe({ kind: 'datagramDelivered', datagram, ...to });
    }
    // Written out: to copy an object that holds a number as large as a time costs V8 many microseconds.
    this.events.datagram(this, seq, {
      listener,
      address,
      port,
      arrivedAt,
      data,
      attempt: 1,
      answered: 0,
      isolated: false,
    });
  }

  close(delivery: Delivery, reason: string): void {
    const seq = this.#take('close', delivery);
    const conversation = this.events.find(delivery.connection.id);
    if (conversation === undefined) this.#settleNow(seq, 'handled');
    else conversation.end(seq, reason, false);
  }

  introduce(connectionId: number, introduction: Introduction): void {
    this.events.open('introduce', connectionId, 0, introduction, undefined, this);
  }

  cancel(connectionId: number): void {
    this.events.find(connectionId)?.cancel();
  }

  buffer(connectionId: number, full: boolean): void {
    this.events.find(connectionId)?.marked(full);
  }

  forget(connectionId: number): void {
    this.events.forget(connectionId);
  }

  bound(connectionId: number, uid: Uid): void {
    this.events.bound(connectionId, uid);
  }

  inputEnded(connectionId: number): void {
    this.events.find(connectionId)?.inputEnded();
  }

  taken(ticket: number): void {
    const { sender, bytes } = this.#held.get(ticket)!;
    this.#held.delete(ticket);
    this.#heldBytes -= bytes;
    sender.unacknowledged -= bytes;
    if (sender.pressed) sender.eased();
  }

  /** In this mode a connection stays with the worker that owns its socket, to its end. */
  retire(): void {}

  flush(): void {
    this.#apply();
  }

  readBegins(): void {
    this.#reading = true;
  }

  /** Only the answers of one socket have gathered: written now, they leave while their bytes are warm. */
  readEnds(): void {
    this.#reading = false;
    if (this.#turns.length > 0) this.#apply();
  }

  // As the owner of the sockets.

  admits(sender: Sender, bytes: number): boolean {
    const { socketBufferSize, packageMaxLength } = streamListener(
      this.reactor.settings,
      sender.introduction.listener,
    );
    const waiting = sender.unacknowledged;
    if (waiting + bytes > socketBufferSize && (waiting > 0 || bytes > packageMaxLength)) return false;
    return this.#gathered + this.#heldBytes + bytes <= this.reactor.settings.reactorMemoryLimit;
  }

  settle(sender: Settler, seq: number, how: Settlement): void {
    const delivery = this.#outstanding.settle(seq);
    if (delivery === undefined) return;
    this.#turnOf(delivery.connection, sender).settled.push({ delivery, how });
  }

  answer(
    sender: Settler,
    seq: number,
    parts: readonly Part[],
    bytes: number,
    state: Buffer | undefined,
    ends: boolean,
  ): void {
    const delivery = this.#outstanding.settle(seq);
    if (delivery === undefined) return;
    if (state !== undefined) delivery.connection.state = state;
    const turn = this.#turnOf(delivery.connection, sender);
    this.#gather(turn, parts, bytes);
    turn.settled.push({ delivery, how: 'handled' });
    if (ends) this.end(sender.id, false);
  }

  send(sender: Sender, parts: readonly Part[], bytes: number): void {
    const connection = this.reactor.connection(sender.id);
    if (connection !== undefined) this.#gather(this.#turnOf(connection, sender), parts, bytes);
  }

  keepState(sender: Sender, state: Buffer): void {
    const connection = this.reactor.connection(sender.id);
    if (connection !== undefined) connection.state = state;
  }

  ownerOf(): this {
    return this;
  }

  sendTo(connectionId: number, data: Part, bytes: number): boolean {
    const connection = this.reactor.connection(connectionId);
    if (connection === undefined) return this.foreign.send(connectionId, data, bytes);
    const buffer = joinParts([data], bytes);
    connection.send(buffer, 0, buffer.length, this.pid);
    return true;
  }

  order({ headBytes, parts, bytes }: OrderFrame): boolean {
    if (bytes - headBytes > largestSend(this.reactor.settings)) return false;
    // What was sent before goes out before it.
    this.#sendAll();
    const buffer = joinParts(parts, bytes);
    this.reactor.desk.order(headBytes, buffer, 0, bytes, this.pid);
    return true;
  }

  async request(request: Request): Promise<unknown> {
    return this.reactor.desk.answer(request);
  }

  /** The system takes it at once, or it is bounded by the socket. */
  reserveDatagram(bytes: number): boolean {
    return bytes <= LARGEST_DATAGRAM;
  }

  sendDatagram(
    { listener, address, port }: DatagramTarget,
    data: Part,
    bytes: number,
    seq: number | undefined,
    settles: boolean,
  ): void {
    this.reactor.datagrams.send(listener, address, port, joinParts([data], bytes), this.pid);
    const delivery = settles && seq !== undefined ? this.#outstanding.settle(seq) : undefined;
    if (delivery === undefined) return;
    this.#turnOf(delivery.connection, this.#lane).settled.push({ delivery, how: 'handled' });
  }

  sendWait(connectionId: number, data: Part, bytes: number): Promise<void> | Error {
    const connection = this.reactor.connection(connectionId);
    if (connection === undefined) return this.foreign.sendWait(connectionId, data, bytes);
    // What was sent before goes out before it.
    this.#sendAll();
    const receipt = new Receipt(connectionId);
    const buffer = joinParts([data], bytes);
    connection.sendAndTell(buffer, 0, buffer.length, this.pid, (how) => receipt.settled(how));
    return receipt.promise;
  }

  sendFile(connectionId: number, request: FileRequest): Promise<void> | Error {
    const connection = this.reactor.connection(connectionId);
    if (connection === undefined) return this.foreign.sendFile(connectionId, request);
    this.#sendAll();
    const receipt = new Receipt(connectionId);
    connection.sendFile(request, (how, error) => {
      if (error !== undefined) receipt.failed(error);
      receipt.settled(how);
    });
    return receipt.promise;
  }

  read(connectionId: number, paused: boolean): boolean {
    const connection = this.reactor.connection(connectionId);
    if (connection === undefined) return this.foreign.read(connectionId, paused);
    connection.read(paused);
    return true;
  }

  end(connectionId: number, reset: boolean): boolean {
    const connection = this.reactor.connection(connectionId);
    if (connection === undefined) return this.foreign.end(connectionId, reset);
    // What was sent before the end goes out before it.
    if (!reset) this.#apply();
    if (reset) connection.abort('server');
    else connection.finish('server');
    return true;
  }

  pin(connectionId: number): void {
    this.reactor.connection(connectionId)?.pin(this, this.slot);
  }

  write(sender: Sender, parts: readonly Part[], bytes: number): void {
    const connection = this.reactor.connection(sender.id);
    // What was sent before the connection became a stream goes first.
    this.#sendAll();
    sender.unacknowledged += bytes;
    this.#heldBytes += bytes;
    const ticket = ++this.#lastTicket;
    this.#held.set(ticket, { sender, bytes });
    const buffer = joinParts(parts, bytes);
    connection?.send(buffer, 0, buffer.length, this.pid);
    if (connection?.holds(ticket) !== true) this.taken(ticket);
  }

  endOutput(connectionId: number): void {
    this.#sendAll();
    this.reactor.connection(connectionId)?.finishOutput();
  }

  endLate(connectionId: number): void {
    this.#sendAll();
    this.reactor.connection(connectionId)?.finishLate();
  }

  notePending(seq: number): void {
    const delivery = this.#outstanding.get(seq);
    if (delivery !== undefined) this.slot.hold(delivery);
  }

  giveUp(_sender: Settler, seq: number): void {
    // What was settled before it is settled before it here, too.
    this.#apply();
    const delivery = this.#outstanding.settle(seq);
    if (delivery !== undefined) this.slot.giveUp(delivery);
  }

  overflow(connectionId: number): void {
    this.reactor.connection(connectionId)?.overflow();
  }

  announceAlone(): void {}

  announceAloneOver(): void {}

  async ready(): Promise<void> {
    this.slot.ready(this);
    this.reactor.workerIsReady();
  }

  leave(): void {
    this.#apply();
  }

  stats(): ReactorCounters {
    return this.reactor.stats();
  }

  /** What gathers for the connection: the last turn if it is the connection's, else a new one. */
  #turnOf(connection: Client, sender: Settler): Turn {
    const last = this.#turns[this.#turns.length - 1];
    if (last?.connection === connection) return last;
    const turn: Turn = { connection, sender, parts: [], bytes: 0, settled: [] };
    this.#turns.push(turn);
    if (!this.#reading) this.#schedule();
    return turn;
  }

  #gather(turn: Turn, parts: readonly Part[], bytes: number): void {
    for (const part of parts) turn.parts.push(part);
    turn.bytes += bytes;
    turn.sender.unacknowledged += bytes;
    this.#gathered += bytes;
    if (this.#gathered >= EARLY_BYTES) this.#sendAll();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.clock.defer(this.#applyDeferred);
  }

  readonly #applyDeferred = (): void => {
    this.#scheduled = false;
    this.#apply();
  };

  #apply(): void {
    while (this.#turns.length > 0) {
      // All bytes before the first settlement: that may start handlers, and what those send comes later.
      this.#sendAll();
      const turns = this.#turns;
      this.#turns = [];
      for (const turn of turns) {
        for (const { delivery, how } of turn.settled) this.slot.settled(delivery, how);
      }
    }
  }

  #sendAll(): void {
    for (const turn of this.#turns) this.#send(turn);
  }

  #send(turn: Turn): void {
    const { bytes, connection, sender } = turn;
    if (bytes === 0) return;
    const buffer = joinParts(turn.parts, bytes);
    turn.parts.length = 0;
    turn.bytes = 0;
    this.#gathered -= bytes;
    connection.send(buffer, 0, buffer.length, this.pid);
    sender.unacknowledged -= bytes;
    if (sender.pressed) sender.eased();
  }

  /** Keeps the delivery until it is settled, under the number that this returns. */
  #take(event: DeliveredEvent, delivery: Delivery): number {
    const seq = this.#outstanding.add(delivery);
    const { connection, packet, attempt } = delivery;
    this.reactor.observe?.({
      kind: 'delivered',
      connection: connection.id,
      event,
      packet,
      worker: this.pid,
      workerId: this.workerId,
      seq,
      attempt,
    });
    return seq;
  }

  #settleNow(seq: number, how: Settlement): void {
    const delivery = this.#outstanding.settle(seq);
    if (delivery !== undefined) this.slot.settled(delivery, how);
  }
}
