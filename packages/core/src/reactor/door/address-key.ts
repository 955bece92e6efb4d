/**
 * What stands for the address of a client in the tables: an IPv4 address, or the
 * network of an IPv6 address, which is its first 64 bits. One household has
 * 2^64 addresses of IPv6, so that a limit for each of them would be none.
 */
export interface AddressKey {
  readonly high: number;
  readonly low: number;
}

/** Undefined where there is no address: on a unix socket, or of a client that is gone already. */
export function addressKey(address: string): AddressKey | undefined {
  if (address.includes(':')) return ofIPv6(address);
  const low = ofIPv4(address);
  return low === undefined ? undefined : { high: 0, low };
}

function ofIPv4(address: string): number | undefined {
  const parts = address.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    const byte = Number(part);
    if (part === '' || !Number.isInteger(byte) || byte < 0 || byte > 255) return undefined;
    value = (value << 8) | byte;
  }
  return value;
}

/** Only the first four of the eight groups are read; `::` stands for as many zeros as are missing. */
function ofIPv6(address: string): AddressKey | undefined {
  const [before = '', after, surplus] = address.split('%', 1)[0]!.split('::');
  if (surplus !== undefined) return undefined;
  const first = groupsOf(before);
  const last = after === undefined ? [] : groupsOf(after);
  const missing = 8 - first.length - last.length;
  if (missing < 0 || (after === undefined && missing > 0)) return undefined;
  const groups = [...first, ...Array.from({ length: missing }, () => 0), ...last];
  if (groups.some((group) => !(group >= 0 && group <= 0xffff))) return undefined;
  const [a, b, c, d] = groups as [number, number, number, number];
  return { high: (a << 16) | b, low: (c << 16) | d };
}

/** An IPv4 address at the end takes two groups, of which nobody asks. */
function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return [0, 0];
    return [/^[\da-f]{1,4}$/i.test(group) ? Number.parseInt(group, 16) : Number.NaN];
  });
}

/** Spreads keys over a table. The seed differs from server to server, so that nobody can choose addresses that meet. */
export function spread(seed: number, listener: number, { high, low }: AddressKey): number {
  let hash = Math.imul(seed ^ high, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ low, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13) ^ listener, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
