import { HandlerError } from '../errors.js';
import { ipVersion } from './ip-address.js';
import { isStream } from './limits.js';
import type { DatagramListenerSettings, Settings } from './load.js';

/** From which socket a datagram leaves, and where it goes. */
export interface DatagramTarget {
  /** Index into `settings.listeners`. */
  readonly listener: number;
  readonly address: string;
  readonly port: number;
}

/**
 * The socket for a datagram: that of the listener with the name, else the first
 * whose family the address is of; an IPv6 socket that takes IPv4 too is of both.
 *
 * Throws `HandlerError` SENDTO_INVALID.
 */
export function datagramTarget(
  { listeners }: Pick<Settings, 'listeners'>,
  address: string,
  port: number,
  name: string | undefined,
): DatagramTarget {
  const version = typeof address === 'string' ? ipVersion(address) : 0;
  if (version === 0) throw invalid(`${show(address)} is no IP address; look names up first`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw invalid(`${show(port)} is no port: write an integer from 1 to 65535`);
  const fits = (listener: DatagramListenerSettings): string | undefined => {
    const isSix = listener.host.includes(':');
    if (version === 6) return isSix ? address : undefined;
    if (!isSix) return address;
    return listener.host === '::' && !listener.ipv6Only ? `::ffff:${address}` : undefined;
  };
  const ofDatagrams = listeners.flatMap((listener, index) =>
    isStream(listener) ? [] : [{ listener, index, address: fits(listener) }],
  );
  if (name !== undefined) {
    const named = ofDatagrams.find(({ listener }) => listener.name === name);
    if (named === undefined)
      throw invalid(`there is no listener of datagrams ${show(name)}: ${known(listeners)}`);
    if (named.address === undefined)
      throw invalid(`listener ${name} is on ${named.listener.host}, which sends nothing to ${address}`);
    return { listener: named.index, address: named.address, port };
  }
  const all = ofDatagrams.filter((each) => each.address !== undefined);
  const first = all.find(({ address: mapped }) => mapped === address) ?? all[0];
  if (first === undefined)
    throw invalid(`no listener of datagrams sends to IPv${version}: ${known(listeners)}`);
  return { listener: first.index, address: first.address!, port };
}

function known(listeners: Settings['listeners']): string {
  const names = listeners.filter((each) => !isStream(each)).map(({ name, host }) => `${name} on ${host}`);
  return names.length === 0 ? 'there is none; write udp({ port: … })' : `there are ${names.join(', ')}`;
}

function invalid(reason: string): HandlerError {
  return new HandlerError('SENDTO_INVALID', `sendto: ${reason}`);
}

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value.slice(0, 64)}'` : String(value);
}
