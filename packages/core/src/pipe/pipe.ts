/**
 * One end of a pipe between two processes of a server.
 *
 * A pipe is a framed byte stream with settlements. Numbered frames are kept
 * here until the peer settles them, in any order; what is left when the stream
 * closes is exactly what the peer has not settled, and `takeOutstanding` gives
 * it back in the order in which it was sent.
 *
 * Frames gather until the end of the event-loop turn and go out in one write.
 * A body above MAX_BODY_BYTES travels in chunks between the frames of others.
 * Until its last chunk is written, later frames with the same id wait behind it
 * in a lane, so that the order of one connection holds. What concerns many
 * connections (`EVERYBODY`) waits for all lanes of connections, and what is for one
 * of them and comes later waits behind it.
 *
 * An end always reads, and settlements and control frames wait for no window:
 * two directions that are both full never wait for each other.
 */
import { ProcessError } from '../errors.js';
import type { ByteStream, Clock, StreamEvents } from '../platform/platform.js';
import { deliverFrame, HEADER_BYTES, MAX_BODY_BYTES, readU32, writeHeader, type FrameSink } from './frame.js';
import { FrameReader } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';
import { FrameFlag, FrameKind, type Settlement } from './messages.js';
import { EVERYBODY } from './orders.js';
import { Outstanding } from './outstanding.js';
import { joinParts, type Part } from './parts.js';

/** While this much is unsent, no further chunk of a large frame is added. */
const CHUNK_BACKLOG_BYTES = 256 * 1024;

export interface PipeEvents<T extends object> extends FrameSink {
  /** The peer has settled a numbered frame. */
  settled(entry: T, how: Settlement): void;
  /** All frames of one read were delivered. */
  turn(): void;
  /** Everything that was given is with the system. Told at the end of a turn or later, never from inside a call. */
  drained(): void;
  /** The stream is gone; every whole frame of the peer has been delivered. Last event, once. */
  closed(error: Error | undefined): void;
}

/** How pipes differ by what they are used for. */
export interface PipeHabits {
  /** Bytes that gather in a turn before they are written; the peer can start while this end goes on. */
  readonly earlyFlush?: number;
  /** What is settled says nothing of the numbered frames behind it, and may follow them: runs become longer. */
  readonly gathersSettlements?: true;
}

interface QueuedFrame {
  readonly kind: number;
  readonly flags: number;
  readonly aux: number;
  readonly id: number;
  readonly seq: number;
  readonly word: number;
  readonly count: number;
  readonly body: Buffer;
  /** Bytes of header and body that have been written as chunks. */
  sent: number;
}

/** Frames of one id that wait behind a large one. */
interface Lane {
  readonly number: number;
  readonly queue: QueuedFrame[];
}

interface Assembly {
  readonly frame: Buffer;
  have: number;
}

export class Pipe<T extends object> implements StreamEvents, FrameSink {
  readonly #writer: FrameWriter;
  readonly #reader = new FrameReader(this);
  readonly #outstanding = new Outstanding<T>();
  readonly #lanes = new Map<number, Lane>();
  #laneNumber = 0;
  /** What waits for all lanes of connections, and what came behind that. */
  readonly #behind: QueuedFrame[] = [];
  readonly #assemblies = new Map<number, Assembly>();
  /** Bytes in lanes that are not written yet. */
  #laneBytes = 0;
  #settleFrom = 0;
  #settleCount = 0;
  #settleHow: Settlement = 'handled';
  #scheduled = false;
  #state: 'open' | 'ending' | 'closed' = 'open';

  constructor(
    private readonly stream: ByteStream,
    private readonly clock: Clock,
    /** Who is told; a handshake hands over to its successor. */
    public events: PipeEvents<T>,
    /** The largest body that the peer may send, in bytes. */
    private readonly maxBodyBytes: number,
    private readonly habits: PipeHabits = {},
  ) {
    this.#writer = new FrameWriter(stream, habits.earlyFlush);
  }

  /** Begins to read. */
  start(): void {
    this.stream.start(this);
  }

  get open(): boolean {
    return this.#state === 'open';
  }

