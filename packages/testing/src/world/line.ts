import { Backlog } from './backlog.js';
import type { ScheduledEvent } from './event-queue.js';
import { checkDuration, checkLink, type ClientLink, type LinkBehaviour } from './link-behaviour.js';
import type { Medium } from './medium.js';

/** What a line tells its two directions. */
export interface LineEnd {
  /** It behaves otherwise, or passes again. */
  changed(): void;
  /** It never will again. */
  severed(): void;
}

/**
 * How one stream departs from its medium: what both of its directions share.
 *
 * A stream has none until somebody shapes, stalls or slows it, and pays one
 * comparison for that. Something stands at the two ends of a stalled line: what
 * is due there waits, and nothing sets off.
 */
export class Line implements ClientLink {
  #extraDelay = 0;
  #backlog: Backlog | undefined;
  #severed = false;
  #behaviour: LinkBehaviour;
  readonly #ends: LineEnd[] = [];

  constructor(
    private readonly medium: Medium,
    /** Checked already. */
    private readonly first: LinkBehaviour = {},
  ) {
    this.#behaviour = first;
  }

  join(end: LineEnd): void {
    this.#ends.push(end);
  }

  get behaviour(): LinkBehaviour {
    return this.#behaviour;
  }

  /** Whether nothing passes now. */
  get shut(): boolean {
    return this.#severed || this.#backlog !== undefined;
  }

  get severed(): boolean {
    return this.#severed;
  }

  /** Virtual ms of the next trip. */
  delay(): number {
    return this.#extraDelay + this.medium.delay(this.#behaviour.latency);
  }

  /** Virtual ms that every trip takes longer. */
  lengthen(ms: number): void {
    this.#extraDelay = ms;
  }

  shape(behaviour: LinkBehaviour): void {
    checkLink(behaviour);
    this.#behaviour = { ...behaviour };
    this.#tellChange();
  }

  stall(ms = Infinity): void {
    checkDuration('stall', ms);
    if (this.#severed) return;
    this.#backlog ??= new Backlog(this.medium.scheduler, () => {
      this.#backlog = undefined;
      this.#tellChange();
    });
    this.#backlog.freeIn(ms);
  }

  unstall(): void {
    this.#backlog?.freeIn(0);
  }

  goHalfOpen(): void {
    this.#severed = true;
    this.#backlog?.freeIn(Infinity);
    this.#backlog = undefined;
    for (const end of this.#ends) end.severed();
  }

  heal(): void {
    this.shape(this.first);
    this.unstall();
  }

  /** Something is due at one of the ends. */
  pass(event: ScheduledEvent, happen: () => void): void {
    if (this.#severed) return;
    if (this.#backlog === undefined) happen();
    else this.#backlog.add(event, happen);
  }

  #tellChange(): void {
    for (const end of this.#ends) end.changed();
  }
}
