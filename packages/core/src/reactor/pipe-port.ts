import type { DeliveredEvent } from '../events/facts.js';
import { addressBytesOf, addressWord } from '../pipe/datagram-head.js';
import { readU32 } from '../pipe/frame.js';
import {
  FrameFlag,
  FrameKind,
  type AdoptReason,
  type Hello,
  type Introduction,
  type Settlement,
} from '../pipe/messages.js';
import type { Uid } from '../pipe/orders.js';
import type { Pipe, PipeEvents } from '../pipe/pipe.js';
import { isPacket, type DatagramDelivery, type Delivery, type WorkerPort } from './delivery.js';
import { takeRequest, type Asker } from './client-requests.js';
import type { Reactor } from './reactor.js';
import type { WorkerSlot } from './worker-slot.js';

/**
 * A worker at the other end of a pipe. Turns deliveries into frames, and the
 * worker's frames into what happens to connections.
 */
export class PipePort implements WorkerPort, Asker, PipeEvents<Delivery> {
  readonly incarnation: number;
  readonly pid: number;
  #alone: Delivery | 'other' | undefined;
  #goodbye: { readonly unstarted: boolean } | undefined;
  #retired = false;

  constructor(
    hello: Hello,
    private readonly pipe: Pipe<Delivery>,
    private readonly slot: WorkerSlot,
    private readonly reactor: Reactor,
    /** The reason when the framework ends this worker itself, else undefined. */
    private readonly blameless: (incarnation: number) => AdoptReason | undefined,
    private readonly onLost: (port: PipePort) => void,
  ) {
    this.incarnation = hello.incarnation;
    this.pid = hello.pid;
  }

  connect(delivery: Delivery, introduction: Introduction): void {
    const body = Buffer.from(JSON.stringify(introduction));
    const seq = this.pipe.message(
      FrameKind.connect,
      flagsOf(delivery),
      0,
      delivery.connection.id,
      0,
      0,
      body,
      0,
      body.length,
      delivery,
    );
    this.#observe('connect', delivery, seq);
  }

  adopt(delivery: Delivery, introduction: Introduction, state: Buffer | undefined): void {
    const text = Buffer.from(JSON.stringify(introduction));
    const body = state === undefined ? text : Buffer.concat([text, state]);
    const seq = this.pipe.message(
      FrameKind.adopt,
      flagsOf(delivery),
      0,
      delivery.connection.id,
      text.length,
      0,
      body,
      0,
      body.length,
      delivery,
    );
    this.#observe('adopt', delivery, seq);
  }

  countPackets(): number {
    return this.pipe.countOutstanding(isPacket);
  }

  packet(delivery: Delivery): void {
    const flags = flagsOf(delivery);
    const { connection, buffer, start, end, attempt, answered } = delivery;
    const aux = Math.min(attempt, 0xffff);
    const word = Math.min(answered, 0xffff_ffff);
    const { id } = connection;
    const seq = this.pipe.message(FrameKind.packet, flags, aux, id, word, 0, buffer, start, end, delivery);
    this.#observe('receive', delivery, seq);
  }

  datagram(delivery: DatagramDelivery): void {
    const { buffer, attempt, answered, remote, listener, arrivedAt, packet } = delivery;
    const { address, port } = remote;
    const addressBytes = Buffer.byteLength(address);
    const seq = this.pipe.messageParts(
      FrameKind.datagram,
      flagsOf(delivery),
      arrivedAt,
      ((listener << 16) | port) >>> 0,
      addressWord(addressBytes, answered),
      [address, buffer],
      addressBytes + buffer.length,
      delivery,
      Math.min(attempt, 0xffff),
    );
    const { pid, slot, reactor } = this;
    const to = { owner: reactor.index, worker: pid, workerId: slot.workerId, seq, attempt };
    reactor.observe?.({ kind: 'datagramDelivered', datagram: packet, ...to });
  }

  close(delivery: Delivery, reason: string): void {
    const body = Buffer.from(reason);
    const seq = this.pipe.message(
      FrameKind.close,
      flagsOf(delivery),
      0,
      delivery.connection.id,
      0,
      0,
      body,
      0,
      body.length,
      delivery,
    );
    this.#observe('close', delivery, seq);
  }

