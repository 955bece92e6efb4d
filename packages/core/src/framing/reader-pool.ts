import type { Framing } from './framing.js';
import { PacketReader } from './packet-reader.js';

/** Readers that are kept when none of the connections needs them. */
const MOST_KEPT = 64;

/**
 * The readers of all connections of one listener. One of which no bytes wait to
 * become a packet needs none, and that is nearly every connection nearly all of
 * the time: mostly one reader serves them all, one after the other.
 */
export class ReaderPool {
  readonly #kept: PacketReader[] = [];

  constructor(
    private readonly framing: Framing,
    private readonly packageMaxLength: number,
  ) {}

  take(): PacketReader {
    return this.#kept.pop() ?? new PacketReader(this.framing, this.packageMaxLength);
  }

  /** `next()` of it has said that there is no packet, and nothing is left in it. */
  give(reader: PacketReader): void {
    if (this.#kept.length < MOST_KEPT) this.#kept.push(reader);
  }
}
