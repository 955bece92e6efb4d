import type { ByteStream, Chunks, Endpoint, StreamEvents } from '@shoal/core/internal/platform/platform';
import type { Actor, Resource } from './actor.js';
import type { Owner, ScheduledEvent } from './event-queue.js';
import { Flow, type Sink } from './flow.js';
import { Line } from './line.js';
import type { ClientLink } from './link-behaviour.js';
import { LARGEST_READ, systemError, type Medium } from './medium.js';
import { outside } from './outside.js';

/** A write that a death cuts short is cut within so many bytes of its beginning or end in two of three cases. */
const EDGE_BYTES = 64;
/** What is left of a chunk that was lent. */
const SCRIBBLE = 0xdd;

/**
 * One end of a virtual connection or pipe.
 *
 * Both ends are open on their own: `end` closes one direction, and `close`
 * follows when both are. An end that is destroyed, or whose process died, still
 * delivers what the system has taken; then its peer sees the end, or a reset if
 * bytes were left unread, as in Linux. A write towards it is answered by a reset.
 */
export class VirtualStream implements ByteStream, Resource, Sink {
  chunks: Chunks = 'own';
  #owner: Owner = outside;
  #actor: Actor | undefined;
  #peer!: VirtualStream;
  #out!: Flow;
  #line: Line | undefined;
  #events: StreamEvents | undefined;
  readonly #arrived: Buffer[] = [];
  #arrivedBytes = 0;
  #paused = false;
  #readScheduled = false;
  #endArrived = false;
  #endSeen = false;
  #error: Error | undefined;
  #state: 'open' | 'gone' | 'closed' = 'open';

  private constructor(
    private readonly medium: Medium,
    readonly local: Endpoint,
    readonly remote: Endpoint,
  ) {}

  static pair(medium: Medium, a: Endpoint, b: Endpoint): [VirtualStream, VirtualStream] {
    const first = new VirtualStream(medium, a, b);
    const second = new VirtualStream(medium, b, a);
    first.#joinTo(second);
    second.#joinTo(first);
    return [first, second];
  }

