/**
 * What one connection has gone through so far, and the rules that hold for it.
 *
 * Everything is checked against another witness than the one that claims it:
 * what the owner of the socket acknowledges against what handlers did in the
 * worker, what it writes against what handlers sent, and what a client got
 * against what was written.
 */
import { isSticky } from '@shoal/core/internal/config/dispatch-modes';
import type {
  ConfiguredFact,
  ConfiguredListener,
  DeliveredEvent,
  ReactorFact,
  WorkerFact,
} from '@shoal/core/internal/events/facts';
import type { Rule } from './violation.js';
import { Marks } from './marks.js';
import { Output } from './output.js';

type FactOf<Kind extends ReactorFact['kind'] | WorkerFact['kind']> = Extract<
  ReactorFact | WorkerFact,
  { kind: Kind }
>;

/** An event is refused as poison at the third death in a row of a worker that has it. */
const POISON_DEATHS = 3;

/** A packet that is accepted and not settled. */
interface Packet {
  readonly bytes: number;
  /** Pid of the worker that has it. */
  worker: number | undefined;
  /** Its handler has settled in that worker. */
  handled: boolean;
  /** Then: how much that worker had sent by then, in all and in the turn in which it settled. */
  sent: number;
  sentInTurn: number;
  /** Then: whether it had closed the connection. */
  ended: boolean;
  /** Then: whether it was given up for its timeout. */
  timedOut: boolean;
  /** How often a lost worker gave it back. */
  returns: number;
  /** Which attempt the worker that has it was told. */
  attempt: number;
  /** How often a handler of it began. */
  starts: number;
  /** Pid of the worker that started it last. */
  startedBy: number | undefined;
}

/** One event in the hands of one worker. */
interface Given {
  readonly event: DeliveredEvent;
  readonly packet: number;
}

/** What the connection means to one worker. */
interface Part {
  readonly given: Map<number, Given>;
  /** Numbers of the events whose handlers run, with the times at which they began. */
  readonly running: Map<number, number>;
  introducing: boolean;
  closing: boolean;
  lastGiven: number;
  lastStarted: number;
  /** The last packet that the reader of the stream has taken. */
  lastTaken: number;
  /** The turn in which it last sent something, and how much it had sent before. */
  sendingTurn: number;
  sentBefore: number;
  /** How much it had sent when it started its last event. */
  sentAtStart: number;
  /** One of its handlers has closed the connection. */
  ended: boolean;
}

export interface StoryHost {
  readonly settings: ConfiguredFact;
  /** Grows with every turn of any process. */
  readonly turn: number;
  lives(pid: number): boolean;
  /** What a process has sent to one connection was written there; `place` among all that it has sent. */
  wroteToOne(connection: number, pid: number, place: number): void;
  report(rule: Rule, message: string, connection: number): void;
}

/** What a packet costs in a window beside its bytes, as `maxQueuedBytes` documents. */
export const PACKET_OVERHEAD_BYTES = 64;

export class ConnectionStory {
  readonly output: Output;
  readonly marks: Marks;
  /** `client`, `server` …: why it is closed; undefined while it is not. */
  closedBy: string | undefined;
  /** A handler has closed it. */
  endedByHandler = false;
  /** A handler of it was given up for its timeout. */
  timedOut = false;
  /** The worker that has given a handler of it up, and that lives. */
  #givenUpBy: number | undefined;
  /** A packet is settled whose handler has closed it, so that it has to close. */
  mustEnd = false;
  readonly #packets = new Map<number, Packet>();
  readonly #parts = new Map<number, Part>();
  #accepted = 0;
  /** No packet below this number waits for a handler. */
  #cursor = 1;
  #refusedAsClosed = 0;
  #poisoned = false;
  /** Deaths of workers that had begun its close, or its introduction, and had not settled that. */
  #eventDeaths = 0;
  #connected = false;
  #connectGiven = false;
  #closeAcknowledged = false;
  #unsettledCharge = 0;
  #unsettled = 0;
  /** Pid of the worker that got its last event. */
  #servedBy: number | undefined;
  /** Pid of the worker that it lives and dies with. */
  #pinnedTo: number | undefined;
  /** A worker has read something of it as a stream. */
  #wasRead = false;
  /** What was settled without its answer, unless the connection was about to be closed. */
  #unwritten: string | undefined;

