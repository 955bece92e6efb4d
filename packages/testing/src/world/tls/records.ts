/**
 * What the two ends of a virtual handshake say to each other: a header as that of
 * TLS (type, version, u16 length), then JSON. There is no cryptography in it, and
 * what follows the handshake travels as it is.
 */

/** First message of a client. */
export interface ClientHello {
  readonly servername?: string;
  readonly alpn?: readonly string[];
}

/** The answer of a server that goes on. */
export interface ServerHello {
  /** In PEM. */
  readonly cert: string;
  readonly alpnProtocol?: string;
  readonly requestCert: boolean;
}

/** Last message of a client. */
export interface ClientFinished {
  /** In PEM. */
  readonly cert?: string;
}

const HANDSHAKE = 0x16;
const MAJOR_VERSION = 0x03;
const HEADER_BYTES = 5;

export function recordOf(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const header = Buffer.from([HANDSHAKE, MAJOR_VERSION, MAJOR_VERSION, 0, 0]);
  header.writeUInt16BE(body.length, 3);
  return Buffer.concat([header, body]);
}

/** The first message in the bytes and how many it took; undefined while it is not whole. Throws for what is none. */
export function readRecord(bytes: Buffer): { readonly message: object; readonly length: number } | undefined {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE) throw new Error('wrong version number');
  if (bytes.length > 1 && bytes[1] !== MAJOR_VERSION) throw new Error('wrong version number');
  if (bytes.length < HEADER_BYTES) return undefined;
  const length = HEADER_BYTES + bytes.readUInt16BE(3);
  if (bytes.length < length) return undefined;
  try {
    return { message: JSON.parse(bytes.toString('utf8', HEADER_BYTES, length)) as object, length };
  } catch {
    throw new Error('decode error');
  }
}
