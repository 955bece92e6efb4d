/**
 * The header of the PROXY protocol, by which a load balancer says at the
 * beginning of a connection where its client comes from. Both versions, told
 * apart by their first bytes:
 *
 *   1   PROXY TCP4 203.0.113.7 192.0.2.1 51000 443␍␊        a line of at most 107 bytes
 *
 *   2   12 bytes signature │ version, command │ family │ u16 length │ addresses │ more
 *
 * What follows the addresses in version 2 (its type-length-value fields) is
 * skipped.
 */
import { addressText, parseIPv4, parseIPv6 } from '../config/ip-address.js';
import { ProtocolError } from '../errors.js';
import type { Endpoint } from '../platform/platform.js';

/** Bytes, its end included. */
export const LONGEST_LINE = 107;
/** Bytes of a header of version 2: room for what load balancers add, and not more. */
export const LONGEST_HEADER = 4_096;

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const WORD = Buffer.from('PROXY ', 'latin1');
const FIXED_BYTES = 16;
const UNIX_PATH_BYTES = 108;

export interface ProxyHeader {
  /** Bytes of the header; what comes after them is the client's. */
  readonly length: number;
  /** Absent where the load balancer speaks for itself, or does not know. */
  readonly ends?: ProxiedEnds;
}

export interface ProxiedEnds {
  /** The client; a unix socket has its path as address, and port 0. */
  readonly source: Endpoint;
  /** Where the client connected to. */
  readonly destination: Endpoint;
}

/**
 * Reads a header from the first bytes of a connection; undefined while it is
 * not complete. Throws `ProtocolError` PROXY_HEADER_INVALID as soon as no further
 * byte could make it one.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (beginsLike(bytes, WORD)) return bytes.length < WORD.length ? undefined : readLine(bytes);
  if (beginsLike(bytes, SIGNATURE)) return bytes.length < FIXED_BYTES ? undefined : readBinary(bytes);
  throw invalid('it is neither of version 1 nor of version 2');
}

/** As far as there are bytes to compare. */
function beginsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function readLine(bytes: Buffer): ProxyHeader | undefined {
  const end = bytes.subarray(0, LONGEST_LINE).indexOf('\r\n');
  if (end === -1) {
    if (bytes.length < LONGEST_LINE) return undefined;
    throw invalid(`its line does not end within ${LONGEST_LINE} bytes`);
  }
  const length = end + 2;
  const [family, ...parts] = bytes.toString('latin1', WORD.length, end).split(' ');
  if (family === 'UNKNOWN') return { length };
  if (family !== 'TCP4' && family !== 'TCP6') throw invalid('its family is none of TCP4, TCP6 and UNKNOWN');
  const [from = '', to = '', fromPort = '', toPort = '', ...more] = parts;
  if (more.length > 0) throw invalid('its line has more than four parts');
  const source = { address: canonical(family, from), port: portOf(fromPort) };
  const destination = { address: canonical(family, to), port: portOf(toPort) };
  return { length, ends: { source, destination } };
}

function canonical(family: 'TCP4' | 'TCP6', text: string): string {
  const bytes = family === 'TCP4' ? parseIPv4(text) : text.includes(':') ? parseIPv6(text) : undefined;
  if (bytes === undefined) throw invalid(`it has something else than an address of ${family}`);
  return addressText(bytes);
}

function portOf(text: string): number {
  if (/^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw invalid('it has something else than a port');
}

/** By family and protocol; datagrams do not come over a stream. */
const STREAMS: Readonly<Record<number, 'none' | 'ipv4' | 'ipv6' | 'unix'>> = {
  0x00: 'none',
  0x11: 'ipv4',
  0x21: 'ipv6',
  0x31: 'unix',
};

function readBinary(bytes: Buffer): ProxyHeader | undefined {
  const command = bytes[12]!;
  const family = STREAMS[bytes[13]!];
  const rest = bytes.readUInt16BE(14);
  const length = FIXED_BYTES + rest;
  if (command !== 0x20 && command !== 0x21) throw invalid('its version or command is not known');
  if (length > LONGEST_HEADER) throw invalid(`it announces ${length} bytes, more than ${LONGEST_HEADER}`);
  if (command === 0x21 && family === undefined) throw invalid('its family is not that of a stream');
  if (command === 0x21 && rest < addressBytes(family!)) throw invalid('its addresses do not fit its length');
  if (bytes.length < length) return undefined;
  if (command === 0x20 || family === 'none') return { length };
  return {
    length,
    ends: family === 'unix' ? unixEnds(bytes) : addressEnds(bytes, family === 'ipv4' ? 4 : 16),
  };
}

function addressBytes(family: 'none' | 'ipv4' | 'ipv6' | 'unix'): number {
  return { none: 0, ipv4: 12, ipv6: 36, unix: 2 * UNIX_PATH_BYTES }[family];
}

function addressEnds(bytes: Buffer, size: 4 | 16): ProxiedEnds {
  const at = FIXED_BYTES;
  const ports = at + 2 * size;
  const source = { address: addressText(bytes.subarray(at, at + size)), port: bytes.readUInt16BE(ports) };
  const destination = {
    address: addressText(bytes.subarray(at + size, ports)),
    port: bytes.readUInt16BE(ports + 2),
  };
  return { source, destination };
}

function unixEnds(bytes: Buffer): ProxiedEnds {
  const pathAt = (at: number): Endpoint => {
    const path = bytes.subarray(at, at + UNIX_PATH_BYTES);
    const end = path.indexOf(0);
    return { address: path.toString('utf8', 0, end === -1 ? path.length : end), port: 0 };
  };
  return { source: pathAt(FIXED_BYTES), destination: pathAt(FIXED_BYTES + UNIX_PATH_BYTES) };
}

function invalid(what: string): ProtocolError {
  return new ProtocolError('PROXY_HEADER_INVALID', `no header of the PROXY protocol: ${what}`);
}
