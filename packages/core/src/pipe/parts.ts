import { HandlerError } from '../errors.js';

/** What an application sends: text goes as UTF-8. */
export type Part = string | Uint8Array;

/** Parts of `bytes` bytes together as one buffer; a single array is not copied. */
export function joinParts(parts: readonly Part[], bytes: number): Buffer {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return toBuffer(only);
  const joined = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') {
      at += joined.write(part, at);
    } else {
      joined.set(part, at);
      at += part.length;
    }
  }
  return joined;
}

function toBuffer(part: Part): Buffer {
  if (typeof part === 'string') return Buffer.from(part);
  return Buffer.isBuffer(part) ? part : Buffer.from(part.buffer, part.byteOffset, part.byteLength);
}

/** Bytes of what an application sends. Throws `HandlerError` SEND_INVALID. */
export function byteLength(data: Part): number {
  if (typeof data === 'string') return Buffer.byteLength(data);
  if (data instanceof Uint8Array) return data.byteLength;
  throw new HandlerError('SEND_INVALID', `send takes a string or a Uint8Array, not ${describe(data)}`);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object'
    ? `a ${value.constructor?.name ?? 'null-prototype object'}`
    : `a ${typeof value}`;
}
