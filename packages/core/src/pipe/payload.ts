/**
 * How values of the application travel between its processes.
 *
 * A word next to the bytes says how they are encoded, so that the common cases
 * stay cheap and types survive: bytes and text go as they are, what JSON keeps
 * goes as JSON, and everything else that `structuredClone` accepts by the
 * engine's own format, which costs a multiple.
 */
import { DefaultDeserializer, serialize } from 'node:v8';
import type { Part } from './parts.js';

export const Encoding = { bytes: 0, text: 1, clone: 2, json: 3 } as const;

/** A value as it travels. */
export interface Encoded {
  readonly encoding: number;
  readonly body: Part;
  /** Of the body, once it is UTF-8. */
  readonly bytes: number;
}

/** Deeper values go by the engine's format, which also knows circles. */
const MAX_JSON_DEPTH = 12;
/** Values within one, beyond which it goes by the engine's format: what holds one object many times over would be as many in JSON. */
const MAX_JSON_VALUES = 1_000_000;
let valuesLeft = 0;

/**
 * Encodes what `structuredClone` accepts, as it is at this moment. A Buffer is not
 * copied, and must not change before it has arrived: copying would be a third of
 * what 16 KiB cost. Throws a DataCloneError for what cannot be cloned.
 */
export function encode(value: unknown): Encoded {
  if (typeof value === 'string' && isWellFormed(value)) return encodedText(Encoding.text, value);
  if (Buffer.isBuffer(value)) return { encoding: Encoding.bytes, body: value, bytes: value.length };
  valuesLeft = MAX_JSON_VALUES;
  if (isJson(value, 0)) return encodedText(Encoding.json, JSON.stringify(value));
  const body = serialized(value);
  return { encoding: Encoding.clone, body, bytes: body.length };
}

/** Refuses as `structuredClone` does: the engine itself throws an `Error` without a name of its own. */
function serialized(value: unknown): Buffer {
  try {
    return serialize(value);
  } catch (cause) {
    throw new DOMException((cause as Error).message, 'DataCloneError');
  }
}

/** The value whose body is `buffer[start, end)`, which it shares no memory with. */
export function decode(encoding: number, buffer: Buffer, start: number, end: number): unknown {
  switch (encoding) {
    case Encoding.bytes:
      return Buffer.from(buffer.subarray(start, end));
    case Encoding.text:
      return buffer.toString('utf8', start, end);
    case Encoding.json:
      return JSON.parse(buffer.toString('utf8', start, end)) as unknown;
    default:
      return deserialized(buffer.subarray(start, end));
  }
}

function deserialized(body: Buffer): unknown {
  const reader = new PayloadReader(body);
  reader.readHeader();
  return reader.readValue() as unknown;
}

type View = NodeJS.ArrayBufferView & { readonly constructor: new (memory: ArrayBufferLike) => View };

const { _readHostObject: readView } = DefaultDeserializer.prototype as unknown as {
  _readHostObject: (this: DefaultDeserializer) => View;
};

/** The engine lets arrays lie in what is deserialized: their `buffer` would be that of the pipe, with what others have sent. */
class PayloadReader extends DefaultDeserializer {
  _readHostObject(): View {
    const view = readView.call(this);
    const { buffer, byteOffset, byteLength } = view;
    if (Buffer.isBuffer(view)) return Buffer.from(view) as unknown as View;
    return new view.constructor(buffer.slice(byteOffset, byteOffset + byteLength));
  }
}

/** The value with its encoding in front, where one buffer must hold both. */
export function encodePayload(value: unknown): Buffer {
  const { encoding, body } = encode(value);
  return Buffer.concat([Buffer.of(encoding), typeof body === 'string' ? Buffer.from(body) : body]);
}

export function decodePayload(encoded: Buffer): unknown {
  return decode(encoded[0] ?? Encoding.clone, encoded, 1, encoded.length);
}

/** UTF-8 cannot hold a lone half of a pair; JSON escapes it. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

function encodedText(encoding: number, text: string): Encoded {
  return { encoding, body: text, bytes: Buffer.byteLength(text) };
}

/** Whether JSON gives the very same value back. */
function isJson(value: unknown, depth: number): boolean {
  if (--valuesLeft < 0) return false;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      return value === null || (depth < MAX_JSON_DEPTH && isJsonObject(value, depth));
    default:
      return false;
  }
}

function isJsonObject(value: object, depth: number): boolean {
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) if (!isJson(value[index], depth + 1)) return false;
    // One with further properties has more keys than elements; one with holes has failed above.
    return Object.keys(value).length === value.length;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key in value) {
    if (key === 'toJSON' || !isJson((value as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}
