/** A value as it is in the file: with a checksum of itself and its key behind it, because LMDB has none. */
import { crc32 } from 'node:zlib';

const CHECKSUM = 4;
const LOW = 2 ** 24;

export function seal(key: number, value: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(value.length + CHECKSUM);
  sealed.set(value);
  sealed.writeUInt32LE(checksum(key, value), value.length);
  return sealed;
}

/** Undefined for one that is not what was sealed under this key. */
export function unseal(key: number, sealed: Buffer): Buffer | undefined {
  const end = sealed.length - CHECKSUM;
  if (end < 0) return undefined;
  const value = sealed.subarray(0, end);
  return checksum(key, value) === sealed.readUInt32LE(end) ? value : undefined;
}

function checksum(key: number, value: Uint8Array): number {
  return crc32(value, (key % LOW) ^ Math.floor(key / LOW));
}
