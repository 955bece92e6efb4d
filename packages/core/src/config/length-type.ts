/** How the number in a length prefix is written: its bytes, and the largest number it can hold. */
export const lengthTypes = {
  int8: { size: 1, largest: 2 ** 7 - 1, aliases: ['c'] },
  uint8: { size: 1, largest: 2 ** 8 - 1, aliases: ['C'] },
  int16be: { size: 2, largest: 2 ** 15 - 1, aliases: [] },
  int16le: { size: 2, largest: 2 ** 15 - 1, aliases: ['s'] },
  uint16be: { size: 2, largest: 2 ** 16 - 1, aliases: ['n'] },
  uint16le: { size: 2, largest: 2 ** 16 - 1, aliases: ['S', 'v'] },
  int32be: { size: 4, largest: 2 ** 31 - 1, aliases: [] },
  int32le: { size: 4, largest: 2 ** 31 - 1, aliases: ['l'] },
  uint32be: { size: 4, largest: 2 ** 32 - 1, aliases: ['N'] },
  uint32le: { size: 4, largest: 2 ** 32 - 1, aliases: ['L', 'V'] },
  int64be: { size: 8, largest: 2 ** 63, aliases: [] },
  int64le: { size: 8, largest: 2 ** 63, aliases: ['q'] },
  uint64be: { size: 8, largest: 2 ** 64, aliases: ['J'] },
  uint64le: { size: 8, largest: 2 ** 64, aliases: ['Q', 'P'] },
} as const satisfies Record<string, LengthTypeFacts>;

interface LengthTypeFacts {
  /** Bytes of the field. */
  readonly size: 1 | 2 | 4 | 8;
  /** The largest value; for 64 bits rounded, since no packet comes near it. */
  readonly largest: number;
  /** The letters of Swoole; machine order is little endian here. */
  readonly aliases: readonly string[];
}

export type LengthType = keyof typeof lengthTypes;