  constructor(
    readonly id: number,
    readonly listener: ConfiguredListener,
    /** Pid of the process that owns the socket. */
    readonly owner: number,
    private readonly host: StoryHost,
  ) {
    this.output = new Output(
      (message) => this.#report('bytes', message),
      (pid, place) => host.wroteToOne(id, pid, place),
    );
    this.marks = new Marks((message) => this.#report('order', message));
  }

  /** Packets that are neither settled nor refused. */
  get unsettled(): number {
    return this.#packets.size;
  }

  get pinned(): boolean {
    return this.#pinnedTo !== undefined;
  }

  /**
   * Whether what came is read as a stream, and dropped with it. A worker may have
   * begun that, and its connection have ended before the owner of the socket heard of it.
   */
  get #isStream(): boolean {
    return this.pinned || this.#wasRead || this.listener.streams === true;
  }

  /** Whether all that it was sent is from the stream that it is pinned for, which waits for the client. */
  get isStreamOnly(): boolean {
    return this.#pinnedTo !== undefined && this.output.isOnlyOf(this.#pinnedTo);
  }

  isPinnedTo(pid: number): boolean {
    return this.#pinnedTo === pid;
  }

  /** Whether a handler of it runs in a process that lives. */
  get runs(): boolean {
    for (const [pid, part] of this.#parts) if (part.running.size > 0 && this.host.lives(pid)) return true;
    return false;
  }

  /** Bytes of a packet that is not settled. */
  sizeOf(packet: number): number {
    return this.#packets.get(packet)?.bytes ?? 0;
  }

  /** A handler has ended it, by a close or by its timeout: what waits behind it is refused. */
  get #endedHere(): boolean {
    return this.endedByHandler || this.timedOut;
  }

