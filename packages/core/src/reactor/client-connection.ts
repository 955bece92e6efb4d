/**
 * One client connection, on the side that owns the socket.
 *
 *            FIN of the client, or drain: what is unsettled is finished first
 *          ┌───────────────────────────────────────────────┐
 *   open ──┤                                               ├─▶ ending ──▶ closed
 *          └── end() by a worker: flush, then FIN ─────────┘   (discards input,
 *                                                               waits for the peer)
 *
 * Bytes become packets here and go to a worker as deliveries, as far as the
 * windows admit; what does not fit waits here, and the socket is paused. The
 * worker's answers come back through `send`. After the last packet a close
 * event follows, and when that is settled the connection is forgotten.
 */
import type { StreamListenerSettings } from '../config/load.js';
import { ProtocolError, type ProtocolErrorCode } from '../errors.js';
import type { Many, Observe } from '../events/facts.js';
import type { PacketReader } from '../framing/packet-reader.js';
import type { ReaderPool } from '../framing/reader-pool.js';
import type { Ledger } from '../pipe/ledger.js';
import type { AdoptReason, CloseReason, FileRequest, Introduction, Settlement } from '../pipe/messages.js';
import type { Uid } from '../pipe/orders.js';
import type { ClientInfo } from '../pipe/questions.js';
import { Window } from '../pipe/window.js';
import type { ByteStream, Clock, Endpoint, Files, StreamEvents, Timer } from '../platform/platform.js';
import { Acquaintances } from './acquaintances.js';
import type { Arrival } from './arrival.js';
import { Delivery, type Client, type Loss, type WorkerPort } from './delivery.js';
import { Outlet, type OutletHost, type OutletRules } from './outlet.js';
import type { Output } from './output.js';
import { HeldSend, Pinning } from './pinning.js';
import { Reading, Stop } from './reading.js';
import type { Tell } from './tell.js';
import { introductionOf } from './introduction.js';
import type { Standing } from './standing.js';
import type { WorkerSlot } from './worker-slot.js';

/** How long an ending connection may go without progress before it is reset, in ms. */
const LINGER_MS = 10_000;
/** The same while the server stops: nothing is expected of the client but its FIN. */
const SHUTDOWN_LINGER_MS = 1_000;

const NO_BYTES = Buffer.alloc(0);

/** What connections of one listener share. */
export interface ListenerContext {
  readonly index: number;
  readonly settings: StreamListenerSettings;
  readonly readers: ReaderPool;
  readonly outlet: OutletRules;
  /** Whether it matters when bytes come and go. */
  readonly timed: boolean;
}

/** What a connection needs of the reactor that owns it. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly files: Files;
  readonly observe: Observe | undefined;
  /** Bytes that wait for slow clients, on all connections together. */
  readonly outputTotal: Window;
  /** Bytes of partial packets, on all connections together. */
  readonly inputTotal: Window;
  readonly counters: { acceptedPackets: number; handledPackets: number; pinnedLost: number };
  readonly ledger: Ledger;
  /** The server stops, or in base mode the worker. */
  readonly draining: boolean;
  /** In dispatch modes that are not sticky: connect and close are delivered, each to some worker. */
  readonly unorderedEvents: boolean;
  /** The worker for an event, in dispatch modes that are not sticky; `'wait'`: `pump` is called when one can take it. */
  route(connection: ClientConnection, delivery: Delivery): WorkerSlot | 'wait' | 'discard' | 'close';
  /** Counts what is refused: an error code, CLOSED for packets of a connection that was closed, WORKER_LOST, or what a dispatch module refuses. */
  refuse(reason: string): void;
  peerFault(error: ProtocolError, connection: ClientConnection): void;
  /** A file has ended before what was promised of it. */
  brokenFile(error: Error, connection: ClientConnection): void;
  /** The socket is closed; the connection stays known until its last event is settled. */
  closed(connection: ClientConnection, reason: CloseReason): void;
  forget(connection: ClientConnection): void;
  /** It takes nothing more for its client: nobody finds it by its uid or its groups any longer. */
  left(standing: Standing): void;
}

