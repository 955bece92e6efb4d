/**
 * Addresses as bytes, so that they can be compared whatever their spelling.
 * An IPv4 address that came in IPv6 clothes (`::ffff:10.0.0.7`) is one of IPv4.
 */

/** 4 bytes of IPv4 or 16 of IPv6; undefined for what is no address. A zone (`%eth0`) is left out. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIPv6(text.replace(/%[\w.-]+$/, '')) : parseIPv4(text);
}

export function parseIPv4(text: string): Uint8Array | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const parts = text.split('.');
  // A leading zero means octal to some.
  if (parts.some((part) => Number(part) > 255 || (part.length > 1 && part.startsWith('0')))) return undefined;
  return Uint8Array.from(parts, Number);
}

export function parseIPv6(text: string): Uint8Array | undefined {
  const bytes = bytesOfIPv6(text);
  return bytes !== undefined && isMapped(bytes) ? bytes.subarray(12) : bytes;
}

function bytesOfIPv6(text: string): Uint8Array | undefined {
  if (text.length > 45 || !/^[\da-f:.]+$/i.test(text)) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(groupsOf);
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const filled = head.length + (tail?.length ?? 0);
  if (tail === undefined ? filled !== 16 : filled > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  if (tail !== undefined) bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of groups between colons, the last of which may be an IPv4 address. */
function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (group.includes('.')) {
      const ipv4 = index === groups.length - 1 ? parseIPv4(group) : undefined;
      if (ipv4 === undefined) return undefined;
      bytes.push(...ipv4);
    } else {
      if (!/^[\da-f]{1,4}$/i.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >>> 8, value & 0xff);
    }
  }
  return bytes;
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
}

/** An address as Node writes it: the longest run of zeros becomes `::`. */
export function addressText(given: Uint8Array): string {
  const bytes = given.length === 16 && isMapped(given) ? given.subarray(12) : given;
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => (bytes[2 * index]! << 8) | bytes[2 * index + 1]!);
  const zeros = longestZeros(groups);
  const words = groups.map((group) => group.toString(16));
  if (zeros.length < 2) return words.join(':');
  return `${words.slice(0, zeros.start).join(':')}::${words.slice(zeros.start + zeros.length).join(':')}`;
}

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** Addresses whose first `bits` bits are the same: `10.0.0.0/8`. */
export interface AddressRange {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/** An address, or a range of them; undefined for what is neither. */
export function parseRange(text: string): AddressRange | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const bytes = parseAddress(address);
  if (bytes === undefined || rest.length > 0) return undefined;
  const all = 8 * bytes.length;
  if (length === undefined) return { bytes, bits: all };
  if (!/^\d{1,3}$/.test(length)) return undefined;
  // In a range, too, IPv4 in IPv6 clothes is IPv4: the 96 bits before it do not count.
  const bits = Number(length) - (address.includes(':') && bytes.length === 4 ? 96 : 0);
  return bits < 0 || bits > all ? undefined : { bytes, bits };
}

export function isWithin({ bytes, bits }: AddressRange, address: Uint8Array): boolean {
  if (address.length !== bytes.length) return false;
  const whole = bits >>> 3;
  for (let index = 0; index < whole; index++) if (address[index] !== bytes[index]) return false;
  const rest = bits & 7;
  return rest === 0 || (address[whole]! ^ bytes[whole]!) >>> (8 - rest) === 0;
}

/** Which version of IP an address in text is of; 0 for what is none. An IPv6 address may name its interface: `fe80::1%eth0`. */
export function ipVersion(address: string): 4 | 6 | 0 {
  if (parseAddress(address) === undefined) return 0;
  return address.includes(':') ? 6 : 4;
}
