import type { SignalName } from '@shoal/core/internal/platform/platform';
import { attribute, type Origin, type Suspect } from './attribution.js';
import { Backlog } from './backlog.js';
import type { Owner, ScheduledEvent } from './event-queue.js';
import { Channel, type Scheduler } from './scheduler.js';

/** What an actor holds in the world, and what becomes of it when the actor dies. */
export interface Resource {
  /** The holder is dead: close towards the others, and tell the holder nothing. */
  abandon(): void;
}

/** What ends the actor when it has not caught an exception. */
export interface Mortal {
  readonly label: string;
  endsByError(error: unknown, code: number): void;
  exit(code: number): void;
  /** Ends as if SIGKILL had come. */
  endsByKill(): void;
}

type UncaughtHandler = (error: unknown, origin: Origin) => void;

/**
 * The JavaScript of one virtual process or thread: everything that happens to
 * it is run by `enter`, and nothing it does counts once it is dead.
 */
export class Actor implements Owner, Suspect {
  alive = true;
  readonly resources = new Set<Resource>();
  readonly defers = new Channel();
  readonly #signals = new Map<SignalName, () => void>();
  #onUncaught: UncaughtHandler | undefined;
  #writesToLive = Infinity;
  /** What is due while its event loop is blocked. */
  #backlog: Backlog | undefined;
  #hungSince = 0;

  constructor(
    readonly pid: number,
    /** The world's time at which its own clock began. */
    readonly clockOrigin: number,
    /** From 0 to 1: who goes first when timers of several actors are due at one time. */
    readonly timerSalt: number,
    private readonly mortal: Mortal,
  ) {}

  enter(event: ScheduledEvent): void {
    if (this.#backlog === undefined) this.run(event.run);
    else this.#backlog.add(event, () => this.run(event.run));
  }

  /** Runs something inside the actor, blocked or not. */
  run(work: () => void): void {
    if (!this.alive) return;
    attribute(this);
    try {
      work();
    } catch (error) {
      this.uncaught(error, 'uncaughtException');
    }
  }

  /** Whether its event loop is blocked. */
  get hung(): boolean {
    return this.#backlog !== undefined;
  }

  /** The world's time at which its event loop was blocked, while it is. */
  get hungSince(): number | undefined {
    return this.hung ? this.#hungSince : undefined;
  }

  /** Blocks its event loop for so many virtual ms; a further call sets another end. */
  hang(scheduler: Scheduler, ms: number): void {
    if (!this.hung) this.#hungSince = scheduler.time;
    this.#backlog ??= new Backlog(scheduler, () => (this.#backlog = undefined));
    this.#backlog.freeIn(ms);
  }

  exit(code: number): void {
    if (this.alive) this.mortal.exit(code);
  }

  uncaught(error: unknown, origin: Origin): void {
    if (!this.alive) return;
    const handler = this.#onUncaught;
    if (handler === undefined) {
      this.mortal.endsByError(error, 1);
      return;
    }
    try {
      handler(error, origin);
    } catch (failure) {
      this.mortal.endsByError(failure, 7);
    }
  }

  onUncaught(handler: UncaughtHandler): void {
    this.#onUncaught = handler;
  }

  onSignal(signal: SignalName, run: () => void): void {
    this.#signals.set(signal, run);
  }

  signalHandler(signal: SignalName): (() => void) | undefined {
    return this.#signals.get(signal);
  }

  /** From here it cannot act: its platform is inert, its events are dropped, its resources close. */
  die(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const resource of [...this.resources]) resource.abandon();
    this.resources.clear();
  }

  /** Arms a death in the middle of a write: the `writes`-th from now is the last. */
  dieInsideWrite(writes: number): void {
    this.#writesToLive = writes;
  }

  /** Counts one write; true when it is the one in which the process dies. */
  diesInThisWrite(): boolean {
    return --this.#writesToLive === 0;
  }

  killedInsideWrite(): void {
    this.mortal.endsByKill();
  }
}
