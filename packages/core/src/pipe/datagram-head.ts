/** How addresses of datagrams lie in frames, see `FrameKind.datagram` and `FrameKind.sendTo`. */

/** A word of the frame that holds the length of the address, and above it a number of 24 bits. */
export function addressWord(addressBytes: number, number: number): number {
  return ((Math.min(number, 0xff_ffff) << 8) | addressBytes) >>> 0;
}

export function addressBytesOf(word: number): number {
  return word & 0xff;
}

export function numberOf(word: number): number {
  return word >>> 8;
}