  /** Bytes that were given to this end and are not with the system yet. */
  get backlog(): number {
    return this.#writer.pendingBytes + this.stream.buffered + this.#laneBytes;
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  countOutstanding(isSuch: (entry: T) => boolean): number {
    return this.#outstanding.count(isSuch);
  }

  /** Takes out what the peer has not settled, in the order in which it was sent. */
  takeOutstanding(): T[] {
    return this.#outstanding.takeAll();
  }

  /** The entry with that number, while it is not settled. */
  entry(seq: number): T | undefined {
    return this.#outstanding.get(seq);
  }

  /** Takes an entry out that an answer has settled. */
  settleEntry(seq: number): T | undefined {
    return this.#outstanding.settle(seq);
  }

  /** A numbered frame with the body `source[start, end)`; `entry` is kept until it is settled. */
  message(
    kind: number,
    flags: number,
    aux: number,
    id: number,
    word: number,
    count: number,
    source: Buffer | undefined,
    start: number,
    end: number,
    entry: T,
  ): number {
    const seq = this.#outstanding.add(entry);
    this.#put(kind, flags, aux, id, seq, word, count, source, start, end);
    return seq;
  }

  /** A numbered frame whose body is several parts of `bytes` bytes together. */
  messageParts(
    kind: number,
    flags: number,
    id: number,
    word: number,
    count: number,
    parts: readonly Part[],
    bytes: number,
    entry: T,
    aux = 0,
  ): number {
    if (this.habits.gathersSettlements !== true) this.#settleFirst();
    const seq = this.#outstanding.add(entry);
    if (bytes > MAX_BODY_BYTES || this.#isHeld(kind, id)) {
      const body = joinParts(parts, bytes);
      this.#put(kind, flags, aux, id, seq, word, count, body, 0, body.length);
    } else if (this.#state === 'open') {
      this.#writer.framePart(kind, flags, aux, id, seq, word, count, parts, bytes);
      this.#schedule();
    }
    return seq;
  }

  /** Grows the frame that was written last, see `FrameWriter.extend`. */
  extend(kind: number, id: number, word: number, parts: readonly Part[], bytes: number): boolean {
    return this.#lanes.size === 0 && this.#writer.extend(kind, id, word, parts, bytes);
  }

  /** A frame without a number: it is not kept and needs no settlement. */
  control(kind: number, flags = 0, id = 0, seq = 0, body?: Buffer): void {
    this.#settleFirst();
    this.#put(kind, flags, 0, id, seq, 0, 0, body, 0, body?.length ?? 0);
  }

  /** The same with a count. */
  tell(kind: number, flags: number, id: number, count: number, body: Buffer): void {
    this.#settleFirst();
    this.#put(kind, flags, 0, id, 0, 0, count, body, 0, body.length);
  }

  /**
   * What a worker settled comes before what it says afterwards: if it dies inside
   * the write, a later answer must not stand without the settlement in front of
   * it. Packets of a reactor (`message`) need no such order, and would cut its
   * runs to pieces.
   */
  #settleFirst(): void {
    if (this.#settleCount > 0) this.#writeSettlement();
  }

  /** Settles a number of the peer's. Runs of numbers travel as one frame. */
  settle(seq: number, how: Settlement = 'handled'): void {
    if (this.#settleCount > 0) {
      if (seq === (this.#settleFrom + this.#settleCount) >>> 0 && how === this.#settleHow) {
        this.#settleCount++;
        return;
      }
      this.#writeSettlement();
    }
    this.#settleFrom = seq;
    this.#settleCount = 1;
    this.#settleHow = how;
    this.#schedule();
  }

  /** Writes what has gathered. Happens by itself at the end of the turn. */
  flush(): void {
    if (this.#state === 'closed') return;
    if (this.#settleCount > 0) this.#writeSettlement();
    this.#writer.flush();
    if (this.#lanes.size > 0) this.#pumpLanes();
  }

  /** Whether frames of that connection wait behind a large one. */
  holds(id: number): boolean {
    return this.#lanes.size > 0 && (this.#lanes.has(id) || this.#waitsForMany(id));
  }

  /** Flushes, then ends the stream. */
  finish(): void {
    if (this.#state !== 'open') return;
    this.flush();
    this.#state = 'ending';
    if (this.#lanes.size === 0) this.stream.end();
  }

  /** Gives the stream up: nothing more is read or written, and `closed` is not told. */
  abandon(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#assemblies.clear();
    this.stream.destroy();
  }

  // The stream's events.

  data(chunk: Buffer): void {
    if (this.#state === 'closed') return;
    try {
      this.#reader.read(chunk);
    } catch (error) {
      if (!(error instanceof ProcessError)) throw error;
      this.stream.destroy();
      this.close(error);
      return;
    }
    if (!this.#isClosed()) this.events.turn();
  }

  drain(): void {
    if (this.#lanes.size > 0) this.#pumpLanes();
    if (this.#state === 'ending' && this.#lanes.size === 0) this.stream.end();
    if (this.#state !== 'closed' && this.backlog === 0) this.events.drained();
  }

  end(): void {
    this.stream.end();
  }

  close(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#assemblies.clear();
    this.events.closed(error);
  }

  // The reader's frames.

  frame(
    kind: number,
    flags: number,
    aux: number,
    id: number,
    seq: number,
    word: number,
    count: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    if (this.#state === 'closed') return;
    if (kind === FrameKind.settle) {
      const how = settlementOf(flags);
      if (count > this.#outstanding.size) {
        throw new ProcessError('PIPE_BROKEN', `a peer settles ${count} frames, more than it was sent`);
      }
      for (let index = 0; index < count; index++) {
        const entry = this.#outstanding.settle((seq + index) >>> 0);
        if (entry !== undefined) this.events.settled(entry, how);
      }
    } else if (kind === FrameKind.chunk) {
      this.#assemble(flags, id, buffer, start, end);
    } else {
      this.events.frame(kind, flags, aux, id, seq, word, count, buffer, start, end);
    }
  }

  // A method, because a check of the field would narrow it across calls that change it.
  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.clock.defer(this.#flushDeferred);
  }

  readonly #flushDeferred = (): void => {
    this.#scheduled = false;
    this.flush();
    if (this.#state !== 'closed' && this.backlog === 0) this.events.drained();
  };

  #writeSettlement(): void {
    this.#writer.frame(
      FrameKind.settle,
      settleFlags[this.#settleHow],
      0,
      0,
      this.#settleFrom,
      0,
      this.#settleCount,
    );
    this.#settleCount = 0;
  }

  #put(
    kind: number,
    flags: number,
    aux: number,
    id: number,
    seq: number,
    word: number,
    count: number,
    source: Buffer | undefined,
    start: number,
    end: number,
  ): void {
    if (this.#state !== 'open') return;
    // Nobody waits for what a cancel overtakes.
    const held = kind >= FrameKind.connect && kind !== FrameKind.cancel && this.#isHeld(kind, id);
    if (end - start <= MAX_BODY_BYTES && !held) {
      this.#writer.frame(kind, flags, aux, id, seq, word, count, source, start, end);
    } else {
      const body = source === undefined ? Buffer.alloc(0) : source.subarray(start, end);
      this.#queue({ kind, flags, aux, id, seq, word, count, body, sent: 0 });
    }
    this.#schedule();
  }

  #isHeld(kind: number, id: number): boolean {
    if (this.#lanes.size === 0) return false;
    const key = laneOf(kind, id);
    return this.#lanes.has(key) || this.#waitsForMany(key);
  }

  /** Whether a frame of that lane waits because of what is for many connections, or is that itself. */
  #waitsForMany(key: number): boolean {
    return key >= 0 && (this.#behind.length > 0 || this.#isBarred(key));
  }

  #isBarred(key: number): boolean {
    if (key !== EVERYBODY) return key >= 0 && this.#lanes.has(EVERYBODY);
    for (const other of this.#lanes.keys()) if (other >= 0) return true;
    return false;
  }

  #queue(frame: QueuedFrame): void {
    this.#laneBytes += HEADER_BYTES + frame.body.length;
    const key = laneOf(frame.kind, frame.id);
    if (this.#waitsForMany(key)) this.#behind.push(frame);
    else this.#intoLane(key, frame);
  }

  #intoLane(key: number, frame: QueuedFrame): void {
    const lane = this.#lanes.get(key);
    if (lane !== undefined) lane.queue.push(frame);
    else this.#lanes.set(key, { number: this.#laneNumber++, queue: [frame] });
  }

  /** A lane is empty: what has waited for it goes on, in order, up to the next that has to wait. */
  #release(): void {
    for (;;) {
      const [frame] = this.#behind;
      if (frame === undefined) return;
      const key = laneOf(frame.kind, frame.id);
      if (this.#isBarred(key)) return;
      this.#behind.shift();
      if (frame.body.length > MAX_BODY_BYTES || this.#lanes.has(key)) this.#intoLane(key, frame);
      else this.#writeWhole(frame);
    }
  }

  /** One chunk of each lane in turn, as long as the stream takes them. */
  #pumpLanes(): void {
    while (this.stream.buffered + this.#writer.pendingBytes < CHUNK_BACKLOG_BYTES) {
      const [first] = this.#lanes;
      if (first === undefined) break;
      const [id, lane] = first;
      this.#advanceLane(lane);
      this.#lanes.delete(id);
      if (lane.queue.length > 0) this.#lanes.set(id, lane);
      else this.#release();
    }
    this.#writer.flush();
  }

  #advanceLane(lane: Lane): void {
    const frame = lane.queue[0]!;
    if (frame.body.length > MAX_BODY_BYTES) this.#writeChunk(lane, frame);
    else this.#writeQueued(lane, frame);
    // What waits behind may be small: it goes out until the next large one.
    while (lane.queue.length > 0 && lane.queue[0]!.body.length <= MAX_BODY_BYTES) {
      this.#writeQueued(lane, lane.queue[0]!);
    }
  }

  #writeQueued(lane: Lane, frame: QueuedFrame): void {
    this.#writeWhole(frame);
    lane.queue.shift();
  }

  #writeWhole({ kind, flags, aux, id, seq, word, count, body }: QueuedFrame): void {
    this.#writer.frame(kind, flags, aux, id, seq, word, count, body, 0, body.length);
    this.#laneBytes -= HEADER_BYTES + body.length;
  }

  #writeChunk(lane: Lane, frame: QueuedFrame): void {
    const total = HEADER_BYTES + frame.body.length;
    if (frame.sent === 0) {
      const header = Buffer.allocUnsafe(HEADER_BYTES);
      const { kind, flags, aux, id, seq, word, count, body } = frame;
      writeHeader(header, 0, body.length, kind, flags, aux, id, seq, word, count);
      this.#writer.frame(FrameKind.chunk, FrameFlag.first, 0, lane.number, 0, 0, 0, header, 0, HEADER_BYTES);
      this.#laneBytes -= HEADER_BYTES;
      frame.sent = HEADER_BYTES;
    }
    const from = frame.sent - HEADER_BYTES;
    const to = Math.min(from + MAX_BODY_BYTES, frame.body.length);
    const last = to === frame.body.length;
    const flags = last ? FrameFlag.last : 0;
    this.#writer.frame(FrameKind.chunk, flags, 0, lane.number, 0, 0, 0, frame.body, from, to);
    this.#laneBytes -= to - from;
    frame.sent += to - from;
    if (frame.sent === total) lane.queue.shift();
  }

  #assemble(flags: number, number: number, buffer: Buffer, start: number, end: number): void {
    let assembly = this.#assemblies.get(number);
    if ((flags & FrameFlag.first) !== 0) {
      const total = end - start >= HEADER_BYTES ? readU32(buffer, start) : Infinity;
      if (assembly !== undefined || total > this.maxBodyBytes) {
        throw new ProcessError(
          'PIPE_BROKEN',
          `a large frame claims ${total} bytes, the limit is ${this.maxBodyBytes}`,
        );
      }
      assembly = { frame: Buffer.allocUnsafe(HEADER_BYTES + total), have: 0 };
      this.#assemblies.set(number, assembly);
    }
    if (assembly === undefined || assembly.have + (end - start) > assembly.frame.length) {
      throw new ProcessError('PIPE_BROKEN', 'a chunk came that belongs to no large frame');
    }
    buffer.copy(assembly.frame, assembly.have, start, end);
    assembly.have += end - start;
    if ((flags & FrameFlag.last) === 0) return;
    this.#assemblies.delete(number);
    if (assembly.have !== assembly.frame.length) {
      throw new ProcessError('PIPE_BROKEN', 'a large frame ended before all of it had come');
    }
    deliverFrame(assembly.frame, 0, assembly.frame.length, this);
  }
}

/**
 * Frames of one connection keep their order. So does all that a process asks of
 * another over the mesh; what that answers keeps it for each question.
 */
function laneOf(kind: number, id: number): number {
  // An answer that concerns nobody in particular keeps nobody waiting.
  if (kind === FrameKind.response && id === EVERYBODY) return -1;
  if (kind < FrameKind.post) return id;
  return kind < FrameKind.reply ? -1 : -2 - id;
}

const settleFlags: Readonly<Record<Settlement, number>> = {
  handled: 0,
  discarded: FrameFlag.discarded,
  returned: FrameFlag.returned,
};

function settlementOf(flags: number): Settlement {
  if ((flags & FrameFlag.returned) !== 0) return 'returned';
  return (flags & FrameFlag.discarded) !== 0 ? 'discarded' : 'handled';
}
