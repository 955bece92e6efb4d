import { MAX_BODY_BYTES } from '../pipe/frame.js';
import type { Introduction } from '../pipe/messages.js';
import type { Clock } from '../platform/platform.js';
import { ConnectionStream, type StreamCore } from './connection-stream.js';
import type { Sender, SocketOwner } from './socket-owner.js';

/** The conversation of a pinned connection. */
export interface PinnedConversation {
  readonly id: number;
  readonly introduction: Introduction;
  readonly owner: SocketOwner;
  readonly listener: { readonly streamWindow: number };
  /** A chunk has come, and its reader has not taken it. */
  chunkWaits(seq: number): void;
  /** A chunk was taken by the reader, or `discarded`: nobody will read it. */
  chunkSettled(seq: number, how: 'handled' | 'discarded'): void;
  /** These bytes go to the owner of the socket now. */
  chunkSent(chunk: Uint8Array): void;
  /** The stream is destroyed; `open`: and the connection was not closed before. What nobody has read is discarded next. */
  streamLeft(open: boolean, resets: boolean): void;
  /** The memory for what waits to be sent is used up. */
  streamOverflowed(): void;
  advance(): void;
}

interface Chunk {
  readonly seq: number;
  readonly data: Buffer;
}

/**
 * Between the conversation of a pinned connection and its stream.
 *
 * In: a packet of a raw listener is a chunk, and is settled when the reader has
 * taken it. So the bytes that nobody reads count in `maxQueuedBytes`, and hold the
 * client back. Out: pieces go to the owner of the socket, a window at a time, and
 * each stays unacknowledged until the system has taken it for the client.
 */
export class Pin implements StreamCore, Sender {
  readonly stream: ConnectionStream;
  /** Bytes that were sent and that the client has not taken. */
  unacknowledged = 0;
  /** Each time that the client has taken something more may be sent. */
  readonly pressed = true;
  /** `gone`: the socket is closed, and what has come may still be read. */
  #state: 'open' | 'gone' | 'left' = 'open';
  #incoming: Chunk[] = [];
  /** The number of the chunk that the reader has in front of it. */
  #given: number | undefined;
  #wanted = false;
  #feeding = false;
  #inputEnded = false;
  #endGiven = false;
  #outgoing: Buffer[] = [];
  #done: ((error?: Error) => void) | undefined;
  #sending = false;

  constructor(
    private readonly conversation: PinnedConversation,
    readonly clock: Clock,
  ) {
    this.stream = new ConnectionStream(this);
    // A peer that resets must not end the worker because nobody listens.
    this.stream.on('error', () => {});
  }

  get id(): number {
    return this.conversation.id;
  }

  get introduction(): Introduction {
    return this.conversation.introduction;
  }

  get highWaterMark(): number {
    return this.conversation.listener.streamWindow;
  }

  /** Whether something has come that nobody has read yet. */
  get holds(): boolean {
    return this.#given !== undefined || this.#incoming.length > 0;
  }

  // What the owner of the socket says.

  take(seq: number, data: Buffer): void {
    if (this.stream.destroyed) {
      this.conversation.chunkSettled(seq, 'discarded');
      return;
    }
    this.#incoming.push({ seq, data });
    this.#feed();
    if (this.holds) this.conversation.chunkWaits(seq);
  }

  inputEnded(): void {
    this.#inputEnded = true;
    this.#feed();
  }

  /** The socket is closed. After an end of the client what it had sent is still read; else the stream fails. */
  closed(reason: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'gone';
    this.#failWrite();
    if (reason === 'client') {
      this.inputEnded();
      if (this.stream.readableEnded) this.stream.destroy();
      else this.stream.once('end', () => this.stream.destroy());
    } else if (reason === 'server' || reason === 'shutdown') {
      this.stream.destroy();
    } else {
      this.stream.destroy(brokenBy('ECONNRESET', `the connection was reset: ${reason}`));
    }
  }

  /** Of what was sent the client has taken more. */
  eased(): void {
    if (!this.stream.destroyed) this.stream.progressed();
    this.#send();
  }

  // What the stream says.

  want(): void {
    this.#settleGiven();
    this.#wanted = true;
    this.#feed();
  }

  write(chunks: readonly Buffer[], done: (error?: Error) => void): void {
    this.#outgoing = [...chunks];
    this.#done = done;
    if (this.#state === 'open') this.#send();
    else this.#failWrite();
  }

  endOutput(): void {
    if (this.#state === 'open') this.conversation.owner.endOutput(this.id);
  }

  leave(resets: boolean): void {
    const open = this.#state === 'open';
    this.#state = 'left';
    this.#failWrite();
    // The end goes first: what is discarded would make room for more.
    this.conversation.streamLeft(open, resets);
    const unread = this.#incoming.map(({ seq }) => seq);
    this.#incoming = [];
    if (this.#given !== undefined) unread.unshift(this.#given);
    this.#given = undefined;
    for (const seq of unread) this.conversation.chunkSettled(seq, 'discarded');
    this.conversation.advance();
  }

  #feed(): void {
    if (this.#feeding) return;
    this.#feeding = true;
    while (this.#wanted && this.#incoming.length > 0) {
      const { seq, data } = this.#incoming.shift()!;
      this.#wanted = false;
      this.#given = seq;
      if (this.stream.give(data)) this.#settleGiven();
    }
    this.#feeding = false;
    if (!this.#inputEnded || this.#endGiven || this.holds) return;
    this.#endGiven = true;
    this.stream.push(null);
  }

  #settleGiven(): void {
    const seq = this.#given;
    if (seq === undefined) return;
    this.#given = undefined;
    this.conversation.chunkSettled(seq, 'handled');
    // Its close waits for the last chunk.
    if (this.#state === 'gone' && !this.holds) this.conversation.advance();
  }

  #send(): void {
    // In base mode what is written may be acknowledged before the call returns.
    if (this.#sending) return;
    this.#sending = true;
    while (this.#outgoing.length > 0 && this.#state === 'open' && this.#sendPiece());
    this.#sending = false;
    if (this.#outgoing.length > 0 || this.unacknowledged > 0) return;
    const done = this.#done;
    this.#done = undefined;
    done?.();
  }

  /** Says whether there was room for another piece. */
  #sendPiece(): boolean {
    const { owner, listener } = this.conversation;
    const room = listener.streamWindow - this.unacknowledged;
    if (room <= 0) return false;
    const piece = this.#cutPiece(Math.min(room, MAX_BODY_BYTES));
    const bytes = piece.reduce((sum, { length }) => sum + length, 0);
    if (bytes > 0 && !owner.admits(this, bytes)) {
      this.#outgoing = [...piece, ...this.#outgoing];
      if (this.unacknowledged === 0) this.conversation.streamOverflowed();
      return false;
    }
    for (const chunk of piece) this.conversation.chunkSent(chunk);
    if (bytes > 0) owner.write(this, piece, bytes);
    return true;
  }

  #cutPiece(limit: number): Buffer[] {
    const piece: Buffer[] = [];
    let left = limit;
    while (left > 0 && this.#outgoing.length > 0) {
      const [first] = this.#outgoing as [Buffer];
      if (first.length <= left) this.#outgoing.shift();
      else this.#outgoing[0] = first.subarray(left);
      piece.push(first.length <= left ? first : first.subarray(0, left));
      left -= Math.min(left, first.length);
    }
    return piece;
  }

  #failWrite(): void {
    const done = this.#done;
    this.#outgoing = [];
    this.#done = undefined;
    done?.(brokenBy('EPIPE', 'the connection is closed'));
  }
}

function brokenBy(code: 'ECONNRESET' | 'EPIPE', message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
