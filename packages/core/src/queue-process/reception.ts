/**
 * Takes tasks from those who post them, and tells them what becomes of those that
 * they must hear of from here.
 */
import { codeOf, toWire, type WireError } from '../errors.js';
import type { Guest, Owed } from '../mesh/guest.js';
import { FrameKind, MeshFlag, type Settlement } from '../pipe/messages.js';
import { unpackHead, type OutcomeHead, type PostHead, type QueuedMeta } from '../pipe/queued-tasks.js';
import type { Clock } from '../platform/platform.js';
import type { Accepted, TaskQueue } from '../tasks/queue/task-queue.js';

/** A poster sends again what it had not heard of within ms; tasks that are older are nobody's to be posted again. */
const OLDEST_REPEAT_MS = 3_600_000;
/** ms in which posters come back to a queue process that has replaced another one. */
const RETURN_MS = 2_000;
const MOST_UNCLAIMED = 10_000;
/** Tasks that are looked at at once. */
const PAGE = 10_000;

const nobodyWaits: Owed = { settled: () => {} };

/** A result for a poster that may come back yet. */
interface Unclaimed {
  readonly token: number;
  readonly send: (guest: Guest) => void;
  readonly settle: (how: Settlement) => void;
}

export class Reception {
  /** Posts that are not answered yet. */
  pending = 0;
  readonly #posters = new Map<number, Guest>();
  /** By token and number: what earlier queue processes have accepted, and may not have said. */
  readonly #earlier = new Map<number, Map<number, number>>();
  readonly #refused = new Set<Guest>();
  /** For posters that may come back yet. */
  readonly #unclaimed = new Set<Unclaimed>();
  readonly #startedAt: number;
  #closing = false;

  constructor(
    private readonly queue: TaskQueue,
    private readonly clock: Clock,
  ) {
    this.#startedAt = clock.now();
    this.#rememberEarlier();
  }

  poster(guest: Guest, token: number): void {
    this.#posters.set(token, guest);
    for (const unclaimed of this.#unclaimed) {
      if (unclaimed.token !== token) continue;
      this.#unclaimed.delete(unclaimed);
      unclaimed.send(guest);
      unclaimed.settle('handled');
    }
  }

  left(guest: Guest): void {
    this.#refused.delete(guest);
    for (const [token, poster] of this.#posters) if (poster === guest) this.#posters.delete(token);
  }

  enqueue(
    guest: Guest,
    flags: number,
    seq: number,
    headBytes: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    if (this.#closing) {
      guest.settle(seq, 'returned');
      return;
    }
    const { meta, ...rest } = unpackHead<PostHead>(buffer, start, headBytes);
    const tells = (flags & MeshFlag.tells) !== 0;
    const known = (flags & MeshFlag.again) === 0 ? undefined : this.#earlier.get(meta.token)?.get(meta.n);
    if (known !== undefined) {
      this.#answer(guest, seq, tells, { id: known, duplicate: false });
      return;
    }
    // The pipe has only lent it.
    const payload = Buffer.from(buffer.subarray(start + headBytes, end));
    this.pending++;
    this.queue.enqueue({ payload, meta, ...rest }).then(
      (accepted) => {
        this.pending--;
        this.#answer(guest, seq, tells, accepted);
      },
      (error: unknown) => {
        this.pending--;
        if (codeOf(error) === 'TASK_QUEUE_FULL') this.#refused.add(guest);
        this.#send(guest, seq, MeshFlag.failed, toWire(error));
      },
    );
  }

  /** There is room again. */
  room(): void {
    for (const guest of this.#refused) guest.tell(FrameKind.room, 0, 0);
    this.#refused.clear();
  }

  /**
   * A task worker does not know the poster of a task. Nobody may know it who is
   * gone; but posters come back one by one to a queue process that has replaced
   * another, and for these it is kept a while: then it is settled later.
   */
  forward(
    flags: number,
    headBytes: number,
    buffer: Buffer,
    start: number,
    end: number,
    settle: (how: Settlement) => void,
  ): Settlement | undefined {
    const { token } = unpackHead<OutcomeHead>(buffer, start, headBytes);
    const guest = this.#posters.get(token);
    const patience = this.#startedAt + RETURN_MS - this.clock.now();
    if (guest === undefined && (patience <= 0 || this.#unclaimed.size >= MOST_UNCLAIMED)) return 'discarded';
    const head = Buffer.from(buffer.subarray(start, start + headBytes));
    const body = Buffer.from(buffer.subarray(start + headBytes, end));
    const send = (to: Guest): void => to.outcome(flags, head, body, body.length, nobodyWaits);
    if (guest !== undefined) {
      send(guest);
      return 'handled';
    }
    const unclaimed: Unclaimed = { token, send, settle };
    this.#unclaimed.add(unclaimed);
    this.clock.setTimer(patience, () => {
      if (this.#unclaimed.delete(unclaimed)) settle('discarded');
    });
    return undefined;
  }

  /** The task has failed for good. False when its poster is not there. */
  tellFailure({ token }: QueuedMeta, head: Buffer, reason: WireError): boolean {
    const guest = this.#posters.get(token);
    if (guest === undefined) return false;
    const body = Buffer.from(JSON.stringify(reason));
    guest.outcome(MeshFlag.failed | MeshFlag.last, head, body, body.length, nobodyWaits);
    return true;
  }

  /** Takes nothing more: posters keep what they have for whoever comes after this process. */
  close(): void {
    this.#closing = true;
  }

  #answer(guest: Guest, seq: number, tells: boolean, accepted: Accepted): void {
    if (tells) this.#send(guest, seq, 0, accepted);
    else if (guest.open) guest.settle(seq);
  }

  #send(guest: Guest, seq: number, flags: number, answer: Accepted | WireError): void {
    if (!guest.open) return;
    const body = JSON.stringify(answer);
    guest.result(seq, flags | MeshFlag.last, body, Buffer.byteLength(body), nobodyWaits);
  }

  #rememberEarlier(): void {
    const oldest = this.clock.wallTime() - OLDEST_REPEAT_MS;
    for (let after = 0; ;) {
      const page = this.queue.list({ after, limit: PAGE });
      for (const { id, acceptedAt, meta } of page)
        if (acceptedAt >= oldest) this.#remember(id, meta as QueuedMeta);
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.id;
    }
  }

  #remember(id: number, { token, n }: QueuedMeta): void {
    const ids = this.#earlier.get(token);
    if (ids === undefined) this.#earlier.set(token, new Map([[n, id]]));
    else ids.set(n, id);
  }
}
