import { isIPv4 } from 'node:net';
import { parseAddress } from '@shoal/core/internal/config/ip-address';
import type { Endpoint } from '@shoal/core/internal/platform/platform';
import type { ClientProxyOptions } from './harness.js';

const DEFAULT_PORT = 50_000;

/** Where the client is, as its load balancer says. */
export function proxiedFrom({ from, port = DEFAULT_PORT }: ClientProxyOptions): Endpoint {
  return { address: from, port };
}

/** The header that a load balancer writes for a client that has connected to `to`. */
export function proxyHeader(proxy: ClientProxyOptions, to: Endpoint): Buffer {
  const source = proxiedFrom(proxy);
  const address =
    isIPv4(source.address) === isIPv4(to.address) ? to.address : isIPv4(source.address) ? '127.0.0.1' : '::1';
  const destination = { address, port: to.port };
  return proxy.version === 1 ? line(source, destination) : binary(source, destination);
}

function line(source: Endpoint, destination: Endpoint): Buffer {
  const family = isIPv4(source.address) ? 'TCP4' : 'TCP6';
  return Buffer.from(
    `PROXY ${family} ${source.address} ${destination.address} ${source.port} ${destination.port}\r\n`,
  );
}

function binary(source: Endpoint, destination: Endpoint): Buffer {
  const addresses = [source, destination].map(({ address }) => {
    const bytes = parseAddress(address);
    if (bytes === undefined) throw new Error(`proxy.from is no address: ${JSON.stringify(address)}`);
    return Buffer.from(bytes);
  });
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const body = Buffer.concat([...addresses, ports]);
  const head = Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\0\0\0', 'latin1');
  head[13] = isIPv4(source.address) ? 0x11 : 0x21;
  head.writeUInt16BE(body.length, 14);
  return Buffer.concat([head, body]);
}
