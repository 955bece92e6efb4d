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