  introduce(connectionId: number, introduction: Introduction): void {
    this.pipe.control(FrameKind.introduce, 0, connectionId, 0, Buffer.from(JSON.stringify(introduction)));
  }

  cancel(connectionId: number): void {
    this.pipe.control(FrameKind.cancel, 0, connectionId);
  }

  buffer(connectionId: number, full: boolean): void {
    this.pipe.control(full ? FrameKind.bufferFull : FrameKind.bufferEmpty, 0, connectionId);
  }

  settle(seq: number, how: Settlement): void {
    this.pipe.settle(seq, how);
  }

  fail(connectionId: number, seq: number, error: Buffer): void {
    this.pipe.control(FrameKind.sendFile, 0, connectionId, seq, error);
  }

  forget(connectionId: number): void {
    this.pipe.control(FrameKind.forget, 0, connectionId);
  }

  bound(connectionId: number, uid: Uid): void {
    this.pipe.control(
      FrameKind.response,
      FrameFlag.unasked,
      connectionId,
      0,
      Buffer.from(JSON.stringify(uid)),
    );
  }

  /** It gets no further event. */
  get retired(): boolean {
    return this.#retired;
  }

  retire(): void {
    this.#retired = true;
    this.pipe.control(FrameKind.retire);
    this.pipe.flush();
    const { pid, slot } = this;
    this.reactor.observe?.({ kind: 'retired', worker: pid, workerId: slot.workerId });
  }

  inputEnded(connectionId: number): void {
    this.pipe.control(FrameKind.inputEnded, 0, connectionId);
  }

  taken(seq: number): void {
    this.pipe.settle(seq);
  }

  flush(): void {
    this.pipe.flush();
  }

  /** What several sockets bring in one turn goes out in one write. */
  readBegins(): void {}

  readEnds(): void {}

  /** Another incarnation takes the place: whatever this one still says is ignored. */
  fence(): void {
    this.pipe.abandon();
    const unsettled = this.pipe.takeOutstanding();
    // What it said of its handlers may be out of date, and the rest is not heard: anything may have been started.
    for (const delivery of unsettled) delivery.pending = false;
    this.#lose(unsettled);
  }

  // The pipe's events.

  frame(
    kind: number,
    flags: number,
    aux: number,
    id: number,
    seq: number,
    word: number,
    count: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    switch (kind) {
      case FrameKind.answer:
        this.#answer(flags, id, word, count, buffer, start, end);
        this.pipe.settle(seq);
        return;
      case FrameKind.send:
        if ((flags & FrameFlag.tells) !== 0)
          takeRequest(this.reactor, this, kind, flags, id, seq, buffer, start, end);
        else if (!this.#send(id, seq, buffer, start, end)) this.pipe.settle(seq);
        return;
      case FrameKind.sendFile:
      case FrameKind.read:
        takeRequest(this.reactor, this, kind, flags, id, seq, buffer, start, end);
        return;
      case FrameKind.sendTo:
        this.#sendTo(flags, aux, word, count, buffer, start, end);
        this.pipe.settle(seq);
        return;
      case FrameKind.end:
        this.#end(id, flags, seq);
        return;
      case FrameKind.order:
        this.reactor.desk.order(count, buffer, start, end, this.pid);
        this.pipe.settle(seq);
        return;
      case FrameKind.request:
        this.pipe.control(FrameKind.response, 0, id, seq, this.reactor.desk.request(buffer, start, end));
        return;
      case FrameKind.pin:
        this.reactor.connection(id)?.pin(this, this.slot);
        return;
      case FrameKind.state:
        this.#keepState(id, buffer, start, end);
        return;
      case FrameKind.ready:
        this.slot.ready(this);
        this.reactor.workerIsReady();
        this.pipe.control(FrameKind.serving);
        this.pipe.flush();
        return;
      case FrameKind.goodbye:
        this.#goodbye = { unstarted: (flags & FrameFlag.unstarted) !== 0 };
        return;
      case FrameKind.pending: {
        const delivery = this.pipe.entry(seq);
        if (delivery === undefined) return;
        delivery.pending = true;
        this.slot.hold(delivery);
        return;
      }
      case FrameKind.alone:
        this.#alone = (flags & FrameFlag.mine) !== 0 ? this.pipe.entry(seq) : 'other';
        return;
      case FrameKind.aloneOver:
        this.#alone = undefined;
    }
  }

  settled(delivery: Delivery, how: Settlement): void {
    this.slot.settled(delivery, how);
  }

  turn(): void {}

  drained(): void {}

  closed(): void {
    this.#lose(this.pipe.takeOutstanding());
  }

  #lose(unsettled: readonly Delivery[]): void {
    const blameless = this.blameless(this.incarnation);
    // One that was told to retire is killed for being late, which is nobody's fault.
    const planned = this.#goodbye !== undefined || this.#retired;
    this.onLost(this);
    this.slot.lost({
      port: this,
      unsettled,
      started: this.#goodbye?.unstarted !== true,
      blameless: planned || blameless !== undefined,
      alone: planned || blameless !== undefined ? undefined : this.#alone,
      // One that leaves in order, and was not told to, has lost its manager.
      reason: blameless ?? (this.#retired ? 'retired' : planned ? 'managerLost' : 'workerLost'),
    });
  }

  #observe(event: DeliveredEvent, { connection, packet, attempt }: Delivery, seq: number): void {
    const { pid, slot } = this;
    this.reactor.observe?.({
      kind: 'delivered',
      connection: connection.id,
      event,
      packet,
      worker: pid,
      workerId: slot.workerId,
      seq,
      attempt,
    });
  }

