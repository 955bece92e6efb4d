/**
 * One client connection, on the side that owns the socket.
 *
 *            FIN of the client, or drain: what is unsettled is finished first
 *          ┌───────────────────────────────────────────────┐
 *   open ──┤                                               ├─▶ ending ──▶ closed
 *          └── end() by a worker: flush, then FIN ─────────┘   (discards input,
 *                                                               waits for the peer)
 *
 * Bytes become packets in its intake and go to a worker as deliveries, as far as
 * the windows admit; what does not fit waits in its backlog, and the socket is
 * paused. Its whereabouts know which worker that is. The worker's answers come
 * back through `send`. After the last packet a close event follows, and when that
 * is settled the connection is forgotten.
 */
import { ProtocolError, type ProtocolErrorCode } from '../errors.js';
import type { Many } from '../events/facts.js';
import type { AdoptReason, CloseReason, FileRequest, Introduction, Settlement } from '../pipe/messages.js';
import type { Uid } from '../pipe/orders.js';
import type { ByteStream, Endpoint, StreamEvents } from '../platform/platform.js';
import type { Arrival } from './arrival.js';
import { Backlog } from './backlog.js';
import { Bereavement } from './bereavement.js';
import type { ConnectionHost, ListenerContext } from './connection-host.js';
import { Delivery, type Loss, type WorkerPort } from './delivery.js';
import { Intake } from './intake.js';
import { Linger } from './linger.js';
import { Outlet, type OutletHost } from './outlet.js';
import type { Output } from './output.js';
import { bookAccepted, bookHandled, bookRefused } from './packet-books.js';
import { HeldSend } from './pinning.js';
import { Reading, Stop } from './reading.js';
import { Residence } from './residence.js';
import { Roaming } from './roaming.js';
import type { Tell } from './tell.js';
import { introductionOf } from './introduction.js';
import type { Standing } from './standing.js';
import type { Dweller, Whereabouts } from './whereabouts.js';
import type { WorkerSlot } from './worker-slot.js';

export class ClientConnection implements StreamEvents, Dweller, OutletHost {
  state: Buffer | undefined;
  /** When bytes came last, on the platform's clock; kept where silence is looked at. */
  lastReceived: number;
  /** ms since the epoch. */
  readonly connectedAt: number;
  /** `heartbeatIdleTime` and `maxIdleTime` are not for it. */
  isProtected = false;
  /** When it was sent something last; kept where idleness is looked at. */
  lastSent: number | undefined;
  /** Its uid and its groups, once it has any. */
  standing: Standing | undefined;

  readonly intake: Intake;
  readonly backlog: Backlog;
  readonly whereabouts: Whereabouts;
  readonly #outlet: Outlet;
  readonly #reading: Reading;
  #phase: 'open' | 'ending' | 'closed' = 'open';
  #reason: CloseReason | undefined;
  #pumping = false;
  #linger: Linger | undefined;

  constructor(
    readonly id: number,
    readonly listener: ListenerContext,
    stream: ByteStream,
    private readonly reactor: ConnectionHost,
    readonly arrival: Arrival = stream,
  ) {
    const { settings, outlet } = listener;
    this.#outlet = new Outlet(stream, outlet, this);
    this.#reading = new Reading(stream);
    this.intake = new Intake(listener);
    this.backlog = new Backlog(settings.maxQueuedBytes);
    this.lastReceived = listener.timed ? reactor.clock.now() : 0;
    this.connectedAt = reactor.clock.wallTime();
    this.whereabouts = reactor.sticky ? new Residence(this) : new Roaming(this, reactor);
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
    return this.whereabouts.home;
  }

  get slot(): WorkerSlot | undefined {
    return this.whereabouts.slot;
  }

  get pinned(): boolean {
    return this.whereabouts.pinning !== undefined;
  }

  get output(): Output {
    return this.#outlet.output;
  }

