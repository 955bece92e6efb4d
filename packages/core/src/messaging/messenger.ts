/**
 * What this process sends to others and asks of them: `server.sendMessage`,
 * `broadcast`, `ask`. It lives in every process and speaks through the mesh.
 */
import { fromWire, ProcessError, type WireError } from '../errors.js';
import type { Observe } from '../events/facts.js';
import type { Logger } from '../log.js';
import type { Mesh } from '../mesh/mesh.js';
import type { Parcel, Way } from '../mesh/way.js';
import { MeshFlag } from '../pipe/messages.js';
import { decode, encode, type Encoded } from '../pipe/payload.js';
import type { Clock, Timer } from '../platform/platform.js';
import type { Addressee, Addressees } from './addressees.js';
import { Letter } from './letter.js';
import { Outbox } from './outbox.js';

/** The longest message and the longest reply, in bytes once they are encoded. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

interface Waiting {
  readonly letter: Letter;
  readonly workerId: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly deadline: Timer | undefined;
  started: boolean;
}

export interface MessengerParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly mesh: Pick<Mesh, 'wayTo'>;
  readonly observe?: Observe | undefined;
  /** Bytes of messages to one process that are not started there. */
  readonly window: number;
  readonly addressees: Addressees;
}

export class Messenger {
  readonly counters = { poisonMessages: 0, lateReplies: 0 };
  readonly #outboxes = new Map<number, Outbox>();
  readonly #questions = new Map<number, Waiting>();
  #nextNumber = 1;

  constructor(private readonly parts: MessengerParts) {}

  /** False when more than the window waits for that process; then nothing was sent. */
  send(data: unknown, addressee: Addressee): boolean {
    return this.#send(this.parts.addressees.idOf(addressee), this.#encode(data));
  }

