import type { PacketReader } from '../framing/packet-reader.js';
import type { ListenerContext } from './connection-host.js';

/**
 * What comes of one client, until it is packets.
 *
 * A packet reader is borrowed for as long as bytes wait to become a packet, which
 * with nearly every connection is no time at all. Bytes that wait longer count in
 * an account that all connections share, so that many small rests cannot take
 * the memory that no single one is allowed.
 */
export class Intake {
  /** Packets that have come so far. */
  packets = 0;
  /** `ended`: no more bytes are taken from the client. `stopped`: and those that are here become no packets. */
  #state: 'open' | 'ended' | 'stopped' = 'open';
  #reader: PacketReader | undefined;
  /** Bytes that are charged to the account. */
  #charged = 0;

  constructor(private readonly listener: Pick<ListenerContext, 'readers' | 'inputTotal'>) {}

  /** No more bytes are taken from the client. */
  get ended(): boolean {
    return this.#state !== 'open';
  }

  /** Bytes that have not become a packet. */
  get partialBytes(): number {
    return this.#reader === undefined ? 0 : this.#reader.buffered;
  }

  push(chunk: Buffer): void {
    this.#reader ??= this.listener.readers.take();
    this.#reader.push(chunk);
  }

  /** Has the next packet in it; undefined if none is whole. Throws `ProtocolError` where bytes are no packet: `stop` it then. */
  next(): PacketReader | undefined {
    const reader = this.#reader;
    if (reader === undefined || this.#state === 'stopped' || !reader.next()) return undefined;
    this.packets++;
    return reader;
  }

  /** What is here still becomes packets. */
  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
  }

  /** What is here becomes no packet any more. */
  stop(): void {
    this.#state = 'stopped';
  }

  /** There is no packet. A reader that has failed, or was not asked to the end, is nobody's any more. */
  release(): void {
    const reader = this.#reader;
    if (reader === undefined || reader.buffered > 0) return;
    this.#reader = undefined;
    if (this.#state !== 'stopped') this.listener.readers.give(reader);
  }

  /** Charges `bytes`, instead of what was charged before; false, and changes nothing, where the account does not admit them. */
  charge(bytes: number): boolean {
    const { inputTotal } = this.listener;
    const more = bytes - this.#charged;
    if (more === 0) return true;
    if (more > 0 && !inputTotal.admits(more)) return false;
    this.#charged = bytes;
    inputTotal.take(more);
    return true;
  }
}
