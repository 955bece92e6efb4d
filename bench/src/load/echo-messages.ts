import type { EchoLoad } from './messages.js';

const PREFIX_BYTES = 4;

/** `count` messages in a row, filled with bytes that `seed` decides. */
export function echoMessages(load: EchoLoad, count: number, seed: number): Buffer {
  const { messageBytes, prefixed } = load;
  const bytes = Buffer.allocUnsafeSlow(messageBytes * count);
  let random = seed >>> 0;
  for (let at = 0; at < bytes.length; at++) {
    // A linear congruential generator; its high bits are good enough to tell any two messages apart.
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = random >>> 24;
  }
  if (prefixed) {
    for (let at = 0; at < bytes.length; at += messageBytes)
      bytes.writeUInt32BE(messageBytes - PREFIX_BYTES, at);
  }
  return bytes;
}
