import { deserialize, serialize } from 'node:v8';

/** The first byte says how the rest is encoded, so that types survive and the common cases stay cheap. */
const Encoding = { bytes: 0, text: 1, clone: 2 } as const;

/** Encodes what `structuredClone` accepts. Throws a DataCloneError for the rest. */
export function encodePayload(value: unknown): Buffer {
  if (typeof value === 'string') return Buffer.concat([Buffer.of(Encoding.text), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.of(Encoding.bytes), value]);
  return Buffer.concat([Buffer.of(Encoding.clone), serialize(value)]);
}

export function decodePayload(encoded: Buffer): unknown {
  const rest = encoded.subarray(1);
  switch (encoded[0]) {
    case Encoding.bytes:
      return Buffer.from(rest);
    case Encoding.text:
      return rest.toString();
    default:
      return deserialize(rest) as unknown;
  }
}
