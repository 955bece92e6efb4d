import type { Owner, ScheduledEvent } from './event-queue.js';
import type { Line } from './line.js';
import type { Medium } from './medium.js';
import { outside } from './outside.js';
import { GRAIN, type Channel } from './scheduler.js';

/** Bytes that travel together. */
export interface Segment {
  readonly chunks: Buffer[];
  size: number;
  lost: boolean;
}

/** What passes within this many ms travels in one piece. */
const PIECE_MS = 10;
/** As much as a packet carries on an Ethernet. */
const LARGEST_PIECE = 1_460;

/**
 * One direction of a line.
 *
 *   waiting ──(gathered, wire free, line open)──► on the wire ──► on its way ──(line open)──► arrives
 *
 * The kernel of the writer has all of it, so that it survives the writer. What
 * comes after bytes (an end, a reset) waits behind them.
 */
export class Lane {
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  readonly #afterBytes: (() => void)[] = [];
  readonly #onWay: Segment[] = [];
  #gathering: ScheduledEvent | undefined;
  #wire: ScheduledEvent | undefined;
  #rate = Infinity;
  #busySince = 0;
  #busyUntil = 0;
  #passed = 0;

  constructor(
    readonly line: Line,
    private readonly medium: Medium,
    /** To whom things on their way belong. */
    private readonly traveller: Owner,
    private readonly channel: Channel,
    private readonly arrive: (chunks: readonly Buffer[], size: number) => void,
  ) {}

  send(chunk: Buffer): void {
    if (this.line.severed) return;
    const last = this.#onWay.at(-1);
    if (last !== undefined && this.#joinsByChance()) {
      last.chunks.push(chunk);
      last.size += chunk.length;
      return;
    }
    if (this.#waitingBytes === 0) this.#beginGathering();
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#go();
  }

  sendAfterBytes(run: () => void): void {
    if (this.line.severed) return;
    this.#afterBytes.push(run);
    this.#endGathering();
    this.#go();
  }

  /** Forgets all bytes that have not arrived. */
  lose(): void {
    this.#waiting.length = this.#waitingBytes = 0;
    for (const piece of this.#onWay) piece.lost = true;
  }

  /** The line behaves otherwise, or passes again. */
  changed(): void {
    this.#endGathering();
    this.#go();
  }

  /** Nothing of it will arrive. */
  severed(): void {
    this.lose();
    this.#onWay.length = this.#afterBytes.length = 0;
  }

  #joinsByChance(): boolean {
    const { bandwidth = Infinity, coalesce } = this.line.behaviour;
    if (this.#waitingBytes > 0 || bandwidth < Infinity || coalesce !== undefined || this.line.shut)
      return false;
    return this.medium.random.chance(this.medium.options.coalescing);
  }

  #beginGathering(): void {
    const { coalesce = 0 } = this.line.behaviour;
    if (coalesce > 0) this.#gathering = this.medium.scheduler.after(coalesce, outside, () => this.changed());
  }

  #endGathering(): void {
    this.#gathering?.cancel();
    this.#gathering = undefined;
  }

  #go(): void {
    while (!this.line.shut && this.#wire === undefined && this.#gathering === undefined) {
      if (this.#waitingBytes > 0) {
        this.#sendPiece();
        continue;
      }
      const run = this.#afterBytes.shift();
      if (run === undefined) return;
      this.medium.scheduler.after(this.line.delay(), this.traveller, run, this.channel);
    }
  }

  #sendPiece(): void {
    const { scheduler } = this.medium;
    const { bandwidth = Infinity } = this.line.behaviour;
    const piece = this.#take(bandwidth);
    this.#onWay.push(piece);
    const passing = bandwidth === Infinity ? 0 : this.#occupyWire(bandwidth, piece.size);
    if (passing > 0) {
      this.#wire = scheduler.after(passing, outside, () => {
        this.#wire = undefined;
        this.#go();
      });
    }
    const arrives = (): void => {
      this.#onWay.shift();
      if (!piece.lost) this.arrive(piece.chunks, piece.size);
    };
    scheduler.after(passing + this.line.delay(), this.traveller, arrives, this.channel);
  }

  #take(bandwidth: number): Segment {
    const passing = Math.max(1, Math.floor((bandwidth * PIECE_MS) / 1000));
    const most = bandwidth === Infinity ? Infinity : Math.min(passing, LARGEST_PIECE);
    const piece: Segment = { chunks: [], size: 0, lost: false };
    while (this.#waitingBytes > 0 && piece.size < most) {
      const chunk = this.#waiting[0]!;
      const part = chunk.subarray(0, most - piece.size);
      if (part.length === chunk.length) this.#waiting.shift();
      else this.#waiting[0] = chunk.subarray(part.length);
      piece.chunks.push(part);
      piece.size += part.length;
      this.#waitingBytes -= part.length;
    }
    return piece;
  }

  /** Virtual ms until these bytes have passed: rounded only where the world's time is, so that no error adds up. */
  #occupyWire(bandwidth: number, bytes: number): number {
    const { time } = this.medium.scheduler;
    if (bandwidth !== this.#rate || time - this.#busyUntil >= GRAIN) {
      this.#rate = bandwidth;
      this.#busySince = time;
      this.#passed = 0;
    }
    this.#passed += bytes;
    const ms = (this.#passed * 1000) / bandwidth;
    this.#busyUntil = this.#busySince + GRAIN * Math.ceil(ms / GRAIN);
    return Math.max(0, this.#busyUntil - time);
  }
}
