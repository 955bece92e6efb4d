import type { Guest, Owed } from '../mesh/guest.js';
import type { Mesh } from '../mesh/mesh.js';
import type { Parcel, Way } from '../mesh/way.js';
import { FrameKind, MeshFlag, type Settlement } from '../pipe/messages.js';
import type { Encoded } from '../pipe/payload.js';
import { outcomeHead, packHead } from '../pipe/queued-tasks.js';
import type { LeasedRun } from './leased-run.js';

/** So many may wait for a queue process while that is being replaced. */
const MOST_STRANDED = 10_000;

export interface OutcomesParts {
  readonly mesh: Pick<Mesh, 'wayToIncarnation'>;
  /** The pipe of the queue; undefined while it is being replaced. */
  readonly queue: () => Guest | undefined;
  readonly taskWorkerId: () => number;
  /** Whoever posted the task is gone. */
  readonly onOrphan: (run: LeasedRun, content: Encoded) => void;
}

/**
 * Results of tasks from the queue on their way to whoever has posted them:
 * straight to that process, or through the queue, which also knows those that do
 * not serve yet, the master and the manager.
 */
export class Outcomes {
  /** For those to whom a way is being opened. */
  readonly #early = new Map<Way, Outcome[]>();
  #stranded: Outcome[] = [];

  constructor(private readonly parts: OutcomesParts) {}

  /** Results that are not with a pipe yet. */
  get count(): number {
    let count = this.#stranded.length;
    for (const outcomes of this.#early.values()) count += outcomes.length;
    return count;
  }

  /** Bytes that wait for that process. */
  backlogOf(incarnation: number): number {
    return incarnation === 0 ? 0 : (this.parts.mesh.wayToIncarnation(incarnation)?.backlog ?? 0);
  }

  /** `sent` is called when it has been given to a pipe, or will never be. */
  send(run: LeasedRun, content: Encoded, flags: number, sent: () => void): void {
    const outcome = new Outcome(this, run, content, flags, sent);
    const { inc } = run.lease.meta;
    const way = inc === 0 ? undefined : this.parts.mesh.wayToIncarnation(inc);
    if (way === undefined) this.#relay(outcome);
    else if (way.attached) this.#travel(outcome, way);
    else this.#wait(outcome, way);
  }

  opened(way: Way): void {
    const outcomes = this.#early.get(way);
    if (outcomes === undefined) return;
    this.#early.delete(way);
    for (const outcome of outcomes) this.#travel(outcome, way);
  }

  closed(way: Way, unsettled: readonly Parcel[]): void {
    const early = this.#early.get(way) ?? [];
    this.#early.delete(way);
    for (const parcel of unsettled) if (parcel instanceof Outcome) this.#orphan(parcel);
    for (const outcome of early) this.#relay(outcome);
  }

  /** This process leaves: what is not with a pipe yet is given up. */
  close(): void {
    const early = [...this.#early.values()].flat();
    this.#early.clear();
    for (const outcome of early) outcome.sent();
  }

  /** The pipe of the queue is gone, with these. */
  left(owed: readonly Owed[]): void {
    for (const each of owed) if (each instanceof Outcome) this.#strand(each);
  }

  /** Another queue process is there. */
  relayStranded(): void {
    const stranded = this.#stranded;
    this.#stranded = [];
    for (const outcome of stranded) this.#relay(outcome);
  }

  settled(outcome: Outcome, how: Settlement): void {
    if (how === 'discarded') this.#orphan(outcome);
  }

  #travel(outcome: Outcome, way: Way): void {
    const { encoding, body, bytes } = outcome.content;
    const head = this.#headOf(outcome);
    const flags = outcome.flags | encoding;
    way.send(FrameKind.outcome, flags, 0, 0, 0, head.length, [head, body], head.length + bytes, outcome);
    outcome.sent();
  }

  #wait(outcome: Outcome, way: Way): void {
    const outcomes = this.#early.get(way);
    if (outcomes === undefined) this.#early.set(way, [outcome]);
    else outcomes.push(outcome);
  }

  #relay(outcome: Outcome): void {
    const queue = this.parts.queue();
    if (queue?.open !== true) {
      this.#strand(outcome);
      return;
    }
    const { encoding, body, bytes } = outcome.content;
    queue.outcome(outcome.flags | encoding, this.#headOf(outcome), body, bytes, outcome);
    outcome.sent();
  }

  #strand(outcome: Outcome): void {
    if (this.#stranded.length >= MOST_STRANDED) this.#orphan(outcome);
    else this.#stranded.push(outcome);
    outcome.sent();
  }

  #orphan(outcome: Outcome): void {
    if ((outcome.flags & MeshFlag.empty) === 0) this.parts.onOrphan(outcome.run, outcome.content);
    outcome.sent();
  }

  #headOf({ run }: Outcome): Buffer {
    return packHead(outcomeHead(run.lease.meta, run.lease.id, this.parts.taskWorkerId()));
  }
}

class Outcome implements Parcel, Owed {
  #sent: (() => void) | undefined;

  constructor(
    private readonly outcomes: Outcomes,
    readonly run: LeasedRun,
    readonly content: Encoded,
    readonly flags: number,
    sent: () => void,
  ) {
    this.#sent = sent;
  }

  sent(): void {
    const tell = this.#sent;
    this.#sent = undefined;
    tell?.();
  }

  settled(how: Settlement): void {
    this.outcomes.settled(this, how);
  }
}
