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
