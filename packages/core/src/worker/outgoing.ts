import type { BoundHandler } from '../events/bound-handler.js';
import type { Part } from '../pipe/parts.js';
import type { Connection } from './connection.js';
import type { ConversationHost } from './conversation-host.js';
import { Pressure, type PressureHost } from './pressure.js';
import type { ServedListener } from './served-listener.js';
import type { Sender, SocketOwner } from './socket-owner.js';

/** Nothing that was sent. Nobody adds to it. */
export const NO_PARTS: readonly Part[] = [];

/** The conversation of a connection that sends. */
export interface SendingConversation extends Sender {
  readonly owner: SocketOwner;
  readonly listener: ServedListener;
  readonly connection: Connection;
  /** Its objects are there: the application may be told things. */
  readonly opened: boolean;
  /** Nobody is told anything here any more: it is closed, or another worker serves it. */
  readonly silent: boolean;
  bindEvent(event: 'bufferFull' | 'bufferEmpty'): BoundHandler | undefined;
  /** Whether it must go at once, where so many bytes have gathered. */
  isForeign(gathered: number): boolean;
  /** Something has gathered: `flush` is due when its handler settles, or at the end of the turn. */
  gathers(): void;
  /** The memory for what waits to be sent is used up: it ends here. */
  overflow(): void;
}

/**
 * What a connection sends, until it leaves for the owner of its socket, and how
 * much of it waits in this process.
 *
 * What handlers send gathers here until their packet settles or the turn ends,
 * whichever comes first, and goes out in one frame. Made for the first send:
 * most connections of a quiet server have not sent anything.
 */
export class Outgoing implements PressureHost {
  #parts: Part[] = NO_PARTS as Part[];
  #bytes = 0;
  /** Once so much has waited for the client that anybody is to be told. */
  #pressure: Pressure | undefined;

  constructor(
    private readonly conversation: SendingConversation,
    private readonly all: ConversationHost,
  ) {}

  /** Of what has gathered. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Says whether more may be sent before `@OnBufferEmpty`. */
  send(data: Part, bytes: number): boolean {
    const { conversation, all } = this;
    const { owner } = conversation;
    if (!owner.admits(conversation, this.#bytes + bytes)) return this.#refuse();
    all.invoker.sent(conversation.id, data, bytes);
    if (conversation.isForeign(this.#bytes)) {
      owner.send(conversation, [data], bytes);
      all.sentElsewhere(owner);
    } else {
      if (this.#parts === NO_PARTS) this.#parts = [data];
      else this.#parts.push(data);
      this.#bytes += bytes;
      conversation.gathers();
    }
    const waiting = conversation.unacknowledged + this.#bytes;
    // Where a connection has no events, nobody would hear that it may go on.
    if (waiting >= conversation.listener.bufferHighWatermark && all.keepsState) this.#marks.rise(waiting);
    return !this.#isFull;
  }

  /** It does not fit; of what is dropped silently the sender hears nothing. */
  #refuse(): boolean {
    const { outputOverflow } = this.conversation.listener;
    if (outputOverflow === 'close') {
      this.conversation.overflow();
      return false;
    }
    const silent = outputOverflow === 'dropNewest';
    this.all.refused(silent ? 'OUTPUT_DROPPED' : 'OUTPUT_REFUSED');
    return silent && !this.#isFull;
  }

  /** What has gathered, for whoever hands it on. */
  take(): readonly Part[] {
    const parts = this.#parts;
    this.#parts = NO_PARTS as Part[];
    this.#bytes = 0;
    return parts;
  }

  /** Hands on what has gathered. */
  flush(): void {
    const bytes = this.#bytes;
    if (bytes > 0) this.conversation.owner.send(this.conversation, this.take(), bytes);
  }

  // How much waits for the client.

  get #marks(): Pressure {
    if (this.#pressure === undefined) {
      const { bufferHighWatermark: high, bufferLowWatermark: low } = this.conversation.listener;
      this.#pressure = new Pressure(this.all.keepsState ? high : Infinity, low, this);
      if (this.conversation.opened) this.#pressure.open();
    }
    return this.#pressure;
  }

  get #isFull(): boolean {
    return this.#pressure?.full === true;
  }

  /** So much waits here that it wants to hear when that becomes less. */
  get pressed(): boolean {
    return this.#pressure?.here === true;
  }

  eased(): void {
    this.#pressure?.fall(this.conversation.unacknowledged + this.#bytes);
  }

  /** The owner of the socket says that its output is full, or is not any more. */
  marked(full: boolean): void {
    this.#marks.set(full);
  }

  /** The objects of the connection are there. */
  open(): void {
    this.#pressure?.open();
  }

  get silent(): boolean {
    return this.conversation.silent;
  }

  bindMark(event: 'bufferFull' | 'bufferEmpty'): BoundHandler | undefined {
    return this.conversation.bindEvent(event);
  }

  callMark(handler: BoundHandler): boolean {
    const { id, connection } = this.conversation;
    const settled = this.all.invoker.call(handler, id, 0, markSettled, this, connection);
    if (!settled) this.all.pending++;
    return settled;
  }

  markSettled(): void {
    this.all.pending--;
    this.#pressure?.told();
    this.all.isolation.step();
  }

  tellLater(): void {
    this.all.later(() => this.#pressure?.tell());
  }
}

function markSettled(outgoing: Outgoing): void {
  outgoing.markSettled();
}