  /** Whether nothing can come from the client: we have stopped reading, or its input has ended. Its silence says nothing then. */
  get deaf(): boolean {
    return this.#reading.stopped || this.intake.ended;
  }

  get phase(): 'open' | 'ending' | 'closed' {
    return this.#phase;
  }

  /** Why it ends, or has ended. */
  get reason(): CloseReason {
    return this.#reason ?? 'client';
  }

  /** Neither ending nor closed. */
  get open(): boolean {
    return this.#phase === 'open';
  }

  /** The application has stopped reading it, or has not begun to. */
  get paused(): boolean {
    return this.#reading.has(Stop.paused | Stop.unconfirmed);
  }

  // What the socket says.

  data(chunk: Buffer): void {
    if (this.intake.ended) return;
    if (this.listener.timed) this.lastReceived = this.reactor.clock.now();
    this.intake.push(chunk);
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
    this.output.drained();
  }

  close(error: Error | undefined): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#linger?.cancel();
    this.#reading.close();
    this.output.discard();
    this.#endInput(error === undefined ? 'client' : 'error');
    this.#leaveOthers();
    // After a reset its worker does not read what still waits.
    if (error !== undefined && this.pinned) this.#dropInput('error');
    const { reason } = this;
    this.reactor.observe?.({ kind: 'closed', connection: this.id, reason });
    this.reactor.closed(this, reason);
    this.pump();
    this.whereabouts.cancel();
  }

  // What workers say.

  send(buffer: Buffer, start: number, end: number, pid: number, to?: Many): void {
    if (!this.#takesOutput()) return;
    const taken = this.#outlet.send(buffer, start, end, pid, to);
    if (taken && this.listener.timed) this.lastSent = this.reactor.clock.now();
    // A stream has no holes.
    if (!taken && this.whereabouts.pinning?.port.pid === pid) this.overflow();
  }

  /** The same, and tells when the bytes are with the system, or why they never will be. */
  sendAndTell(buffer: Buffer, start: number, end: number, pid: number, tell: Tell): void {
    if (!this.#takesOutput()) tell('discarded');
    else if (this.#outlet.sendAndTell(buffer, start, end, pid, tell) && this.listener.timed)
      this.lastSent = this.reactor.clock.now();
  }

  sendFile(request: FileRequest, tell: Tell): void {
    if (this.#takesOutput()) this.#outlet.sendFile(request, tell);
    else tell('discarded');
  }

  #takesOutput(): boolean {
    return this.#phase === 'open' && this.whereabouts.pinning?.outputEnded !== true;
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
    if (this.#phase === 'open') this.home?.buffer(this.id, full);
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
    this.backlog.answered += bytes;
  }

  /** Flushes and ends; packets that no worker has yet are refused. */
  finish(reason: CloseReason): void {
    if (this.#phase !== 'open') return;
    this.#dropInput(reason);
    this.#end();
    this.pump();
  }

  /** A dispatch module does not want it: it ends, and no worker hears of it. */
  refuseConnection(): void {
    this.whereabouts.banish();
    this.reactor.refuse('DISPATCH_CLOSED');
    this.finish('dispatch');
  }

  /** Closes without flushing. */
  abort(reason: CloseReason): void {
    if (this.#phase === 'closed') return;
    this.#dropInput(reason);
    this.#phase = 'ending';
    this.#leaveOthers();
    this.output.stream.destroy(true);
  }

  /** One of its listener's times is over. */
  expire(code: ProtocolErrorCode, message: string, reason: CloseReason): void {
    this.#fault(code, message, reason);
  }

  /** Its worker, at the place `slot`, serves it to its end, and no other. */
  pin(port: WorkerPort, slot: WorkerSlot): void {
    if (this.#phase !== 'open' || !this.whereabouts.pin(port, slot)) return;
    this.reactor.observe?.({ kind: 'pinned', connection: this.id, worker: port.pid });
    if (this.intake.ended) this.pump();
  }

  /** Whether what its worker has sent waits for the client: `ticket` is given back when it has taken it. */
  holds(ticket: number): boolean {
    const { pinning } = this.whereabouts;
    if (pinning === undefined || this.#phase !== 'open' || !this.output.busy) return false;
    return this.output.enqueue(new HeldSend(pinning.port, ticket));
  }

  /** Flushes and sends FIN; what the client sends goes on to its worker. */
  finishOutput(): void {
    const { pinning } = this.whereabouts;
    if (this.#phase !== 'open' || pinning === undefined || pinning.outputEnded) return;
    pinning.outputEnded = true;
    this.output.end();
  }

  /** It is pinned to a worker that cannot wait any longer. */
  finishLate(): void {
    if (this.#phase !== 'open') return;
    this.#losePinned();
    this.finish(this.reason);
  }

  /** The time of the server is over, or of the worker that owns the socket. */
  abortLate(): void {
    if (this.#phase === 'open' && this.pinned) this.#losePinned();
    this.abort('shutdown');
  }

  #losePinned(): void {
    this.reactor.counters.pinnedLost++;
    // Also when the client has finished sending: nobody reads that to its end.
    this.#reason = this.reactor.stopping ? 'shutdown' : 'pinnedLost';
  }

  /** Takes no further packet; ends when everything that was accepted is settled. */
  finishWhenSettled(reason: CloseReason): void {
    if (this.pinned) return;
    this.#endInput(reason);
    this.intake.stop();
    this.pump();
  }

  // What the worker's slot says.

  moveTo(port: WorkerPort, reason: AdoptReason | undefined): void {
    this.whereabouts.moveTo(port, reason);
  }

  /** Its uid means another worker, to which it goes as soon as nothing of it is unsettled; one that is pinned stays. */
  moveToSlot(slot: WorkerSlot): void {
    if (this.whereabouts.moveToSlot(slot)) this.pump();
  }

  followPlace(): void {
    this.whereabouts.followPlace();
  }

  introduction(attempt?: number): Introduction {
    return introductionOf(this.listener.index, this.arrival, this.uid, attempt);
  }

  settled(delivery: Delivery, how: Settlement): void {
    this.backlog.over(delivery);
    if (how === 'returned') {
      this.#bereavement().unstarted(delivery);
      this.whereabouts.followOn();
      this.pump();
      return;
    }
    this.backlog.answered = 0;
    const discarded = how === 'discarded';
    this.reactor.observe?.({
      kind: 'acknowledged',
      connection: this.id,
      event: delivery.kind === 'packet' ? 'receive' : delivery.kind,
      packet: delivery.packet,
      discarded,
    });
    if (delivery.kind === 'packet') {
      if (discarded) bookRefused(this.reactor, delivery, delivery.refusal);
      else bookHandled(this.reactor, delivery);
    } else if (delivery.kind === 'introduction') {
      this.whereabouts.settled();
    } else {
      this.forgetEverywhere();
      return;
    }
    const moved = this.backlog.unsettled === 0 && this.whereabouts.followOn();
    if (moved || this.backlog.waiting > 0 || this.#reading.stopped || this.intake.ended) this.pump();
  }

  takeBack(deliveries: readonly Delivery[], loss: Loss, started: number): void {
    const bereavement = this.#bereavement();
    if (this.pinned) {
      bereavement.lostPinned(deliveries, loss);
      if (this.#phase !== 'open') return;
      this.reactor.counters.pinnedLost++;
      // Also when the client has finished sending: nobody answers that.
      this.#reason = 'pinnedLost';
      this.abort('pinnedLost');
      return;
    }
    const { onWorkerLost } = this.listener.settings;
    // A worker that left in order loses only what it could not finish in its time.
    const closes = onWorkerLost === 'close' && (loss.reason !== 'retired' || started > 0);
    if (bereavement.lost(deliveries, loss, onWorkerLost === 'redeliver' ? 0 : started)) {
      this.#fault('PACKET_POISON', 'its worker died while one of its events was running alone', 'poison');
    } else if (closes) {
      this.abort('workerLost');
    }
  }

  /** After `close()` no further packet is handled, also none that comes back. */
  #bereavement(): Bereavement {
    const closed = this.#phase !== 'open' && this.#reason !== 'client' && this.#reason !== 'error';
    return new Bereavement(this.reactor, this.backlog, this.whereabouts, closed);
  }

  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const blocked = !this.#deliver();
    this.#pumping = false;
    this.#reading.set(Stop.window, blocked && !this.intake.ended);
    if (!blocked) this.intake.release();
    this.#chargePartial();
    if (blocked || !this.intake.ended) return;
    const { pinning, introduced } = this.whereabouts;
    if (this.#phase === 'closed') this.whereabouts.close();
    else if (this.#phase === 'open' && pinning !== undefined)
      pinning.tellInputEnd(this, this.reactor.observe);
    else if (this.#phase === 'open' && this.backlog.unsettled === 0 && introduced) this.#end();
  }

  /** Delivers what can be delivered; says whether nothing was left behind. */
  #deliver(): boolean {
    if (!this.whereabouts.giveEvent()) return false;
    while (this.backlog.waiting > 0) {
      // Out of the list first: a handler that runs at once may refuse what waits.
      const delivery = this.backlog.shift()!;
      if (this.whereabouts.give(delivery)) continue;
      this.backlog.unshift(delivery);
      return false;
    }
    const intake = this.intake;
    try {
      for (let read = intake.next(); read !== undefined; read = intake.next()) {
        const { buffer, start, end } = read;
        bookAccepted(this.reactor, this.id, intake.packets, end - start);
        const delivery = new Delivery('packet', this, buffer, start, end, intake.packets);
        if (this.backlog.waiting > 0 || !this.whereabouts.give(delivery)) {
          this.backlog.push(delivery);
          return false;
        }
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.reactor.peerFault(error, this);
      this.#endInput('protocol');
      this.intake.stop();
    }
    return true;
  }

  /** Its last event is settled, or there is none: nobody needs to know it any longer. */
  forgetEverywhere(): void {
    this.whereabouts.forget();
    this.reactor.forget(this);
  }

  /** Keeps the account of bytes that wait to become packets; beyond the reactor's bound the connection is closed. */
  #chargePartial(): void {
    if (this.intake.charge(this.#phase === 'closed' ? 0 : this.intake.partialBytes)) return;
    const message = 'the partial packets of all connections exceed reactorMemoryLimit';
    this.#fault('INPUT_OVERFLOW', message, 'protocol');
  }

  /** Nothing more comes; what is here is handled. */
  #endInput(reason: CloseReason): void {
    this.#reason ??= reason;
    this.intake.end();
  }

  /** The same, and refuses what no worker has. */
  #dropInput(reason: CloseReason): void {
    this.#endInput(reason);
    this.intake.stop();
    for (const packet of this.backlog.clear()) bookRefused(this.reactor, packet, 'CLOSED');
  }

  #fault(code: ProtocolErrorCode, message: string, reason: CloseReason): void {
    this.reactor.peerFault(new ProtocolError(code, message), this);
    this.abort(reason);
  }

  /** Flushes, sends FIN, and reads on without listening, so that no unread byte turns the end into a reset. */
  #end(): void {
    this.#phase = 'ending';
    this.#leaveOthers();
    this.output.end();
    this.#reading.release();
    this.#linger = new Linger(this.reactor.clock, this.output, this.#reason);
  }

  #leaveOthers(): void {
    const { standing, reactor, id } = this;
    if (standing === undefined || standing.hasLeft) return;
    standing.hasLeft = true;
    reactor.left(standing);
    reactor.observe?.({ kind: 'leaves', connection: id });
  }
}
