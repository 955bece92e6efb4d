import type { Child, Exit, Link, Message, Thread } from '@shoal/core/internal/platform/platform';
import type { Actor } from './actor.js';
import type { Owner } from './event-queue.js';
import { Channel, GRAIN, type Scheduler } from './scheduler.js';
import type { Prng } from './prng.js';
import type { VirtualBound } from './virtual-socket.js';

/** What all links of a world share. */
export interface LinkMedium {
  readonly scheduler: Scheduler;
  readonly random: Prng;
}

export type Copy = (message: Message) => Message;

/** Between processes a message passes JSON, as real process channels do. */
export const copyByJson: Copy = (message) => JSON.parse(JSON.stringify(message)) as Message;
/** Between threads it is cloned, and shared memory stays shared. */
export const copyByClone: Copy = (message) => structuredClone(message);

type Receive = (message: Message, listener?: VirtualBound) => void;
type Parcel = readonly [message: Message, listener: VirtualBound | undefined];

/** One end of the channel between a process or thread and its spawner. */
export class VirtualLink implements Link {
  #peer!: VirtualLink;
  readonly #channel = new Channel();
  readonly #waiting: Parcel[] = [];
  #receive: Receive | undefined;
  #onDisconnect: (() => void) | undefined;
  #disconnected = false;

  constructor(
    private readonly medium: LinkMedium,
    protected readonly owner: Actor,
    private readonly copy: Copy,
    /** A listening socket travels between processes only. */
    private readonly carriesListeners: boolean,
  ) {}

  static join(a: VirtualLink, b: VirtualLink): void {
    a.#peer = b;
    b.#peer = a;
  }

  send(message: Message, listener?: VirtualBound): void {
    const peer = this.#peer;
    if (!this.owner.alive || !peer.owner.alive) return;
    const copied = this.copy(message);
    const handed = this.carriesListeners ? listener?.handTo(peer.owner) : undefined;
    this.#schedule(peer.owner, () => peer.#deliver([copied, handed]));
  }

  onMessage(receive: Receive): void {
    this.#receive = receive;
    if (this.#waiting.length > 0) this.later(() => this.#deliverFirst());
  }

  onDisconnect(run: () => void): void {
    if (this.#disconnected) this.later(run);
    else this.#onDisconnect = run;
  }

  /** The owner of this end has died: the other end hears it after the last message. */
  sever(afterwards?: () => void): void {
    const peer = this.#peer;
    this.#schedule(peer.owner, () => {
      peer.#disconnected = true;
      peer.#onDisconnect?.();
    });
    if (afterwards !== undefined) this.#schedule(peer.owner, afterwards);
  }

  protected later(run: () => void): void {
    this.medium.scheduler.after(0, this.owner, run);
  }

  #schedule(receiver: Owner, run: () => void): void {
    const { scheduler, random } = this.medium;
    scheduler.after(GRAIN * random.integer(1, 8), receiver, run, this.#channel);
  }

  /** One an event, so that a receiver that throws loses only the message it got. */
  #deliverFirst(): void {
    const parcel = this.#waiting.shift();
    if (this.#waiting.length > 0) this.later(() => this.#deliverFirst());
    if (parcel !== undefined) this.#receive?.(...parcel);
  }

  #deliver(parcel: Parcel): void {
    if (this.#receive === undefined || this.#waiting.length > 0) this.#waiting.push(parcel);
    else this.#receive(...parcel);
  }
}

/** The spawner's end of the link to a process. */
export class VirtualChild extends VirtualLink implements Child {
  #exit: Exit | undefined;
  #onExit: ((exit: Exit) => void) | undefined;

  constructor(
    medium: LinkMedium,
    owner: Actor,
    readonly pid: number,
    private readonly end: (signal: 'SIGTERM' | 'SIGKILL') => void,
  ) {
    super(medium, owner, copyByJson, true);
  }

  onExit(run: (exit: Exit) => void): void {
    this.#onExit = run;
    if (this.#exit !== undefined) this.later(() => run(this.#exit!));
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.owner.alive) this.end(signal);
  }

  exited(exit: Exit): void {
    this.#exit = exit;
    this.#onExit?.(exit);
  }
}

/** The spawner's end of the link to a thread. */
export class VirtualThread extends VirtualLink implements Thread {
  #ended = false;
  #error: Error | undefined;
  #onExit: ((error: Error | undefined) => void) | undefined;

  constructor(medium: LinkMedium, owner: Actor) {
    super(medium, owner, copyByClone, false);
  }

  onExit(run: (error: Error | undefined) => void): void {
    this.#onExit = run;
    if (this.#ended) this.later(() => run(this.#error));
  }

  exited(error: Error | undefined): void {
    this.#ended = true;
    this.#error = error;
    this.#onExit?.(error);
  }
}
