import type { BoundHandler } from '../events/bound-handler.js';
import { byteLength, type Part } from '../pipe/parts.js';
import { Packet, type PacketCore } from './packet.js';
import type { SocketOwner } from './socket-owner.js';

/** A listener of datagrams, as the worker serves it. */
export interface ServedDatagrams {
  readonly index: number;
  readonly name: string;
  /** Bound when the first datagram comes; undefined where the program has none any more. */
  readonly handler: () => BoundHandler | undefined;
}

/** What a datagram needs of the line in which it stands. */
export interface DatagramHost {
  /** The synchronous part of a handler runs, and whose: undefined when it is not that of a datagram. */
  readonly inside: boolean;
  /** Notes for traces that the application sends. */
  sent(datagram: Datagram, data: Part, bytes: number): void;
  /** Something was written that belongs to no settlement of its own. */
  sentElsewhere(): void;
  /** Calls `flush` at the end of the turn. */
  flushLater(datagram: Datagram): void;
}

/**
 * One datagram in a worker: what its handler gets as `Packet`, and what it replies.
 *
 * The last reply is held back until the handler settles or the turn ends, whichever
 * comes first: with the settlement it goes out in one frame, so that both come to
 * pass, or neither.
 */
export class Datagram implements PacketCore {
  readonly packet: Packet;
  /** Its handler has settled, or it was given up. */
  over = false;
  /** The synchronous part of its handler runs. */
  inside = false;
  #held: Part | undefined;
  #heldBytes = 0;
  #listed = false;

  constructor(
    readonly owner: SocketOwner,
    private readonly host: DatagramHost,
    readonly seq: number,
    readonly listener: ServedDatagrams,
    readonly address: string,
    readonly port: number,
    readonly dispatchTime: number,
    readonly data: Buffer,
    readonly attempt: number,
    readonly answered: number,
    /** Start it only when nothing else runs in the worker. */
    readonly isolated: boolean,
  ) {
    this.packet = new Packet(this);
  }

  get listenerName(): string {
    return this.listener.name;
  }

  reply(data: Part): boolean {
    const bytes = byteLength(data);
    if (!this.owner.reserveDatagram(bytes)) return false;
    this.host.sent(this, data, bytes);
    this.#sendHeld(false);
    this.#held = data;
    this.#heldBytes = bytes;
    if (this.inside) return true;
    if (this.over || this.host.inside) {
      // The settlement of whichever handler it comes from must not overtake it.
      this.#sendHeld(false);
      this.host.sentElsewhere();
    } else {
      this.#list();
    }
    return true;
  }

  /** Its handler goes on after its call. */
  pend(): void {
    if (this.#held !== undefined) this.#list();
  }

  /** The turn is over: what is held back goes out. */
  flush(): void {
    this.#listed = false;
    this.#sendHeld(false);
  }

  /** Sends what is held back together with the settlement; says whether there was anything. */
  settleByReply(): boolean {
    return this.#sendHeld(true);
  }

  #list(): void {
    if (this.#listed) return;
    this.#listed = true;
    this.host.flushLater(this);
  }

  #sendHeld(settles: boolean): boolean {
    const data = this.#held;
    if (data === undefined) return false;
    const bytes = this.#heldBytes;
    this.#held = undefined;
    const to = { listener: this.listener.index, address: this.address, port: this.port };
    this.owner.sendDatagram(to, data, bytes, this.over ? undefined : this.seq, settles);
    return true;
  }
}