export class ClientConnection implements StreamEvents, Client, OutletHost {
  /** The worker that serves it, in sticky dispatch modes. */
  slot: WorkerSlot | undefined;
  state: Buffer | undefined;
  /** When bytes came last, on the platform's clock; kept where silence is looked at. */
  lastReceived: number;
  /** `heartbeatIdleTime` and `maxIdleTime` are not for it. */
  isProtected = false;
  #lastSent: number | undefined;
  /** Its uid and its groups, once it has any. */
  standing: Standing | undefined;

  /** While bytes of the client wait to become packets. */
  #reader: PacketReader | undefined;
  readonly #outlet: Outlet;
  readonly #output: Output;
  readonly #reading: Reading;
  readonly #window: Window;
  #phase: 'open' | 'ending' | 'closed' = 'open';
  #reason: CloseReason | undefined;
  /** No more bytes are taken from the client. */
  #inputEnded = false;
  /** Bytes that are here may become packets. */
  #framing = true;
  #pumping = false;
  /** Framed, and not with a worker: returned by a loss, or refused by a window. */
  #waiting: Delivery[] = [];
  /** Packets that were accepted so far. */
  #packets = 0;
  /** Deliveries that a worker has and has not settled. */
  #unsettled = 0;
  #unsettledPackets = 0;
  #connected = false;
  #home: WorkerPort | undefined;
  readonly #connectedAt: number;
  #connectAttempts = 0;
  #closeSent = false;
  /** Deaths in a row that hit the introduction, and the close. */
  #introductionDeaths = 0;
  #closeDeaths = 0;
  /** Its introduction is poison: no worker hears of it again. */
  #outcast = false;
  /** Bytes of partial packets that are charged to the reactor. */
  #held = 0;
  /** Bytes that its worker sent since it last settled a packet. */
  #answered = 0;
  /** It was bound to a uid whose worker is another, and has not been there yet. */
  #rebound = false;
  /** Nobody finds it by its uid or its groups any longer. */
  #hasLeft = false;
  /** In dispatch modes that are not sticky. */
  #acquaintances: Acquaintances | undefined;
  /** Its connect or close, which some worker is to get before anything else, in dispatch modes that are not sticky. */
  #event: Delivery | undefined;
  #linger: Timer | undefined;
  /** Its protocol lives in its worker. */
  #pinning: Pinning | undefined;

  constructor(
    readonly id: number,
    readonly listener: ListenerContext,
    private readonly stream: ByteStream,
    private readonly reactor: ConnectionHost,
    private readonly arrival: Arrival = stream,
  ) {
    const { settings, outlet } = listener;
    this.#outlet = new Outlet(stream, outlet, this);
    this.#output = this.#outlet.output;
    this.#reading = new Reading(stream);
    this.#window = new Window(settings.maxQueuedBytes);
    this.lastReceived = listener.timed ? reactor.clock.now() : 0;
    this.#connectedAt = reactor.clock.wallTime();
    if (reactor.unorderedEvents) this.#event = new Delivery('introduction', this, NO_BYTES, 0, 0, 0);
  }

  get concurrency(): number {
    return this.listener.settings.concurrency;
  }

  get listenerName(): string {
    return this.listener.settings.name;
  }

  get remote(): Endpoint {
    return this.arrival.remote;
  }

  get closed(): boolean {
    return this.#phase === 'closed';
  }

  get uid(): Uid | undefined {
    return this.standing?.uid;
  }

  /** The worker that knows it, in sticky dispatch modes. */
  get home(): WorkerPort | undefined {
    return this.#home;
  }

  get pinned(): boolean {
    return this.#pinning !== undefined;
  }

  get info(): ClientInfo {
    const { id, listener, slot, standing, outstandingPackets } = this;
    const { remote, local } = this.arrival;
    return {
      id,
      listener: listener.settings.name,
      remote,
      local,
      workerId: slot?.workerId ?? null,
      connectedAt: this.#connectedAt,
      state: this.#phase,
      outstandingPackets,
      queuedBytes: this.#output.buffered,
      partialBytes: this.partialBytes,
      uid: standing?.uid ?? null,
      groups: standing?.groups.size ?? 0,
      protected: this.isProtected,
      lastReceivedAt: listener.timed ? this.#wallTime(this.lastReceived) : null,
      lastSentAt: this.#lastSent === undefined ? null : this.#wallTime(this.#lastSent),
      paused: this.#reading.has(Stop.paused | Stop.unconfirmed),
    };
  }