  /** Resolves when it is on its way, which may have to wait for room. */
  async sendWhenRoom(data: unknown, addressee: Addressee): Promise<void> {
    const workerId = this.parts.addressees.idOf(addressee);
    const outbox = this.#outbox(workerId);
    const content = this.#encode(data);
    if (this.#send(workerId, content)) return;
    await new Promise<void>((resolve) => {
      const leave = outbox.whenRoom(() => {
        if (!outbox.fits(content.bytes)) return;
        leave();
        this.#post(workerId, outbox, content);
        resolve();
      });
    });
  }

  /** To all other event workers and task workers; says to how many there was room. */
  broadcast(data: unknown): number {
    const content = this.#encode(data);
    const others = this.parts.addressees.everyOther();
    return others.filter((workerId) => this.#send(workerId, content)).length;
  }

  /** Rejects with `ProcessError` ASK_TIMEOUT after `patience` ms (0 is never), ASK_LOST when that process dies in between. */
  async ask(data: unknown, addressee: Addressee, patience: number): Promise<unknown> {
    const workerId = this.parts.addressees.idOf(addressee);
    const outbox = this.#outbox(workerId);
    const content = this.#encode(data);
    return new Promise<unknown>((resolve, reject) => {
      let leave: (() => void) | undefined;
      let letter: Letter | undefined;
      const late = (): void => {
        leave?.();
        if (letter !== undefined) this.#questions.delete(letter.word);
        reject(new ProcessError('ASK_TIMEOUT', `worker ${workerId} has not answered within ${patience} ms`));
      };
      const deadline = patience > 0 ? this.parts.clock.setTimer(patience, late) : undefined;
      const begin = (): void => {
        letter = this.#write(workerId, outbox, content, true);
        this.#questions.set(letter.word, { letter, workerId, resolve, reject, deadline, started: false });
        outbox.add(letter);
      };
      if (outbox.admits(content.bytes)) {
        begin();
        return;
      }
      leave = outbox.whenRoom(() => {
        if (!outbox.fits(content.bytes)) return;
        leave!();
        begin();
      });
    });
  }

  /**
   * Whether everything that was sent has been started, and every question answered.
   * `reachable`: what is for processes that are gone does not matter.
   */
  isIdle(reachable: boolean): boolean {
    for (const outbox of this.#outboxes.values()) {
      if (!outbox.empty && !(reachable && outbox.stuck)) return false;
    }
    for (const { letter } of this.#questions.values()) {
      if (!reachable || letter.way?.attached === true) return false;
    }
    return true;
  }

  // What the mesh tells.

  pump(): void {
    for (const outbox of this.#outboxes.values()) outbox.pump();
  }

  turn(way: Way): void {
    this.#outboxes.get(way.peer.workerId)?.turn();
  }

  reply(number: number, flags: number, buffer: Buffer, start: number, end: number): void {
    const waiting = this.#questions.get(number);
    if (waiting === undefined) {
      this.counters.lateReplies++;
      return;
    }
    this.#questions.delete(number);
    waiting.deadline?.cancel();
    if ((flags & MeshFlag.failed) === 0) {
      waiting.resolve(decode(flags & MeshFlag.encoding, buffer, start, end));
    } else {
      waiting.reject(fromWire(JSON.parse(buffer.toString('utf8', start, end)) as WireError));
    }
  }

  lost(way: Way, unsettled: readonly Parcel[]): void {
    const letters = unsettled.filter((parcel): parcel is Letter => parcel instanceof Letter);
    this.#outboxes.get(way.peer.workerId)?.lost(way, letters);
    for (const [number, { letter, started, workerId }] of this.#questions) {
      if (started && letter.way === way)
        this.#fail(number, `worker ${workerId} has died, or left, before it answered`);
    }
  }

  #encode(data: unknown): Encoded {
    const content = encode(data);
    if (content.bytes <= MAX_MESSAGE_BYTES) return content;
    throw new ProcessError(
      'MESSAGE_TOO_LONG',
      `a message of ${content.bytes} bytes is too long: at most ${MAX_MESSAGE_BYTES} can be sent at once`,
    );
  }

  #outbox(workerId: number): Outbox {
    let outbox = this.#outboxes.get(workerId);
    if (outbox === undefined) {
      outbox = new Outbox(this.parts.window, {
        way: () => this.parts.mesh.wayTo(workerId),
        delivered: (letter) => this.#started(workerId, letter),
        poison: (letter) => this.#poison(workerId, letter),
      });
      this.#outboxes.set(workerId, outbox);
    }
    return outbox;
  }

  #send(workerId: number, content: Encoded): boolean {
    const outbox = this.#outbox(workerId);
    if (!outbox.admits(content.bytes)) return false;
    this.#post(workerId, outbox, content);
    return true;
  }

  #post(workerId: number, outbox: Outbox, content: Encoded): void {
    outbox.add(this.#write(workerId, outbox, content, false));
  }

  #write(workerId: number, outbox: Outbox, content: Encoded, wantsReply: boolean): Letter {
    const letter = new Letter(outbox, content, this.parts.clock.wallTime(), this.#freeNumber(), wantsReply);
    const { word: message } = letter;
    const { bytes } = content;
    this.parts.observe?.({ kind: 'messagePosted', message, to: workerId, bytes, wantsReply });
    return letter;
  }

  #started(to: number, { word, isQuestion }: Letter): void {
    this.parts.observe?.({ kind: 'messageTaken', message: word, to });
    const waiting = isQuestion ? this.#questions.get(word) : undefined;
    if (waiting !== undefined) waiting.started = true;
  }

  #poison(to: number, { word, isQuestion }: Letter): void {
    this.counters.poisonMessages++;
    this.parts.observe?.({ kind: 'messageGivenUp', message: word, to });
    const reason = `worker ${to} has died of a message twice: it is not sent again`;
    this.parts.logger.error(reason);
    if (isQuestion) this.#fail(word, reason);
  }

  #fail(number: number, reason: string): void {
    const waiting = this.#questions.get(number);
    this.#questions.delete(number);
    waiting?.deadline?.cancel();
    waiting?.reject(new ProcessError('ASK_LOST', reason));
  }

  /** Two questions that wait never have the same number on their way, where numbers begin anew after 4 thousand million. */
  #freeNumber(): number {
    while (this.#questions.has(this.#nextNumber >>> 0)) this.#nextNumber++;
    return this.#nextNumber++;
  }
}
