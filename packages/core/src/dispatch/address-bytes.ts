/**
 * The bytes of an IP address, 4 or 16 of them, whatever way it is written;
 * undefined for what is none. An IPv4-mapped IPv6 address is its IPv4 address,
 * and a zone (`fe80::1%eth0`) is left out: it names a card of this machine.
 */
export function addressBytes(address: string): Uint8Array | undefined {
  if (!address.includes(':')) return ipv4Bytes(address);
  const bytes = ipv6Bytes(address.split('%', 1)[0]!);
  if (bytes === undefined) return undefined;
  return isMapped(bytes) ? bytes.subarray(12) : bytes;
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255))
    return undefined;
  return Uint8Array.from(parts, Number);
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(groupsOf);
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 16 ? Uint8Array.from(head) : undefined;
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** What stands between colons, as bytes; the last group may be an IPv4 address. */
function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  for (const group of text.split(':')) {
    if (group.includes('.')) {
      const last = ipv4Bytes(group);
      if (last === undefined || !text.endsWith(group)) return undefined;
      bytes.push(...last);
    } else if (/^[\da-f]{1,4}$/i.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else {
      return undefined;
    }
  }
  return bytes;
}

/** ::ffff:0:0/96 */
function isMapped(bytes: Uint8Array): boolean {
  return bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
}
