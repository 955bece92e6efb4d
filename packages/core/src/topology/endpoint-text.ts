import type { Endpoint } from '../platform/platform.js';

/** An endpoint as people write it: `127.0.0.1:9501`, `[::1]:9501`, or the path of a unix socket. */
export function endpointText({ address, port }: Endpoint): string {
  if (address.startsWith('/')) return address;
  if (address === '') return 'unix';
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