  get #sticky(): boolean {
    const { mode, dispatchMode } = this.host.settings;
    return isSticky({ mode, dispatchMode });
  }

  // What the owner of the socket tells.

  packet({ packet, bytes }: FactOf<'packet'>): void {
    if (packet !== this.#accepted + 1) this.#report('order', `packet ${packet} came after ${this.#accepted}`);
    this.#accepted = packet;
    this.#packets.set(packet, {
      bytes,
      worker: undefined,
      handled: false,
      sent: 0,
      sentInTurn: 0,
      ended: false,
      timedOut: false,
      returns: 0,
      attempt: 1,
      starts: 0,
      startedBy: undefined,
    });
  }

  delivered({ event, packet, worker, seq, attempt }: FactOf<'delivered'>): void {
    const part = this.#part(worker);
    this.#servedBy = worker;
    part.given.set(seq, { event, packet });
    this.#checkPin(event, worker);
    if (event === 'connect' && this.#connected) this.#report('order', 'is connected a second time');
    if (!this.#sticky) this.#checkUnordered(event);
    else if (event === 'adopt' || event === 'connect') this.#checkMove(worker);
    if (event === 'adopt' && !this.#connected) this.#report('order', 'is adopted before it is connected');
    if (event === 'close' && this.#closeAcknowledged) this.#report('close', 'gets a second close event');
    if (event === 'receive') this.#deliveredPacket(packet, worker, part, attempt);
  }

  acknowledged({ event, packet, discarded }: FactOf<'acknowledged'>): void {
    if (event === 'receive') {
      this.#acknowledgedPacket(packet, discarded);
      return;
    }
    for (const [pid, { running, given }] of this.#parts) {
      if (!this.host.lives(pid)) continue;
      for (const seq of running.keys()) {
        const kind = given.get(seq)?.event;
        const same = event === 'close' ? kind === 'close' : kind === 'connect' || kind === 'adopt';
        if (same) this.#report('settlement', `its ${kind} is settled while the handler still runs`);
      }
    }
    this.#eventDeaths = 0;
    if (event === 'introduction') this.#connected = true;
    else if (this.#closeAcknowledged) this.#report('close', 'its close is settled twice');
    else this.#closeAcknowledged = true;
  }

  pin({ worker }: FactOf<'pinned'>): void {
    if (this.#pinnedTo !== undefined) this.#report('order', `is pinned to a second worker, pid ${worker}`);
    this.#pinnedTo = worker;
  }

  inputEnded(): void {
    if (this.#packets.size > 0)
      this.#report(
        'order',
        `its end of input is told before ${this.#packets.size} packets that came earlier`,
      );
  }

  /** A pinned connection goes to no other worker while its own lives, and afterwards only to be closed. */
  #checkPin(event: DeliveredEvent, worker: number): void {
    if (this.#pinnedTo === undefined || this.#pinnedTo === worker) return;
    if (this.host.lives(this.#pinnedTo) || event === 'receive')
      this.#report('order', `is pinned to pid ${this.#pinnedTo}, and pid ${worker} gets its ${event}`);
  }

  /** What is left of the order where each packet goes to some worker: connect is given first, and close when all is settled. */
  #checkUnordered(event: DeliveredEvent): void {
    const { enableUnsafeEvent, dispatchModule } = this.host.settings;
    if (event === 'adopt' || (event !== 'receive' && enableUnsafeEvent !== true))
      this.#report('order', `gets ${event} in a dispatch mode that has none`);
    if (event === 'connect') this.#connectGiven = true;
    // A dispatch module may discard any of them.
    if (enableUnsafeEvent !== true || dispatchModule === true) return;
    if (event === 'receive' && !this.#connectGiven) this.#report('order', 'gets a packet before its connect');
    if (event === 'close' && (!this.#connected || this.#unsettled > 0))
      this.#report('order', `gets its close while ${this.#unsettled} packets or its connect are not settled`);
  }

  /** A connection changes its worker only when nothing of it is with the one before. */
  #checkMove(worker: number): void {
    for (const [packet, entry] of this.#packets) {
      if (entry.worker === undefined || entry.worker === worker || !this.host.lives(entry.worker)) continue;
      this.#report('order', `goes to pid ${worker} while pid ${entry.worker} has packet ${packet} of it`);
    }
  }

  returned({ packet, planned }: FactOf<'returned'>): void {
    const entry = this.#packets.get(packet);
    if (entry === undefined) {
      this.#report('settlement', `packet ${packet} is given back though it is settled`);
      return;
    }
    const { worker, handled, sent, sentInTurn } = entry;
    if (this.#pinnedTo !== undefined && !planned)
      this.#report('settlement', `packet ${packet} is given back though the connection is pinned`);
    if (worker !== undefined && handled && sentInTurn > 0 && this.output.writtenOf(worker) >= sent)
      this.#report(
        'settlement',
        `packet ${packet} is given back though the answer that settled it was written`,
      );
    if (planned && entry.startedBy !== undefined && entry.startedBy === worker)
      this.#report('settlement', `packet ${packet} is given back as not started, and its handler had begun`);
    this.#release(entry);
    // Who has given back what it had not started may pin the connection then, and gets it again.
    if (planned && worker !== undefined)
      this.#part(worker).lastGiven = Math.min(this.#part(worker).lastGiven, packet - 1);
    if (!planned) entry.returns++;
    entry.handled = entry.timedOut = false;
    entry.worker = undefined;
    if (packet < this.#cursor) this.#cursor = packet;
  }

  refused({ packet, reason }: FactOf<'refused'>): void {
    const entry = this.#packets.get(packet);
    if (reason === 'CLOSED') this.#refusedAsClosed++;
    if (reason === 'WORKER_LOST' && this.listener.onWorkerLost === 'redeliver')
      this.#report(
        'lost',
        `packet ${packet} is refused because its worker was lost, and should be delivered again`,
      );
    if (reason === 'PINNED_LOST' && (this.#pinnedTo === undefined || this.host.lives(this.#pinnedTo)))
      this.#report('lost', `packet ${packet} is refused because a worker was lost that it was not pinned to`);
    if (reason === 'PACKET_POISON') {
      this.#poisoned = true;
      if (entry !== undefined && entry.returns < POISON_DEATHS - 1)
        this.#report('lost', `packet ${packet} is refused as poison after ${entry.returns + 1} deaths`);
    }
    if (entry === undefined) {
      this.#report('settlement', `packet ${packet} is refused though it is settled`);
      return;
    }
    if (reason === 'HANDLER_TIMEOUT' && !entry.timedOut)
      this.#report('lost', `packet ${packet} is refused for a timeout that its handler has not exceeded`);
    this.#release(entry);
    this.#packets.delete(packet);
  }

  closed({ reason }: FactOf<'closed'>): void {
    if (this.closedBy !== undefined) this.#report('close', 'is closed twice');
    this.closedBy = reason;
    if (reason === 'client' || reason === 'shutdown') this.#checkWritten();
    this.#unwritten = undefined;
  }

  forgotten(): void {
    if (this.closedBy === undefined) this.#report('close', 'is forgotten before it is closed');
    this.#checkRefused();
    if (this.#packets.size > 0)
      this.#report('lost', `is forgotten with ${this.#packets.size} packets neither handled nor refused`);
    const isPoison = this.closedBy === 'poison' || this.#poisoned || this.#eventDeaths >= POISON_DEATHS;
    const hasEvents = this.#sticky || this.host.settings.enableUnsafeEvent === true;
    const mayLackClose = !hasEvents || isPoison || this.host.settings.dispatchModule === true;
    if (!this.#closeAcknowledged && !mayLackClose)
      this.#report('close', 'is forgotten without a close event');
  }

  // What workers tell, and in `sent` and `ended` every other process that sends.

  started(pid: number, { event, seq, handler }: FactOf<'started'>, time: number): void {
    const part = this.#part(pid);
    const given = part.given.get(seq);
    if (given === undefined) {
      this.#report('order', `${handler} starts number ${seq}, which was not given to its worker`);
      return;
    }
    if (this.#sticky) this.#checkStart(pid, part, given, handler);
    if (event === 'connect' || event === 'adopt') part.introducing = true;
    if (event === 'close') part.closing = true;
    part.running.set(seq, time);
    const entry = this.#packets.get(given.packet);
    if (event === 'receive' && entry !== undefined) {
      entry.starts++;
      entry.startedBy = pid;
    }
    part.sentAtStart = this.output.sentBy(pid);
  }

  /** `place`: among all that this process has sent. */
  sent(pid: number, { bytes, data }: FactOf<'sent'>, place: number): void {
    const part = this.#part(pid);
    if (part.sendingTurn !== this.host.turn) {
      part.sendingTurn = this.host.turn;
      part.sentBefore = this.output.sentBy(pid);
    }
    this.output.sent(pid, { bytes, data, place });
  }

  ended(pid: number): void {
    this.endedByHandler = true;
    this.#part(pid).ended = true;
  }

  settled(
    pid: number,
    { seq, timedOut }: { readonly seq: number; readonly timedOut?: true },
    time: number,
  ): void {
    const part = this.#part(pid);
    const begun = part.running.get(seq);
    if (timedOut === true && begun !== undefined) this.#gaveUp(pid, time - begun);
    part.running.delete(seq);
    const given = part.given.get(seq);
    if (given === undefined) return;
    if (given.event === 'connect' || given.event === 'adopt') part.introducing = false;
    if (given.event !== 'receive') return;
    const entry = this.#packets.get(given.packet);
    if (entry?.worker !== pid) return;
    entry.handled = true;
    entry.timedOut = timedOut === true;
    entry.sent = this.output.sentBy(pid);
    entry.ended = part.ended;
    entry.sentInTurn = this.#sentInSettlingTurn(part, entry.sent);
    if (given.packet === this.#cursor) this.#cursor++;
  }

  /** The reader of its stream has taken a packet, or never will. */
  taken(pid: number, { seq }: FactOf<'taken'>): void {
    const part = this.#part(pid);
    const given = part.given.get(seq);
    if (given === undefined) {
      this.#report('order', `number ${seq} is read by pid ${pid}, which was not given it`);
      return;
    }
    if (given.packet <= part.lastTaken)
      this.#report('order', `packet ${given.packet} is read after packet ${part.lastTaken}`);
    part.lastTaken = given.packet;
    this.#wasRead = true;
    const entry = this.#packets.get(given.packet);
    if (entry?.worker !== pid) return;
    entry.handled = true;
    entry.sent = entry.sentInTurn = 0;
  }

  #gaveUp(pid: number, age: number): void {
    this.timedOut = true;
    this.#givenUpBy = pid;
    const { handlerTimeout } = this.listener;
    if (handlerTimeout === 0) this.#report('order', 'a handler is given up, and none may be');
    else if (age < handlerTimeout)
      this.#report('order', `a handler is given up after ${age} of ${handlerTimeout} ms`);
  }

  /** What the handler that settles has sent in this turn; with several at a time nobody can tell. */
  #sentInSettlingTurn(part: Part, sent: number): number {
    if (part.sendingTurn !== this.host.turn || this.listener.concurrency > 1) return 0;
    return sent - Math.max(part.sentBefore, part.sentAtStart);
  }

  /** The process has ended: what ran there will not settle. */
  processEnded(pid: number): void {
    const part = this.#parts.get(pid);
    part?.running.clear();
    if (part?.introducing === true || (part?.closing === true && !this.#closeAcknowledged))
      this.#eventDeaths++;
    // It may not have come to telling the owner of the socket.
    if (this.#givenUpBy === pid) this.#givenUpBy = undefined;
  }

  /** Its client has got everything, and nothing is on its way. */
  nothingWaits(): void {
    const worker = this.#servedBy;
    if (worker === undefined || this.closedBy !== undefined || this.mustEnd || !this.host.lives(worker))
      return;
    this.marks.nothingWaits(worker);
  }

  /** Nothing is on its way: what is not settled is lost, unless a handler still runs. */
  atRest(): void {
    this.#checkWritten();
    if (this.closedBy === undefined && this.#givenUpBy !== undefined)
      this.#report('close', 'is still open after a handler of it was given up');
    if (this.closedBy === undefined && !this.endedByHandler)
      this.output.atRest((pid) => this.host.lives(pid));
    if (this.closedBy !== undefined && !this.runs) this.#report('close', 'is closed, and never forgotten');
    // A reader may take its time.
    const waitsForReader = this.pinned && this.closedBy === undefined;
    if (this.#packets.size === 0 || this.runs || waitsForReader) return;
    const [[packet, entry]] = this.#packets as unknown as [[number, Packet]];
    const where = entry.worker === undefined ? 'waits in the reactor' : `is with worker pid ${entry.worker}`;
    const done = entry.handled ? ', its handler has settled' : '';
    this.#report(
      'lost',
      `packet ${packet} ${where} for ever${done}; ${this.#packets.size} packets are not settled`,
    );
  }

  /** What a client sent before it left is handled; only a handler's close and poison make it be refused. */
  #checkRefused(): void {
    if (this.#refusedAsClosed === 0 || this.#endedHere || this.#poisoned || this.#isStream) return;
    if (this.closedBy === 'client' || this.closedBy === 'error')
      this.#report('lost', `${this.#refusedAsClosed} packets are refused though only its client closed it`);
  }

  #checkWritten(): void {
    if (this.#unwritten !== undefined && !this.endedByHandler) this.#report('bytes', this.#unwritten);
  }

  #deliveredPacket(packet: number, worker: number, part: Part, attempt: number): void {
    const entry = this.#packets.get(packet);
    if (entry === undefined) {
      this.#report('settlement', `packet ${packet} is given to a worker again after it was settled`);
      return;
    }
    if (entry.worker !== undefined && this.host.lives(entry.worker))
      this.#report('settlement', `packet ${packet} is given to a second worker while the first has it`);
    if (this.#sticky && packet <= part.lastGiven)
      this.#report('order', `packet ${packet} is given after packet ${part.lastGiven}`);
    part.lastGiven = packet;
    this.#checkAttempt(packet, entry, attempt);
    entry.attempt = attempt;
    entry.worker = worker;
    this.#unsettled++;
    this.#unsettledCharge += entry.bytes + PACKET_OVERHEAD_BYTES;
    const { maxQueuedBytes } = this.listener;
    if (this.#unsettledCharge > maxQueuedBytes && this.#unsettled > 1)
      this.#report('bounds', `${this.#unsettledCharge} bytes are with workers, of ${maxQueuedBytes} allowed`);
  }

  /** A later attempt for each worker that has begun it, and for none that was not lost with it. */
  #checkAttempt(packet: number, { starts, returns }: Packet, attempt: number): void {
    if (attempt > returns + 1)
      this.#report('settlement', `packet ${packet} is attempt ${attempt} after ${returns} lost workers`);
    if (attempt < starts + 1)
      this.#report(
        'settlement',
        `packet ${packet} is attempt ${attempt}, and ${starts} workers have begun it`,
      );
  }

  #acknowledgedPacket(packet: number, discarded: boolean): void {
    const entry = this.#packets.get(packet);
    if (entry === undefined) {
      this.#report('settlement', `packet ${packet} is settled twice`);
      return;
    }
    if (!discarded && entry.timedOut)
      this.#report('settlement', `packet ${packet} is settled as handled though its handler was given up`);
    if (!discarded && !entry.handled)
      this.#report('settlement', `packet ${packet} is settled before its handler has settled`);
    if (!discarded && entry.worker !== undefined && this.output.writtenOf(entry.worker) < entry.sent)
      this.#unwritten ??= `packet ${packet} is settled before what its handler sent was written`;
    if (!discarded && entry.ended) this.mustEnd = true;
    // The handler that has pinned the connection may run on beside the stream.
    const inOrder = this.#sticky && this.listener.concurrency === 1 && !this.pinned;
    if (!discarded && inOrder) this.#checkSettledInOrder(packet);
    this.#release(entry);
    // What is discarded is refused next.
    if (discarded) entry.worker = undefined;
    else this.#packets.delete(packet);
  }

  /** With one handler at a time, a settlement that overtakes another leaves a gap if the worker dies in between. */
  #checkSettledInOrder(packet: number): void {
    for (const earlier of this.#packets.keys()) {
      if (earlier < packet)
        this.#report('settlement', `packet ${packet} is settled before packet ${earlier}`);
      return;
    }
  }

  #checkStart(pid: number, part: Part, { event, packet }: Given, handler: string): void {
    for (const [other, { running }] of this.#parts)
      if (other !== pid && running.size > 0 && this.host.lives(other))
        this.#report('order', `${handler} starts while pid ${other} runs a handler of it`);
    if (event !== 'receive') {
      if (part.running.size > 0) this.#report('order', `${handler} starts while another handler of it runs`);
      if (event === 'close') this.#checkClose(handler);
      return;
    }
    if (part.closing) this.#report('order', `packet ${packet} is handled after the close`);
    if (part.introducing) this.#report('order', `packet ${packet} is handled before its connect has settled`);
    if (part.running.size >= this.listener.concurrency)
      this.#report('order', `packet ${packet} is handled beside ${part.running.size} others`);
    if (packet <= part.lastStarted)
      this.#report('order', `packet ${packet} is handled after packet ${part.lastStarted}`);
    part.lastStarted = packet;
    const expected = this.#nextToHandle();
    if (this.listener.concurrency === 1 && packet !== expected)
      this.#report('order', `packet ${packet} is handled before packet ${expected}`);
  }

  #checkClose(handler: string): void {
    const waiting = this.#nextToHandle();
    if (this.#packets.has(waiting) && !this.#endedHere && !this.#isStream)
      this.#report('order', `${handler} starts before packet ${waiting} is handled`);
  }

  /** The first packet that was accepted, not refused, and not handled. */
  #nextToHandle(): number {
    while (this.#cursor <= this.#accepted && this.#packets.get(this.#cursor)?.handled !== false)
      this.#cursor++;
    return this.#cursor;
  }

  #release(entry: Packet): void {
    if (entry.worker === undefined) return;
    this.#unsettled--;
    this.#unsettledCharge -= entry.bytes + PACKET_OVERHEAD_BYTES;
  }

  #part(pid: number): Part {
    let part = this.#parts.get(pid);
    if (part === undefined) {
      part = {
        given: new Map(),
        running: new Map(),
        introducing: false,
        closing: false,
        lastGiven: 0,
        lastStarted: 0,
        lastTaken: 0,
        sendingTurn: -1,
        sentBefore: 0,
        sentAtStart: 0,
        ended: false,
      };
      this.#parts.set(pid, part);
    }
    return part;
  }

  #report(rule: Rule, message: string): void {
    this.host.report(rule, `connection ${this.id}: ${message}`, this.id);
  }
}
