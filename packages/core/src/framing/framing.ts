/**
 * The contract of a framing: it finds where packets end in a stream of bytes.
 *
 * One object serves all connections of a listener, in the reactor, for every
 * packet. So it keeps no state and makes no objects: it is shown bytes and
 * answers with a length. What has been read, joined and handed out is the
 * business of `PacketReader`.
 *
 * ```
 *   buffer   ┌────────────┬───────────────────────────────┬───────────┐
 *            │ not yours  │ the packet, and maybe the next │ not yours │
 *            └────────────┴───────────────────────────────┴───────────┘
 *                         start ├── scanned ──┤           end
 * ```
 */
export interface Framing {
  /** Bytes at the front of a packet that the handler does not get. Never more than a packet has, `tail` included. */
  readonly head: number;
  /** Bytes at the back of a packet that the handler does not get. */
  readonly tail: number;

  /**
   * The total length in bytes of the packet that begins at `start`:
   *
   * - `n > 0`: the packet has n bytes. It may reach beyond `end`: the reader
   *   then waits for the rest and does not ask again.
   * - `0`: the boundary is not in sight; ask again with any more bytes.
   * - `-n`: the boundary is not in sight; ask again with at least n bytes from `start`.
   *
   * The answer depends on the bytes of this one packet alone. `end - start` is
   * at least 1 and at most `packageMaxLength`. Bytes of `buffer` outside of
   * `start` to `end` mean nothing, and none may be changed. The first `scanned`
   * bytes from `start` were seen by an earlier call that found no boundary.
   *
   * Throws `ProtocolError` for bytes that can never become a packet.
   */
  packetLength(buffer: Buffer, start: number, end: number, scanned: number): number;
}