  #joinTo(peer: VirtualStream): void {
    this.#peer = peer;
    this.#out = new Flow(
      this.medium,
      peer,
      this,
      () => this.#events?.drain(),
      () => this.#closeIfBothEnded(),
    );
  }

  /** Gives the stream to the process that accepted or made it. */
  belongTo(actor: Actor): this {
    this.#owner = this.#actor = actor;
    actor.resources.add(this);
    return this;
  }

  get alive(): boolean {
    return this.#state !== 'closed' && this.#owner.alive;
  }

  /** The process that holds this end; undefined for a client's, and before it is accepted. */
  get pid(): number | undefined {
    return this.#actor?.pid;
  }

  goesOver(medium: Medium): boolean {
    return this.medium === medium;
  }

  /** The process at the other end. */
  get peerPid(): number | undefined {
    return this.#peer.pid;
  }

  get link(): ClientLink {
    return this.line;
  }

  /** What sets it apart from its medium; made when it is first asked for. */
  get line(): Line {
    return this.#line ?? this.goOver(new Line(this.medium));
  }

  /** Lets both directions go over this line, from now on and for good. */
  goOver(line: Line): Line {
    this.#line = this.#peer.#line = line;
    this.#out.goOver(line);
    this.#peer.#out.goOver(line);
    return line;
  }

  enter(event: ScheduledEvent): void {
    this.#owner.enter(event);
  }

  get buffered(): number {
    return this.#out.buffered;
  }

  get unsent(): number {
    return this.#out.buffered;
  }

  get gone(): boolean {
    return this.#state !== 'open';
  }

  start(events: StreamEvents): void {
    if (this.#events !== undefined) throw new Error('a stream is started once');
    this.#events = events;
    this.#scheduleRead();
  }

  /** Puts another protocol over the stream: what it tells goes to these from now on. */
  takeOver(events: StreamEvents): void {
    const started = this.#events !== undefined;
    this.#events = events;
    if (!started) this.#scheduleRead();
  }

  /** Runs in an event of its own, as what the stream tells does. */
  later(run: () => void): void {
    this.medium.scheduler.after(0, this, run);
  }

  write(chunk: Buffer): void {
    this.writeAll([chunk]);
  }

  writeAll(chunks: readonly Buffer[]): void {
    if (this.#state !== 'open' || !this.alive || this.#out.ended) return;
    if (this.#error !== undefined) {
      this.#breakNow(this.#error);
      return;
    }
    if (this.#peer.refuse()) return;
    if (this.#actor?.diesInThisWrite() === true) {
      this.#writeAndDie(Buffer.concat(chunks), this.#actor);
      return;
    }
    for (const chunk of chunks) this.#out.write(chunk);
  }

  /** Anywhere, and more often among the first or the last bytes, where whole frames are short. */
  #whereCut(length: number): number {
    const { random } = this.medium;
    const edge = Math.min(length, EDGE_BYTES);
    switch (random.integer(0, 2)) {
      case 0:
        return random.integer(0, length);
      case 1:
        return random.integer(0, edge);
      default:
        return length - random.integer(0, edge);
    }
  }

  /** One writev is not atomic: a process killed inside it leaves any first part of it. */
  #writeAndDie(bytes: Buffer, actor: Actor): void {
    this.#out.write(bytes.subarray(0, this.#whereCut(bytes.length)));
    actor.killedInsideWrite();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#scheduleRead();
  }

  end(): void {
    if (this.#state === 'open' && this.alive) this.#out.end();
  }

  destroy(reset = false): void {
    if (this.#state !== 'open' || !this.alive) return;
    this.#leave(reset);
    this.medium.scheduler.after(0, this, () => this.#close(undefined));
  }

  abandon(): void {
    if (this.#state === 'open') this.#leave(false);
    this.#state = 'closed';
  }

  /** What `exit` still does for the streams of its process. */
  flush(): void {
    this.#out.flush();
  }

  #leave(reset: boolean): void {
    this.#state = 'gone';
    const unread = this.#peer.#out.unread > 0;
    if (!reset && !unread) {
      this.#out.cut();
      return;
    }
    if (this.medium.random.chance(this.medium.options.lossByReset)) this.#out.loseOnWay();
    else this.#out.stop();
    this.#resetPeer('ECONNRESET');
  }

  /** What a system does with bytes for a socket that is no longer there. */
  #answerByReset(): void {
    this.#resetPeer(this.medium.options.brokenCode);
  }

  #resetPeer(code: string): void {
    const peer = this.#peer;
    this.#out.sendAfterBytes(() => peer.#breakWhenRead(systemError(code, 'stream broken by the peer')));
  }

  arrive(chunks: readonly Buffer[], size: number): void {
    if (this.#state !== 'open') return;
    for (const chunk of chunks) this.#arrived.push(chunk);
    this.#arrivedBytes += size;
    if (!this.#readScheduled) this.#read();
  }

  refuse(): boolean {
    if (this.#state === 'open' || this.#line?.severed === true) return false;
    this.#answerByReset();
    return true;
  }

  arriveEnd(): void {
    this.#endArrived = true;
    if (!this.#readScheduled) this.#read();
  }

  get #reading(): boolean {
    return this.#events !== undefined && !this.#paused && this.#state === 'open';
  }

  #scheduleRead(): void {
    if (this.#readScheduled) return;
    this.#readScheduled = true;
    this.medium.scheduler.after(0, this, () => {
      this.#readScheduled = false;
      this.#read();
    });
  }

  /** Whoever keeps it longer than it may finds it changed. */
  #lend(chunk: Buffer): void {
    const lent = Buffer.from(chunk);
    this.#events!.data(lent);
    lent.fill(SCRIBBLE);
  }

  #read(): void {
    if (!this.#reading) return;
    if (this.#arrivedBytes > 0) {
      const chunk = this.#take(this.#sizeOfRead());
      this.#peer.#out.taken(chunk.length);
      if (this.#arrivedBytes > 0 || this.#endArrived || this.#error !== undefined) this.#scheduleRead();
      if (this.chunks === 'own') this.#events!.data(chunk);
      else this.#lend(chunk);
    } else if (this.#error !== undefined) {
      this.#close(this.#error);
    } else if (this.#endArrived && !this.#endSeen) {
      this.#endSeen = true;
      this.#closeIfBothEnded();
      this.#events!.end();
    }
  }

  #sizeOfRead(): number {
    const fragment = this.#line?.behaviour.fragment;
    if (fragment !== undefined) return Math.min(this.#arrivedBytes, fragment);
    const most = Math.min(this.#arrivedBytes, LARGEST_READ);
    return this.medium.random.chance(this.medium.options.fragmentation)
      ? this.medium.random.integer(1, most)
      : most;
  }

  #take(size: number): Buffer {
    this.#arrivedBytes -= size;
    const first = this.#arrived[0]!;
    if (first.length > size) {
      this.#arrived[0] = first.subarray(size);
      return first.subarray(0, size);
    }
    this.#arrived.shift();
    return first.length === size ? first : this.#joinArrived(first, size);
  }

  /** `size` bytes, of which `first` has fewer. */
  #joinArrived(first: Buffer, size: number): Buffer {
    const chunk = Buffer.allocUnsafeSlow(size);
    let filled = first.copy(chunk);
    while (filled < size) {
      const next = this.#arrived[0]!;
      const part = next.copy(chunk, filled);
      filled += part;
      if (part === next.length) this.#arrived.shift();
      else this.#arrived[0] = next.subarray(part);
    }
    return chunk;
  }

  #closeIfBothEnded(): void {
    if (this.#state !== 'open' || !this.#endSeen || !this.#out.ended) return;
    this.#state = 'gone';
    this.medium.scheduler.after(0, this, () => this.#close(undefined));
  }

  /** A reset shows when what came before it has been read; a reader that is paused does not see it. */
  #breakWhenRead(error: Error): void {
    if (this.#state !== 'open') return;
    this.#error ??= error;
    if (!this.#readScheduled) this.#read();
  }

  #breakNow(error: Error): void {
    this.#state = 'gone';
    this.#out.loseOnWay();
    this.medium.scheduler.after(0, this, () => this.#close(error));
  }

  #close(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'open') this.#out.loseOnWay();
    this.#state = 'closed';
    this.#actor?.resources.delete(this);
    this.#events?.close(error);
  }
}
