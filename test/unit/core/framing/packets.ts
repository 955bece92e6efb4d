import type { PacketReader } from '@shoal/core/internal/framing/packet-reader';

/** Every packet that the reader has now, as text. */
export function packetsOf(reader: PacketReader): string[] {
  const packets: string[] = [];
  while (reader.next()) packets.push(reader.buffer.toString('latin1', reader.start, reader.end));
  return packets;
}

/** What a call throws; `undefined` when it returns. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Runs it and counts the bytes that were copied from one Buffer to another meanwhile. */
export function copiedBytes(run: () => void): number {
  const { copy } = Buffer.prototype;
  let copied = 0;
  Buffer.prototype.copy = function (this: Buffer, ...args: Parameters<typeof copy>): number {
    const bytes = copy.apply(this, args);
    copied += bytes;
    return bytes;
  };
  try {
    run();
  } finally {
    Buffer.prototype.copy = copy;
  }
  return copied;
}
