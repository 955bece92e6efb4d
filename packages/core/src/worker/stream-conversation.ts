import type { BoundHandler } from '../events/bound-handler.js';
import type { Introduction } from '../pipe/messages.js';
import type { Part } from '../pipe/parts.js';
import { gone, refused } from '../pipe/receipt.js';
import type { Connection } from './connection.js';
import type { ConnectionStream } from './connection-stream.js';
import type { ConversationHost } from './conversation-host.js';
import type { Lonely } from './isolation.js';
import { Pin, type PinnedConversation } from './pin.js';
import type { Pinned } from './pinned-connections.js';
import type { ServedListener } from './served-listener.js';
import type { Sender } from './socket-owner.js';

/** The conversation that is served as a stream. */
export interface StreamedConversation extends Lonely, Sender {
  readonly listener: ServedListener;
  readonly connection: Connection;
  /** Its socket is closed, or it was closed here. */
  readonly closed: boolean;
  bindEvent(event: 'drain'): BoundHandler | undefined;
  /** Event `seq` pends from here on; no handler of it runs. */
  waits(seq: number): void;
  /** It does not pend any more. */
  waitsNoMore(seq: number): void;
  /** Nothing more is sent from here on; false when that was so before. */
  finishSending(): boolean;
  /** The memory for what waits to be sent is used up: it ends here. */
  overflow(): void;
  abort(reason: string): void;
}

/**
 * The part of a conversation that is served as a stream: what comes goes to its
 * reader, what is sent comes from its writer, and what ends it ends the connection.
 * Made when the connection is pinned, and there to its end.
 */
export class StreamConversation implements PinnedConversation, Pinned {
  readonly #pin: Pin;
  #drained = false;

  constructor(
    private readonly conversation: StreamedConversation,
    private readonly all: ConversationHost,
  ) {
    this.#pin = new Pin(this, all.clock);
  }

  get id(): number {
    return this.conversation.id;
  }

  get introduction(): Introduction {
    return this.conversation.introduction;
  }

  get owner(): StreamedConversation['owner'] {
    return this.conversation.owner;
  }

  get listener(): ServedListener {
    return this.conversation.listener;
  }

  get stream(): ConnectionStream {
    return this.#pin.stream;
  }

  /** Whether something has come that nobody has read yet. */
  get holds(): boolean {
    return this.#pin.holds;
  }

  // What the conversation says.

  take(seq: number, data: Buffer): void {
    this.#pin.take(seq, data);
  }

  inputEnded(): void {
    this.#pin.inputEnded();
  }

  /** The socket is closed, or was before. */
  closed(reason: string): void {
    this.#pin.closed(reason);
  }

  send(data: Part, bytes: number): boolean {
    const { stream } = this;
    if (!stream.writable) return false;
    if (!this.owner.admits(this.conversation, stream.writableLength + bytes)) {
      this.conversation.overflow();
      stream.destroy();
      return false;
    }
    return stream.write(data);
  }

  sendWait(data: Part, bytes: number): Promise<void> | Error {
    const { stream } = this;
    // A write after its end would fail the stream, which may still be read.
    if (!stream.writable) return gone(this.id);
    if (!this.owner.admits(this.conversation, stream.writableLength + bytes)) return refused(this.id);
    return new Promise<void>((resolve, reject) => {
      stream.write(data, (error) => (error ? reject(gone(this.id)) : resolve()));
    });
  }

  finish(reset: boolean): void {
    if (reset) this.stream.resetAndDestroy();
    else this.stream.destroySoon();
  }

  // What the pin says.

  /** Unless it is taken in this turn, the owner is told: it may wait for as long as the connection lives. */
  chunkWaits(seq: number): void {
    this.conversation.waits(seq);
  }

  chunkSettled(seq: number, how: 'handled' | 'discarded'): void {
    this.conversation.waitsNoMore(seq);
    if (how === 'handled') {
      this.all.countRequest();
      this.all.flushElsewhere(this.owner);
    }
    this.all.invoker.taken(this.id, seq, how);
    this.owner.settle(this.conversation, seq, how);
    this.all.isolation.leave(this.conversation, seq);
  }

  chunkSent(chunk: Uint8Array): void {
    this.all.invoker.sent(this.id, chunk, chunk.length);
    this.all.sentElsewhere(this.owner);
  }

  streamLeft(open: boolean, resets: boolean): void {
    this.all.streamOver(this);
    if (!open || !this.conversation.finishSending()) return;
    this.all.invoker.ended(this.id, resets);
    this.owner.end(this.id, resets);
    this.conversation.abort('it was closed here');
  }

  streamOverflowed(): void {
    if (!this.conversation.finishSending()) return;
    this.conversation.overflow();
    this.stream.destroy();
  }

  advance(): void {
    this.conversation.advance();
  }

  // What the worker says.

  /** Its worker has to go: the application may say so to the client, once. */
  drain(): void {
    if (this.#drained || this.conversation.closed) return;
    this.#drained = true;
    const handler = this.conversation.bindEvent('drain');
    if (handler === undefined) return;
    const outer = this.all.inside;
    this.all.inside = true;
    this.all.invoker.call(handler, this.id, 0, () => {}, undefined, this.conversation.connection);
    this.all.inside = outer;
  }

  /** Its time is over: flushes and ends. */
  endLate(): void {
    if (!this.conversation.closed && this.conversation.finishSending()) {
      this.all.invoker.ended(this.id, false);
      this.owner.endLate(this.id);
    }
    this.stream.destroy();
  }
}
