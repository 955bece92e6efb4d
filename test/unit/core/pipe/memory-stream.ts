import type { ByteStream, Endpoint, StreamEvents } from '@shoal/core/internal/platform/platform';
import type { ManualClock } from './manual-clock.js';

/**
 * One end of a byte stream in memory. The system between the ends takes
 * `capacity` bytes; what it does not take stays `buffered`, by reference, so
 * that a writer which reuses its memory too early sends garbage here too.
 *
 * Nothing moves by itself: `step` moves something, in pieces of any size.
 */
export class MemoryStream implements ByteStream {
  readonly remote: Endpoint = { address: '10.0.0.7', port: 40_000 };
  readonly local: Endpoint = { address: '127.0.0.1', port: 9501 };
  /** What was written, call by call: how many chunks each. */
  readonly writes: number[] = [];
  paused = false;
  reset = false;
  #peer: MemoryStream | undefined;
  #events: StreamEvents | undefined;
  #unsent: Buffer[] = [];
  #buffered = 0;
  #transit: Buffer[] = [];
  #transitBytes = 0;
  #writing: 'open' | 'ending' | 'ended' = 'open';
  #peerEnded = false;
  #state: 'open' | 'destroyed' | 'broken' | 'closed' = 'open';
  /** Bytes that were buffered since the last drain. */
  #owesDrain = false;

  constructor(public capacity: number) {}

  static pair(capacity = 64 * 1024): [MemoryStream, MemoryStream] {
    const left = new MemoryStream(capacity);
    const right = new MemoryStream(capacity);
    left.#peer = right;
    right.#peer = left;
    return [left, right];
  }

  get buffered(): number {
    return this.#buffered;
  }

  get unsent(): number {
    return this.#buffered;
  }

  get gone(): boolean {
    return this.#state !== 'open';
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  get ended(): boolean {
    return this.#writing !== 'open';
  }

  start(events: StreamEvents): void {
    this.#events = events;
  }

  write(chunk: Buffer): void {
    this.writeAll([chunk]);
  }

  writeAll(chunks: readonly Buffer[]): void {
    if (this.#writing !== 'open' || this.#state !== 'open') return;
    this.writes.push(chunks.length);
    for (const chunk of chunks) {
      this.#unsent.push(chunk);
      this.#buffered += chunk.length;
    }
    this.#fill();
    if (this.#buffered > 0) this.#owesDrain = true;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    if (this.#writing === 'open') this.#writing = 'ending';
  }

  destroy(reset = false): void {
    if (this.#state !== 'open') return;
    this.#state = 'destroyed';
    this.reset = reset;
    this.#drop();
  }

  /** The process at this end dies: what the system has taken still arrives, up to `lost` bytes less. */
  die(lost = 0): void {
    this.#unsent = [];
    this.#buffered = 0;
    const kept = Buffer.concat(this.#transit);
    this.#transit = [kept.subarray(0, Math.max(0, kept.length - lost))];
    this.#transitBytes = this.#transit[0]!.length;
    this.#writing = 'ending';
    this.#events = undefined;
    this.#state = 'closed';
  }

  /** Moves something on, at most `most` bytes; says whether anything moved. */
  step(most = Infinity): boolean {
    if (this.#state === 'destroyed') return this.#close(undefined);
    if (this.#state === 'broken') return this.#close(new Error('ECONNRESET'));
    this.#fill();
    return this.#pass(most) || this.#drain() || this.#finish();
  }

  #pass(most: number): boolean {
    const peer = this.#peer!;
    if (this.#transitBytes === 0) return false;
    if (peer.#state !== 'open') {
      this.#drop();
      this.#transit = [];
      this.#transitBytes = 0;
      return true;
    }
    if (peer.#events === undefined || peer.paused) return false;
    const first = this.#transit[0]!;
    const size = Math.min(first.length, Math.max(1, Math.floor(most)));
    if (size === first.length) this.#transit.shift();
    else this.#transit[0] = first.subarray(size);
    this.#transitBytes -= size;
    if (size > 0) peer.#events.data(Buffer.from(first.subarray(0, size)));
    this.#fill();
    return true;
  }

  #drain(): boolean {
    if (!this.#owesDrain || this.#buffered > 0 || this.#state !== 'open') return false;
    this.#owesDrain = false;
    this.#events?.drain();
    return true;
  }

  #finish(): boolean {
    const peer = this.#peer!;
    const sent = this.#buffered === 0 && this.#transitBytes === 0;
    const heard = peer.#state !== 'open' || (peer.#events !== undefined && !peer.paused);
    if (this.#writing === 'ending' && sent && heard) {
      this.#writing = 'ended';
      peer.#peerEnded = true;
      if (peer.#state === 'open') peer.#events?.end();
      return true;
    }
    if (this.#writing === 'ended' && this.#peerEnded && this.#state === 'open') return this.#close(undefined);
    return false;
  }

  #close(error: Error | undefined): boolean {
    this.#state = 'closed';
    const peer = this.#peer!;
    if (peer.#state === 'open') {
      if (this.reset || error !== undefined) peer.#state = 'broken';
      else if (this.#writing === 'open') this.#writing = 'ending';
    }
    this.#events?.close(error);
    return true;
  }

  #drop(): void {
    this.#unsent = [];
    this.#buffered = 0;
    this.#owesDrain = false;
  }

  #fill(): void {
    while (this.#buffered > 0 && this.#transitBytes < this.capacity) {
      const first = this.#unsent[0]!;
      const size = Math.min(first.length, this.capacity - this.#transitBytes);
      if (size === first.length) this.#unsent.shift();
      else this.#unsent[0] = first.subarray(size);
      if (size === 0) continue;
      this.#transit.push(Buffer.from(first.subarray(0, size)));
      this.#transitBytes += size;
      this.#buffered -= size;
    }
  }
}

/** Chooses the size of the next piece, and which stream is next. */
export type Choice = () => number;

/** Everything at once, in turn. */
export const whole: Choice = () => 1;

/** Numbers in [0, 1) that depend on the seed alone. */
export function choices(seed: number): Choice {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Moves everything on until nothing moves any more. */
export function flow(clock: ManualClock, streams: readonly MemoryStream[], choose: Choice = whole): void {
  const most = (): number => (choose === whole ? Infinity : 1 + Math.floor(choose() ** 3 * 100_000));
  for (let quiet = 0; quiet < 2;) {
    let moved = clock.turn();
    const first = Math.floor(choose() * streams.length);
    for (let index = 0; index < streams.length; index++) {
      const stream = streams[(first + index) % streams.length]!;
      if (stream.step(most())) moved = true;
      if (choose() < 0.5 && clock.turn()) moved = true;
    }
    quiet = moved ? 0 : quiet + 1;
  }
}
