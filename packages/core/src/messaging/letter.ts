import { MeshFlag, FrameKind, type Settlement } from '../pipe/messages.js';
import type { Encoded } from '../pipe/payload.js';
import type { Parcel, Way } from '../mesh/way.js';

/** What a message counts beside its bytes. */
const OVERHEAD_BYTES = 64;

/** What a message of so many bytes takes of a window. */
export function costOf(bytes: number): number {
  return bytes + OVERHEAD_BYTES;
}

export interface LetterEvents {
  settled(letter: Letter, how: Settlement): void;
}

/** A message that this process has sent and whose handler has not started yet, as far as it knows. */
export class Letter implements Parcel {
  /** A process died while it was on its way there: it goes alone from now on. */
  suspect = false;
  /** Where it went last. */
  way: Way | undefined;

  constructor(
    private readonly events: LetterEvents,
    private readonly content: Encoded,
    private readonly sentAt: number,
    /** Its place among all that this process has sent. */
    readonly number: number,
    readonly isQuestion: boolean,
  ) {}

  get cost(): number {
    return costOf(this.content.bytes);
  }

  /** What it is called on its way, and the reply to it. */
  get word(): number {
    return this.number >>> 0;
  }

  travel(way: Way): void {
    this.way = way;
    const { encoding, body, bytes } = this.content;
    const kind = this.isQuestion ? FrameKind.ask : FrameKind.post;
    way.send(kind, encoding & MeshFlag.encoding, 0, this.sentAt, this.word, 0, [body], bytes, this);
  }

  settled(how: Settlement): void {
    this.events.settled(this, how);
  }
}