  #answer(
    flags: number,
    id: number,
    first: number,
    count: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    const delivery = this.pipe.settleEntry(first);
    const connection = delivery?.connection ?? this.reactor.connection(id);
    let at = start;
    if ((flags & FrameFlag.state) !== 0) {
      const stateEnd = start + 4 + readU32(buffer, start);
      if (connection !== undefined) connection.state = Buffer.from(buffer.subarray(start + 4, stateEnd));
      at = stateEnd;
    }
    if (end > at) connection?.send(buffer, at, end, this.pid);
    if ((flags & FrameFlag.ends) !== 0) connection?.finish('server');
    if (delivery !== undefined) this.slot.settled(delivery, 'handled');
    for (let index = 1; index < count; index++) {
      const next = this.pipe.settleEntry((first + index) >>> 0);
      if (next !== undefined) this.slot.settled(next, 'handled');
    }
  }

  /** Says whether it is settled later, when the client has taken it. */
  #send(id: number, seq: number, buffer: Buffer, start: number, end: number): boolean {
    const connection = this.reactor.connection(id);
    if (connection === undefined) return false;
    connection.send(buffer, start, end, this.pid);
    if (connection.home !== this) return false;
    connection.noteAnswered(end - start);
    return connection.holds(seq);
  }

  #sendTo(
    flags: number,
    port: number,
    replied: number,
    count: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    this.reactor.datagrams.sendFrame(port, count, buffer, start, end, this.pid);
    if ((flags & FrameFlag.settles) !== 0) {
      const delivery = this.pipe.settleEntry(replied);
      if (delivery !== undefined) this.slot.settled(delivery, 'handled');
    } else if ((flags & FrameFlag.replies) !== 0) {
      const delivery = this.pipe.entry(replied);
      if (delivery !== undefined) delivery.answered += end - start - addressBytesOf(count);
    }
  }

  #end(id: number, flags: number, seq: number): void {
    if ((flags & FrameFlag.timedOut) !== 0) {
      const delivery = this.pipe.settleEntry(seq);
      if (delivery !== undefined) this.slot.giveUp(delivery);
      return;
    }
    if ((flags & FrameFlag.output) !== 0) this.reactor.connection(id)?.finishOutput();
    else if ((flags & FrameFlag.late) !== 0) this.reactor.connection(id)?.finishLate();
    else if ((flags & FrameFlag.overflow) !== 0) this.reactor.connection(id)?.overflow();
    else this.reactor.end(id, (flags & FrameFlag.reset) !== 0);
  }

  #keepState(id: number, buffer: Buffer, start: number, end: number): void {
    const connection = this.reactor.connection(id);
    // After a move the state is that of its new worker.
    if (connection?.home === this) connection.state = Buffer.from(buffer.subarray(start, end));
  }
}

function flagsOf(delivery: Delivery): number {
  return delivery.suspect ? FrameFlag.isolated : 0;
}
