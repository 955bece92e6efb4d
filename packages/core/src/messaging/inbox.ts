import { ProcessError, toWire } from '../errors.js';
import type { BoundHandler } from '../events/bound-handler.js';
import type { Invoker } from '../events/invoke.js';
import type { Guest } from '../mesh/guest.js';
import { MeshFlag } from '../pipe/messages.js';
import { decode, encode } from '../pipe/payload.js';
import { MAX_MESSAGE_BYTES } from './messenger.js';
import { PipeMessage } from './pipe-message.js';

/** So many messages of one sender may be with their handlers at once; more wait, within the sender's window. */
const MAX_PENDING = 64;

/** A message that waits for its turn. */
interface Arrived {
  readonly guest: Guest;
  readonly wantsReply: boolean;
  readonly flags: number;
  readonly sentAt: number;
  readonly seq: number;
  readonly number: number;
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

/** What one sender has here. */
interface Sender {
  pending: number;
  readonly waiting: Arrived[];
  /** Those that wait are being started. */
  starting: boolean;
}

/**
 * Messages from other processes. Handlers start in the order in which one sender
 * has sent, and do not wait for each other. A message is settled when its handler
 * starts: after that it is this process's own.
 */
export class Inbox {
  readonly #senders = new Map<Guest, Sender>();
  #retired = false;
  #pending = 0;

  constructor(
    private readonly invoker: Invoker,
    /** Undefined where nobody handles messages; senders know that, unless their program is another one. */
    private readonly handler: () => BoundHandler | undefined,
    private readonly workerId: () => number,
  ) {}

  /** Messages whose handler has not settled. */
  get pending(): number {
    return this.#pending;
  }

  take(message: Arrived): void {
    const { guest, seq } = message;
    if (this.#retired) {
      guest.settle(seq, 'returned');
      return;
    }
    const sender = this.#senderOf(guest);
    if (sender.pending >= MAX_PENDING || sender.waiting.length > 0) sender.waiting.push(kept(message));
    else this.#begin(sender, message);
  }

  /** Starts nothing more: what waits is given back. */
  retire(): void {
    this.#retired = true;
    for (const { waiting } of this.#senders.values()) {
      for (const { guest, seq } of waiting) guest.settle(seq, 'returned');
      waiting.length = 0;
    }
  }

  /** A sender is gone; what has come from it is handled all the same. */
  left(guest: Guest): void {
    this.#senders.delete(guest);
  }

  #senderOf(guest: Guest): Sender {
    let sender = this.#senders.get(guest);
    if (sender === undefined)
      this.#senders.set(guest, (sender = { pending: 0, waiting: [], starting: false }));
    return sender;
  }

  #begin(sender: Sender, message: Arrived): void {
    const { guest, wantsReply, flags, sentAt, seq, number, buffer, start, end } = message;
    guest.settle(seq);
    this.invoker.observe?.({
      kind: 'messageStarted',
      message: number,
      from: guest.hello.pid,
      to: this.workerId(),
    });
    const handler = this.handler();
    if (handler === undefined) {
      if (wantsReply)
        this.#answer(guest, number, new Error('no @OnPipeMessage handles messages in this process'));
      return;
    }
    const { workerId } = guest.hello;
    const argument = new PipeMessage(decode(flags & MeshFlag.encoding, buffer, start, end), workerId, sentAt);
    sender.pending++;
    this.#pending++;
    const produced = (error: unknown, value: unknown): void => {
      sender.pending--;
      this.#pending--;
      if (wantsReply) this.#answer(guest, number, error, value);
      this.#next(sender);
    };
    this.invoker.produce(handler, workerId, seq, argument, { produced }, wantsReply ? 'quiet' : 'loud');
  }

  #answer(guest: Guest, number: number, error: unknown, value?: unknown): void {
    let failure = error;
    if (failure === undefined) {
      try {
        const { encoding, body, bytes } = encode(value);
        if (bytes > MAX_MESSAGE_BYTES) throw tooLong(bytes);
        guest.reply(number, encoding, body);
        return;
      } catch (cause) {
        failure = cause;
      }
    }
    guest.reply(number, MeshFlag.failed, JSON.stringify(toWire(failure)));
  }

  /** A handler that returns no promise is over inside of `#begin`: the loop goes on from there, and not from within. */
  #next(sender: Sender): void {
    if (sender.starting) return;
    sender.starting = true;
    while (sender.waiting.length > 0 && sender.pending < MAX_PENDING)
      this.#begin(sender, sender.waiting.shift()!);
    sender.starting = false;
  }
}

function tooLong(bytes: number): ProcessError {
  return new ProcessError(
    'MESSAGE_TOO_LONG',
    `an answer of ${bytes} bytes is too long: at most ${MAX_MESSAGE_BYTES} can be sent at once`,
  );
}

/** Its bytes are the pipe's until this turn is over. */
function kept(message: Arrived): Arrived {
  const buffer = Buffer.from(message.buffer.subarray(message.start, message.end));
  return { ...message, buffer, start: 0, end: buffer.length };
}
