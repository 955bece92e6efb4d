import type { Exit, Message } from '@shoal/core/internal/platform/platform';
import { Actor, type Mortal } from './actor.js';
import { VirtualStream } from './virtual-stream.js';
import type { VirtualChild, VirtualLink, VirtualThread } from './virtual-link.js';

/** What a life needs from the world when it ends. */
export interface Chronicle {
  /** An exception that nobody caught ended it. */
  endedByError(label: string, pid: number, error: unknown): void;
  processEnded(process: VirtualProcess): void;
}

interface Birth {
  readonly pid: number;
  readonly clockOrigin: number;
  readonly timerSalt: number;
  readonly assignment: Message | undefined;
  readonly chronicle: Chronicle;
}

const FIRST_RSS_BYTES = 48 * 1024 * 1024;

/** What a virtual process and a virtual thread have in common: an actor, a link up, links down, and an end. */
abstract class Life implements Mortal {
  abstract readonly label: string;
  readonly actor: Actor;
  readonly assignment: Message | undefined;
  readonly pid: number;
  /** Resident memory in bytes, as a test sets it. */
  rss = FIRST_RSS_BYTES;
  /** This life's end of the link to its spawner. */
  parentLink: VirtualLink | undefined;
  /** This life's ends of the links to what it spawned. */
  readonly childLinks = new Set<VirtualLink>();
  protected readonly chronicle: Chronicle;

  constructor({ pid, clockOrigin, timerSalt, assignment, chronicle }: Birth) {
    this.pid = pid;
    this.assignment = assignment;
    this.chronicle = chronicle;
    this.actor = new Actor(pid, clockOrigin, timerSalt, this);
  }

  abstract exit(code: number): void;
  abstract endsByKill(): void;
  abstract endsByError(error: unknown, code: number): void;

  /** Everything that it holds closes; both kinds of neighbours hear it after its last message. */
  protected end(notify: () => void): void {
    this.actor.die();
    this.parentLink?.sever(notify);
    for (const link of this.childLinks) link.sever();
  }

  /** `exit` leaves nothing of what was written behind. */
  flush(): void {
    for (const resource of this.actor.resources) if (resource instanceof VirtualStream) resource.flush();
  }
}

export class VirtualProcess extends Life {
  readonly threads = new Set<VirtualThreadLife>();
  /** How the spawner sees it; undefined for the process that the user started. */
  child: VirtualChild | undefined;
  ended: Exit | undefined;
  /** Whose process it is. */
  user = 'root';

  constructor(
    birth: Birth,
    public title: string,
    /** Told apart from later processes by this. */
    readonly startedAt: string,
  ) {
    super(birth);
  }

  get label(): string {
    return this.title;
  }

  exit(code: number): void {
    if (this.ended !== undefined) return;
    this.flush();
    for (const thread of this.threads) thread.flush();
    this.endsBy({ code, signal: null });
  }

  endsByKill(): void {
    this.endsBy({ code: null, signal: 'SIGKILL' });
  }

  endsByError(error: unknown, code: number): void {
    this.chronicle.endedByError(this.label, this.pid, error);
    this.exit(code);
  }

  endsBy(exit: Exit): void {
    if (this.ended !== undefined) return;
    this.ended = exit;
    for (const thread of [...this.threads]) thread.endsWithProcess();
    this.end(() => this.child?.exited(exit));
    this.chronicle.processEnded(this);
  }
}

export class VirtualThreadLife extends Life {
  /** How the process that spawned it sees it. */
  seen: VirtualThread | undefined;

  constructor(
    birth: Birth,
    private readonly process: VirtualProcess,
    readonly name: string,
  ) {
    super(birth);
    process.threads.add(this);
  }

  get title(): string {
    return this.name;
  }

  get label(): string {
    return `${this.process.label}, thread ${this.name}`;
  }

  /** Ends the thread alone. */
  exit(code: number): void {
    this.flush();
    this.#leave(code === 0 ? undefined : new Error(`the thread ${this.name} left with code ${code}`));
  }

  /** A signal ends the whole process, whichever thread was writing. */
  endsByKill(): void {
    this.process.endsByKill();
  }

  endsByError(error: unknown): void {
    this.chronicle.endedByError(this.label, this.pid, error);
    this.flush();
    this.#leave(error instanceof Error ? error : new Error(String(error)));
  }

  endsWithProcess(): void {
    this.process.threads.delete(this);
    this.end(() => {});
  }

  #leave(error: Error | undefined): void {
    if (!this.process.threads.delete(this)) return;
    this.end(() => this.seen?.exited(error));
  }
}
