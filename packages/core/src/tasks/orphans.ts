import type { Mesh } from '../mesh/mesh.js';
import type { Parcel, Way } from '../mesh/way.js';
import { FrameKind, MeshFlag, type OrphanedResult, type Settlement } from '../pipe/messages.js';
import { encode, type Encoded } from '../pipe/payload.js';
import { Fifo } from './fifo.js';
import { inFile, type Spool, type Spooled } from './spool.js';

/** So many results may wait in one task worker for processes that are being replaced; further ones are dropped and counted. */
const MAX_WAITING = 10_000;
/** Bytes of those that are in memory, beside the first. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** Results of tasks whose poster is gone, on their way to whoever takes its place. */
export class Orphans {
  /** Results that nobody was there for. */
  dropped = 0;
  readonly #waiting = new Map<number, Fifo<Orphan>>();
  #count = 0;
  #bytes = 0;

  constructor(
    private readonly mesh: Pick<Mesh, 'wayTo'>,
    private readonly spool: Pick<Spool, 'write' | 'discard'>,
    /** Bytes. */
    private readonly taskSpoolSize: number,
  ) {}

  /** Results that have not been taken yet. */
  get count(): number {
    return this.#count;
  }

  add(workerId: number, result: OrphanedResult): void {
    // A master or a manager has no successor that could know what to do.
    if (workerId < 0 || this.#count >= MAX_WAITING || this.#bytes > MAX_WAITING_BYTES) {
      this.dropped++;
      return;
    }
    const content = encodeOrphan(result);
    this.#count++;
    if (content.bytes <= this.taskSpoolSize) this.#push(workerId, content);
    else void this.#write(workerId, content);
  }

  /** What was posted and what came of it are each within their bounds, but hardly both in one frame. */
  async #write(workerId: number, content: Encoded): Promise<void> {
    try {
      this.#push(workerId, content, await this.spool.write(content, 'a result whose poster is gone'));
    } catch {
      this.#count--;
      this.dropped++;
    }
  }

  #push(workerId: number, content: Encoded, file?: Spooled): void {
    const bytes = file === undefined ? content.bytes : 0;
    this.#bytes += bytes;
    const taken = (): void => {
      this.#count--;
      this.#bytes -= bytes;
      if (file !== undefined) this.spool.discard(file.name);
    };
    let line = this.#waiting.get(workerId);
    if (line === undefined) this.#waiting.set(workerId, (line = new Fifo()));
    line.push(new Orphan(file === undefined ? content : inFile(file), file !== undefined, taken));
    this.pump();
  }

  pump(): void {
    for (const [workerId, line] of this.#waiting) {
      const way = line.length === 0 ? undefined : this.mesh.wayTo(workerId);
      if (way?.open !== true) continue;
      while (line.length > 0) line.shift()!.travel(way);
    }
  }

  lost(way: Way, unsettled: readonly Parcel[]): void {
    const orphans = unsettled.filter((parcel): parcel is Orphan => parcel instanceof Orphan);
    this.#waiting.get(way.peer.workerId)?.unshift(orphans);
    this.pump();
  }
}

/** The handler may have put into what was posted what cannot be cloned: its result arrives without it. */
function encodeOrphan(result: OrphanedResult): Encoded {
  try {
    return encode(result);
  } catch {
    return encode({ ...result, input: undefined });
  }
}

class Orphan implements Parcel {
  constructor(
    private readonly content: Encoded,
    private readonly spooled: boolean,
    private readonly onTaken: () => void,
  ) {}

  travel(way: Way): void {
    const { encoding, body, bytes } = this.content;
    const flags = encoding | (this.spooled ? MeshFlag.spooled : 0);
    way.send(FrameKind.orphan, flags, 0, 0, 0, 0, [body], bytes, this);
  }

  settled(_how: Settlement): void {
    this.onTaken();
  }
}
