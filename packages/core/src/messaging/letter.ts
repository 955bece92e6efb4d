import { MeshFlag, FrameKind, type Settlement } from '../pipe/messages.js';
import type { Encoded } from '../pipe/payload.js';
import type { Parcel, Way } from '../mesh/way.js';

/** What a message counts beside its bytes. */
const OVERHEAD_BYTES = 64;

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
    /** The question that it is; undefined where no reply is wanted. */
    readonly question: number | undefined,
  ) {}

  get cost(): number {
    return this.content.bytes + OVERHEAD_BYTES;
  }

  travel(way: Way): void {
    this.way = way;
    const { encoding, body, bytes } = this.content;
    const kind = this.question === undefined ? FrameKind.post : FrameKind.ask;
    way.send(kind, encoding & MeshFlag.encoding, 0, this.sentAt, this.question ?? 0, 0, [body], bytes, this);
  }

  settled(how: Settlement): void {
    this.events.settled(this, how);
  }
}