  /** A time of the platform's clock, in ms since the epoch. */
  #wallTime(time: number): number {
    const { clock } = this.reactor;
    return Math.round(clock.wallTime() - (clock.now() - time));
  }

  /** Packets that were accepted and are not settled, wherever they are. */
  get outstandingPackets(): number {
    return this.#unsettledPackets + this.#waiting.length;
  }

  get waitingPackets(): number {
    return this.#waiting.length;
  }

  /** Whether nothing can come from the client: we have stopped reading, or its input has ended. Its silence says nothing then. */
  get deaf(): boolean {
    return this.#reading.stopped || this.#inputEnded;
  }

  /** Neither ending nor closed. */
  get open(): boolean {
    return this.#phase === 'open';
  }

  /** Packets that were accepted so far. */
  get packets(): number {
    return this.#packets;
  }

  /** Bytes that have not become a packet. */
  get partialBytes(): number {
    return this.#reader?.buffered ?? 0;
  }

  /** Bytes that were taken for the client so far, those of files included. */
  get sentBytes(): number {
    return this.#output.taken;
  }

  /** Bytes that were taken for the client and that its system has not. */
  get unsentBytes(): number {
    return this.#output.unsent;
  }

  // What the socket says.

  data(chunk: Buffer): void {
    if (this.#inputEnded) return;
    if (this.listener.timed) this.lastReceived = this.reactor.clock.now();
    this.#reader ??= this.listener.readers.take();
    this.#reader.push(chunk);
    const port = this.slot?.port;
    port?.readBegins();
    this.pump();
    port?.readEnds();
  }

  end(): void {
    this.#endInput('client');
    this.pump();
  }

  drain(): void {
    this.#output.drained();
  }

  close(error: Error | undefined): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#linger?.cancel();
    this.#reading.close();
    this.#output.discard();
    this.#endInput(error === undefined ? 'client' : 'error');
    this.#leaveOthers();
    if (this.#pinning !== undefined) this.#leavePinned(error);
    const reason = this.#reason ?? 'client';
    this.reactor.observe?.({ kind: 'closed', connection: this.id, reason });
    this.reactor.closed(this, reason);
    this.pump();
    if (!this.#closeSent) this.#cancel();
  }

  // What workers say.

  send(buffer: Buffer, start: number, end: number, pid: number, to?: Many): void {
    if (!this.#takesOutput()) return;
    const taken = this.#outlet.send(buffer, start, end, pid, to);
    if (taken && this.listener.timed) this.#lastSent = this.reactor.clock.now();
    // A stream has no holes.
    if (!taken && this.#pinning?.port.pid === pid) this.overflow();
  }

  /** The same, and tells when the bytes are with the system, or why they never will be. */
  sendAndTell(buffer: Buffer, start: number, end: number, pid: number, tell: Tell): void {
    if (!this.#takesOutput()) tell('discarded');
    else if (this.#outlet.sendAndTell(buffer, start, end, pid, tell) && this.listener.timed)
      this.#lastSent = this.reactor.clock.now();
  }

  sendFile(request: FileRequest, tell: Tell): void {
    if (this.#takesOutput()) this.#outlet.sendFile(request, tell);
    else tell('discarded');
  }

  #takesOutput(): boolean {
    return this.#phase === 'open' && this.#pinning?.outputEnded !== true;
  }

  /** Stops to read, or reads again; what was framed by then is delivered. */
  read(paused: boolean): void {
    this.#reading.set(Stop.paused, paused);
    if (!paused) this.#reading.set(Stop.unconfirmed, false);
  }

  /** Nothing is read until somebody confirms the connection. */
  awaitConfirmation(): void {
    this.#reading.set(Stop.unconfirmed, true);
  }

  marked(full: boolean): void {
    if (this.#phase === 'open') this.#home?.buffer(this.id, full);
  }

  refuse(reason: string): void {
    this.reactor.refuse(reason);
  }

  brokenFile(error: Error): void {
    this.reactor.brokenFile(error, this);
    this.abort('sendFile');
  }

  /** More waits for the client than may, here or in its worker. */
  overflow(): void {
    if (this.#phase !== 'open') return;
    this.#fault('OUTPUT_OVERFLOW', 'its client does not take what it is sent', 'outputOverflow');
  }

  /** Notes bytes that its worker sent before settling, for `delivery.answered`. */
  noteAnswered(bytes: number): void {
    this.#answered += bytes;
  }

  /** Flushes and ends; packets that no worker has yet are refused. */
  finish(reason: CloseReason): void {
    if (this.#phase !== 'open') return;
    this.#endInput(reason);
    this.#framing = false;
    this.#refuseWaiting();
    this.#end();
    this.pump();
  }

  /** A dispatch module does not want it: it ends, and no worker hears of it. */
  refuseConnection(): void {
    this.#outcast = true;
    this.reactor.refuse('DISPATCH_CLOSED');
    this.finish('dispatch');
  }

  /** Closes without flushing. */
  abort(reason: CloseReason): void {
    if (this.#phase === 'closed') return;
    this.#endInput(reason);
    this.#framing = false;
    this.#refuseWaiting();
    this.#phase = 'ending';
    this.#leaveOthers();
    this.stream.destroy(true);
  }

  /** One of its listener's times is over. */
  expire(code: ProtocolErrorCode, message: string, reason: CloseReason): void {
    this.#fault(code, message, reason);
  }

  /** Its worker, at the place `slot`, serves it to its end, and no other. */
  pin(port: WorkerPort, slot: WorkerSlot): void {
    if (this.#pinning !== undefined || this.#phase !== 'open' || this.#home !== port) return;
    this.#pinning = new Pinning(port);
    // It may have been about to go to the worker of its uid.
    this.#enterSlot(slot);
    this.#rebound = false;
    this.reactor.observe?.({ kind: 'pinned', connection: this.id, worker: port.pid });
    if (this.#inputEnded) this.pump();
  }

  /** Whether what its worker has sent waits for the client: `ticket` is given back when it has taken it. */
  holds(ticket: number): boolean {
    if (this.#pinning === undefined || this.#phase !== 'open' || !this.#output.busy) return false;
    return this.#output.enqueue(new HeldSend(this.#pinning.port, ticket));
  }

  /** Flushes and sends FIN; what the client sends goes on to its worker. */
  finishOutput(): void {
    if (this.#phase !== 'open' || this.#pinning === undefined || this.#pinning.outputEnded) return;
    this.#pinning.outputEnded = true;
    this.#output.end();
  }

  /** It is pinned to a worker that cannot wait any longer. */
  finishLate(): void {
    if (this.#phase !== 'open') return;
    this.reactor.counters.pinnedLost++;
    // Also when the client has finished sending: nobody reads that to its end.
    this.#reason = this.reactor.draining ? 'shutdown' : 'pinnedLost';
    this.finish(this.#reason);
  }

  /** Its socket is closed: after a reset nobody reads what still waits. */
  #leavePinned(error: Error | undefined): void {
    if (error === undefined) return;
    this.#framing = false;
    this.#refuseWaiting();
  }

  /** Takes no further packet; ends when everything that was accepted is settled. */
  finishWhenSettled(reason: CloseReason): void {
    if (this.#pinning !== undefined) return;
    this.#endInput(reason);
    this.#framing = false;
    this.pump();
  }

  // What the worker's slot says.

  moveTo(port: WorkerPort, reason: AdoptReason | undefined): void {
    const before = this.#home;
    if (before === port || this.#pinning !== undefined) return;
    if (before === undefined) {
      this.#introduceAt(port, reason);
    } else if (this.#unsettled === 0) {
      this.#leaveHome(before);
      this.#introduceAt(port, 'retired');
    }
  }

  /** Its uid means another worker, to which it goes as soon as nothing of it is unsettled; one that is pinned stays. */
  moveToSlot(slot: WorkerSlot): void {
    if (this.slot === undefined || slot === this.slot || this.#pinning !== undefined) return;
    this.#enterSlot(slot);
    this.#rebound = true;
    this.followPlace();
    this.pump();
  }

  #enterSlot(slot: WorkerSlot): void {
    if (slot === this.slot) return;
    this.slot?.leave(this);
    this.slot = slot;
    slot.enter(this);
  }

  followPlace(): void {
    const port = this.slot?.port;
    if (this.#home === undefined && port !== undefined) this.moveTo(port, 'bind');
    else this.#followPlace();
  }

  /** Tells those that know the connection whose it is. */
  tellUid(uid: Uid): void {
    this.#home?.bound(this.id, uid);
    this.#acquaintances?.bound(uid);
  }

  /** Everything is settled that a worker had which gets nothing more: it need not know the connection any longer. */
  #leaveHome(home: WorkerPort): void {
    this.#home = undefined;
    home.forget(this.id);
  }

  #introduceAt(port: WorkerPort, reason: AdoptReason | undefined): void {
    if (this.#outcast) return;
    const delivery = new Delivery('introduction', this, NO_BYTES, 0, 0, 0);
    delivery.deaths = this.#introductionDeaths;
    this.#home = port;
    this.#unsettled++;
    const moves = this.#rebound ? 'bind' : reason;
    this.#rebound = false;
    if (this.#connected) {
      port.adopt(
        delivery,
        { ...this.#introduction(), ...(moves !== undefined && { reason: moves }) },
        this.state,
      );
      if (this.#output.full) port.buffer(this.id, true);
    } else {
      this.#connectAttempts++;
      port.connect(delivery, this.#introduction(this.#connectAttempts));
    }
    // Without packets in between the close follows at once.
    if (this.closed && this.#waiting.length > 0) port.cancel(this.id);
  }

  settled(delivery: Delivery, how: Settlement): void {
    this.#unsettled--;
    if (how === 'returned') {
      this.#takeBackUnstarted(delivery);
      this.#followPlace();
      this.pump();
      return;
    }
    this.#answered = 0;
    const discarded = how === 'discarded';
    this.reactor.observe?.({
      kind: 'acknowledged',
      connection: this.id,
      event: delivery.kind === 'packet' ? 'receive' : delivery.kind,
      packet: delivery.packet,
      discarded,
    });
    if (delivery.kind === 'packet') {
      this.#unsettledPackets--;
      this.#window.give(delivery.charge);
      if (discarded) this.#refuse(delivery, delivery.refusal);
      else this.#countHandled(delivery);
    } else if (delivery.kind === 'introduction') {
      this.#connected = true;
      this.#introductionDeaths = 0;
    } else {
      this.#forgetEverywhere();
      return;
    }
    const moved = this.#unsettled === 0 && this.#followPlace();
    if (moved || this.#waiting.length > 0 || this.#reading.stopped || this.#inputEnded) this.pump();
  }

  #countHandled(delivery: Delivery): void {
    this.reactor.counters.handledPackets++;
    if (delivery.attempt === 1) this.reactor.ledger.handled++;
    else this.reactor.ledger.redeliveredAndHandled++;
  }

  /** Goes where the place of its worker is now; says whether it did. */
  #followPlace(): boolean {
    const { slot } = this;
    const home = this.#home;
    if (slot === undefined || home === undefined || home === slot.port || this.#unsettled > 0) return false;
    if (this.#pinning !== undefined) return false;
    this.#leaveHome(home);
    if (slot.port !== undefined) this.#introduceAt(slot.port, 'retired');
    return true;
  }

  /** A worker that retires gives back, in order, what it has not started: as if it had never been given. */
  #takeBackUnstarted(delivery: Delivery): void {
    delivery.pending = false;
    if (delivery.kind === 'close') {
      this.#closeSent = false;
    } else if (delivery.kind === 'introduction') {
      if (!this.#connected) this.#connectAttempts--;
      if (this.slot === undefined) this.#event = delivery;
    } else {
      this.#unsettledPackets--;
      this.#window.give(delivery.charge);
      if (this.#refusesReturned()) {
        this.#refuse(delivery, 'CLOSED');
        return;
      }
      const at = this.#waiting.findIndex(({ packet }) => packet > delivery.packet);
      if (at < 0) this.#waiting.push(delivery);
      else this.#waiting.splice(at, 0, delivery);
      this.reactor.observe?.({
        kind: 'returned',
        connection: this.id,
        packet: delivery.packet,
        planned: true,
      });
    }
  }

  takeBack(deliveries: readonly Delivery[], loss: Loss, started: number): void {
    if (this.#pinning !== undefined) {
      this.#losePinned(deliveries, loss);
      return;
    }
    const returned: Delivery[] = [];
    let poisoned = false;
    if (this.#home === loss.port) this.#home = undefined;
    const { onWorkerLost } = this.listener.settings;
    // A worker that left in order loses only what it could not finish in its time.
    const closes = onWorkerLost === 'close' && (loss.reason !== 'retired' || started > 0);
    const drops = onWorkerLost === 'redeliver' ? 0 : started;
    for (const [index, delivery] of deliveries.entries()) {
      this.#unsettled--;
      if (delivery.kind !== 'packet') {
        poisoned = this.#takeBackEvent(delivery, loss.alone === delivery) || poisoned;
        continue;
      }
      this.#unsettledPackets--;
      this.#window.give(delivery.charge);
      if (loss.alone === delivery) {
        poisoned = true;
        this.#noteRefused(delivery, 'PACKET_POISON');
      } else if (index < drops) {
        this.#refuse(delivery, 'WORKER_LOST');
      } else if (!poisoned && !this.#refusesReturned()) {
        if (returned.length === 0) delivery.answered += this.#answered;
        returned.push(delivery);
        this.reactor.observe?.({
          kind: 'returned',
          connection: this.id,
          packet: delivery.packet,
          planned: !loss.started,
        });
      } else {
        this.#refuse(delivery, 'CLOSED');
      }
    }
    this.#answered = 0;
    this.#waiting = returned.concat(this.#waiting);
    if (poisoned) {
      this.#fault('PACKET_POISON', 'its worker died while one of its events was running alone', 'poison');
    } else if (closes) {
      this.abort('workerLost');
    }
  }

  /** Its protocol has died with its worker: nobody can go on with it. */
  #losePinned(deliveries: readonly Delivery[], { port, alone }: Loss): void {
    if (this.#home === port) this.#home = undefined;
    this.#pinning = undefined;
    this.#answered = 0;
    for (const delivery of deliveries) {
      this.#unsettled--;
      if (delivery.kind !== 'packet') {
        this.#takeBackEvent(delivery, alone === delivery);
        continue;
      }
      this.#unsettledPackets--;
      this.#window.give(delivery.charge);
      this.#refuse(delivery, 'PINNED_LOST');
    }
    this.#refuseWaiting('PINNED_LOST');
    if (this.#phase !== 'open') return;
    this.reactor.counters.pinnedLost++;
    // Also when the client has finished sending: nobody answers that.
    this.#reason = 'pinnedLost';
    this.abort('pinnedLost');
  }

  /** Notes that a worker died with an event of the connection itself; true when that event is poison. */
  #takeBackEvent(delivery: Delivery, alone: boolean): boolean {
    if (delivery.kind === 'close') {
      this.#closeDeaths = delivery.deaths;
      this.#closeSent = false;
    } else {
      this.#introductionDeaths = delivery.deaths;
    }
    if (alone) {
      this.#outcast = true;
    } else if (this.slot === undefined) {
      this.#event = delivery;
      this.#closeSent = delivery.kind === 'close';
    }
    return alone;
  }

  /** After `close()` no further packet is handled, also none that a dead worker gives back. */
  #refusesReturned(): boolean {
    return this.#phase !== 'open' && this.#reason !== 'client' && this.#reason !== 'error';
  }

  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const blocked = !this.#deliver();
    this.#pumping = false;
    this.#reading.set(Stop.window, blocked && !this.#inputEnded);
    if (!blocked) this.#releaseReader();
    this.#chargeHeld();
    if (blocked || !this.#inputEnded) return;
    if (this.#phase === 'closed') this.#sendClose();
    else if (this.#phase === 'open' && this.#pinning !== undefined) this.#tellInputEnd(this.#pinning);
    else if (this.#phase === 'open' && this.#unsettled === 0 && this.#isIntroduced()) this.#end();
  }

  /** It has no packet. One that has failed, or was not asked to the end, is nobody's any more. */
  #releaseReader(): void {
    const reader = this.#reader;
    if (reader === undefined || reader.buffered > 0) return;
    this.#reader = undefined;
    if (this.#framing) this.listener.readers.give(reader);
  }

  /** Behind everything that was read. The connection goes on until the worker ends it. */
  #tellInputEnd(pinning: Pinning): void {
    if (pinning.inputEndTold || this.#unsettledPackets > 0) return;
    pinning.inputEndTold = true;
    this.reactor.observe?.({ kind: 'inputEnded', connection: this.id });
    pinning.port.inputEnded(this.id);
  }

  /** Delivers what can be delivered; says whether nothing was left behind. */
  #deliver(): boolean {
    if (this.#event !== undefined && !this.#giveEvent(this.#event)) return false;
    while (this.#waiting.length > 0) {
      // Out of the list first: a handler that runs at once may refuse what waits.
      const delivery = this.#waiting.shift()!;
      if (this.#give(delivery)) continue;
      this.#waiting.unshift(delivery);
      return false;
    }
    try {
      while (this.#framing && this.#reader?.next()) {
        const { buffer, start, end } = this.#reader;
        this.reactor.counters.acceptedPackets++;
        this.reactor.ledger.accepted++;
        const packet = ++this.#packets;
        this.reactor.observe?.({ kind: 'packet', connection: this.id, packet, bytes: end - start });
        const delivery = new Delivery('packet', this, buffer, start, end, packet);
        if (this.#waiting.length > 0 || !this.#give(delivery)) {
          this.#waiting.push(delivery);
          return false;
        }
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.reactor.peerFault(error, this);
      this.#endInput('protocol');
      this.#framing = false;
    }
    return true;
  }

  #give(delivery: Delivery): boolean {
    const { slot } = this;
    if (slot === undefined) return this.#giveToAny(delivery);
    const port = this.#pinning?.port ?? slot.port;
    if (port === undefined || this.#home !== port) return false;
    if (!this.#window.admits(delivery.charge)) return false;
    if (!slot.admits(delivery)) {
      slot.block(delivery);
      return false;
    }
    this.#send(delivery, slot, port);
    return true;
  }

  /** In dispatch modes that choose a worker for each packet; a dispatch module may also refuse it. */
  #giveToAny(delivery: Delivery): boolean {
    if (!this.#window.admits(delivery.charge)) return false;
    const slot = this.reactor.route(this, delivery);
    if (slot === 'wait') return false;
    if (slot === 'discard') {
      this.#refuse(delivery, 'DISPATCH_DISCARDED');
    } else if (slot === 'close') {
      this.#refuse(delivery, 'DISPATCH_CLOSED');
      this.finish('dispatch');
    } else {
      this.#knownTo().introduceTo(slot, this.closed);
      this.#send(delivery, slot, slot.port!);
    }
    return true;
  }

  #send(delivery: Delivery, slot: WorkerSlot, port: WorkerPort): void {
    this.#window.take(delivery.charge);
    this.#unsettled++;
    this.#unsettledPackets++;
    slot.send(delivery, port);
  }

  /** Gives the connect or the close to some worker; says whether nothing waits for that any longer. */
  #giveEvent(delivery: Delivery): boolean {
    const slot = this.reactor.route(this, delivery);
    if (slot === 'wait') return false;
    this.#event = undefined;
    if (slot === 'discard' || slot === 'close') {
      this.#connected = true;
      if (delivery.kind === 'close') this.#forgetEverywhere();
      else if (slot === 'close') this.refuseConnection();
      return true;
    }
    const port = slot.port!;
    this.#unsettled++;
    if (delivery.kind === 'close') {
      this.#knownTo().introduceTo(slot, false);
      port.close(delivery, this.#reason ?? 'client');
      return true;
    }
    this.#connectAttempts++;
    this.#knownTo().add(slot);
    port.connect(delivery, this.#introduction(this.#connectAttempts));
    if (this.closed) port.cancel(this.id);
    return true;
  }

  #knownTo(): Acquaintances {
    return (this.#acquaintances ??= new Acquaintances(this.id, this.#introduction()));
  }

  /** Packets wait before the close event, and those who handle them should know already. */
  #cancel(): void {
    this.#home?.cancel(this.id);
    this.#acquaintances?.cancel();
  }

  #introduction(attempt?: number): Introduction {
    return introductionOf(this.listener.index, this.arrival, this.uid, attempt);
  }

  /** Whether its worker knows it; always true without connection events. */
  #isIntroduced(): boolean {
    return this.slot === undefined || (this.#home !== undefined && this.#home === this.slot.port);
  }

  #sendClose(): void {
    if (this.#closeSent) return;
    if (this.slot === undefined && this.#unsettled > 0) return;
    if (this.#outcast || (this.slot === undefined && !this.reactor.unorderedEvents)) {
      this.#closeSent = true;
      this.#forgetEverywhere();
      return;
    }
    if (this.slot === undefined) {
      this.#closeSent = true;
      this.#event = new Delivery('close', this, NO_BYTES, 0, 0, 0);
      this.#event.deaths = this.#closeDeaths;
      this.#giveEvent(this.#event);
      return;
    }
    const port = this.#pinning?.port ?? this.slot.port;
    if (port === undefined || this.#home !== port) return;
    this.#closeSent = true;
    this.#unsettled++;
    const delivery = new Delivery('close', this, NO_BYTES, 0, 0, 0);
    delivery.deaths = this.#closeDeaths;
    port.close(delivery, this.#reason ?? 'client');
  }

  /** Its last event is settled, or there is none: nobody needs to know it any longer. */
  #forgetEverywhere(): void {
    this.#acquaintances?.forget();
    this.reactor.forget(this);
  }

  /** Keeps the account of bytes that wait to become packets; beyond the reactor's bound the connection is closed. */
  #chargeHeld(): void {
    const held = this.#phase === 'closed' ? 0 : this.partialBytes;
    const more = held - this.#held;
    if (more === 0) return;
    if (more > 0 && !this.reactor.inputTotal.admits(more)) {
      this.#fault(
        'INPUT_OVERFLOW',
        'the partial packets of all connections exceed reactorMemoryLimit',
        'protocol',
      );
      return;
    }
    this.#held = held;
    this.reactor.inputTotal.take(more);
  }

  #endInput(reason: CloseReason): void {
    this.#reason ??= reason;
    this.#inputEnded = true;
  }

  #fault(code: ProtocolErrorCode, message: string, reason: CloseReason): void {
    this.reactor.peerFault(new ProtocolError(code, message), this);
    this.abort(reason);
  }

  #refuseWaiting(reason = 'CLOSED'): void {
    for (const delivery of this.#waiting) this.#refuse(delivery, reason);
    this.#waiting = [];
  }

  /** Counts a packet that will not be handled. */
  #refuse(delivery: Delivery, reason: string): void {
    this.reactor.refuse(reason);
    this.#noteRefused(delivery, reason);
  }

  #noteRefused({ packet }: Delivery, reason: string): void {
    const { refused } = this.reactor.ledger;
    refused[reason] = (refused[reason] ?? 0) + 1;
    this.reactor.observe?.({ kind: 'refused', connection: this.id, packet, reason });
  }

  /** Flushes, sends FIN, and reads on without listening, so that no unread byte turns the end into a reset. */
  #end(): void {
    this.#phase = 'ending';
    this.#leaveOthers();
    this.#output.end();
    this.#reading.release();
    this.#watchLinger(this.#output.buffered, this.#output.progress);
  }

  #leaveOthers(): void {
    const { standing, reactor, id } = this;
    if (standing === undefined || this.#hasLeft) return;
    this.#hasLeft = true;
    reactor.left(standing);
    reactor.observe?.({ kind: 'leaves', connection: id });
  }

  #watchLinger(buffered: number, progress: number): void {
    const patience = this.#reason === 'shutdown' ? SHUTDOWN_LINGER_MS : LINGER_MS;
    this.#linger = this.reactor.clock.setTimer(patience, () => {
      const { busy, buffered: now, progress: done } = this.#output;
      if (busy && (now < buffered || done > progress)) this.#watchLinger(now, done);
      // Without a reset when nothing is left here: what the system has still gets through.
      else this.stream.destroy(busy);
    });
  }
}
