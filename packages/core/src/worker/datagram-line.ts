import type { HandlerError } from '../errors.js';
import type { Delivery } from '../events/event-table.js';
import type { Part } from '../pipe/parts.js';
import { DATAGRAM_LANE } from '../pipe/messages.js';
import { Fifo } from '../tasks/fifo.js';
import type { ConversationHost } from './conversation-host.js';
import type { Datagram, DatagramHost } from './datagram.js';
import type { Lonely } from './isolation.js';
import type { Settler, SocketOwner } from './socket-owner.js';

/**
 * The datagrams of one owner of sockets in a worker: starts each of them as soon as
 * it may, whatever others do, and settles each once. How many run at a time is bounded
 * by what the owner gives, which is `pipeWindow`.
 */
export class DatagramLine implements Lonely, Settler, DatagramHost {
  readonly id = DATAGRAM_LANE;
  unacknowledged = 0;
  /** A datagram that has no room is refused, and nobody hears when there is some. */
  readonly pressed = false;
  /** What could not start at once. */
  readonly #queue = new Fifo<Datagram>();
  /** Labels of the handlers that are pending, with their number. */
  readonly pending = new Map<string, number>();

  constructor(
    readonly owner: SocketOwner,
    /** Of the owner, for traces. */
    private readonly index: number,
    private readonly all: ConversationHost,
  ) {}

  take(datagram: Datagram): void {
    if (this.#queue.length === 0 && !datagram.isolated && this.all.mayStart(this)) {
      this.#start(datagram);
      return;
    }
    this.#queue.push(datagram);
    this.advance();
  }

  /** Starts what may start. */
  advance(): void {
    for (;;) {
      const next = this.#queue.first;
      if (next === undefined || !this.all.mayStart(this)) return;
      if (next.isolated && !this.all.isolation.enter(this, next.seq)) return;
      this.#queue.shift();
      this.#start(next);
    }
  }

  /** Gives back what has not been started: the owner of the sockets has another worker for it. */
  giveBack(): void {
    for (const { seq } of this.#queue.takeAll()) {
      this.owner.settle(this, seq, 'returned');
      this.all.isolation.leave(this, seq);
    }
  }

  eased(): void {}

  // What datagrams ask.

  get inside(): boolean {
    return this.all.inside;
  }

  sent({ listener: { name: listener }, address, port }: Datagram, data: Part, bytes: number): void {
    this.all.invoker.sentDatagram(listener, address, port, data, bytes);
  }

  sentElsewhere(): void {
    this.all.sentElsewhere(this.owner);
  }

  flushLater(datagram: Datagram): void {
    this.all.flushLater(datagram);
  }

  #start(datagram: Datagram): void {
    const handler = datagram.listener.handler();
    const { seq } = datagram;
    if (handler === undefined) {
      this.owner.settle(this, seq, 'discarded');
      this.all.isolation.leave(this, seq);
      return;
    }
    const { attempt, answered, packet } = datagram;
    const delivery: Delivery | undefined = handler.parameters >= 2 ? { attempt, answered } : undefined;
    datagram.inside = this.all.inside = true;
    const settled = this.all.invoker.call(
      handler,
      this.index,
      seq,
      this.#settled,
      datagram,
      packet,
      delivery,
    );
    datagram.inside = this.all.inside = false;
    if (settled) {
      this.#settle(datagram);
      return;
    }
    this.all.pending++;
    this.#count(handler.label, 1);
    datagram.pend();
  }

  readonly #settled = (datagram: Datagram, timeout?: HandlerError): void => {
    this.all.pending--;
    this.#count(datagram.listener.handler()!.label, -1);
    if (timeout === undefined) this.#settle(datagram);
    else this.#giveUp(datagram);
    this.advance();
    this.all.isolation.step();
  };

  #settle(datagram: Datagram): void {
    const { seq } = datagram;
    this.all.countRequest();
    this.all.flushElsewhere(this.owner);
    if (!datagram.settleByReply()) this.owner.settle(this, seq, 'handled');
    datagram.over = true;
    this.all.isolation.leave(this, seq);
  }

  /** It took longer than it may, and may still run. */
  #giveUp(datagram: Datagram): void {
    const { seq } = datagram;
    datagram.flush();
    datagram.over = true;
    this.owner.giveUp(this, seq);
    this.all.isolation.leave(this, seq);
  }

  #count(label: string, change: number): void {
    const count = (this.pending.get(label) ?? 0) + change;
    if (count === 0) this.pending.delete(label);
    else this.pending.set(label, count);
  }
}
