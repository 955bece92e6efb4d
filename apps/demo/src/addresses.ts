import { BlockList, isIP } from 'node:net';
import { ConfigError } from '@shoal/core';

/** A list of addresses and subnets: `127.0.0.1, ::1, 10.0.0.0/8`. */
export class Addresses {
  readonly #list = new BlockList();

  /** Throws `ConfigError` for what is none, in the words of the `variable` that has it. */
  constructor(variable: string, text: string) {
    for (const entry of text.split(',').map((part) => part.trim())) {
      if (!this.#add(entry)) {
        throw new ConfigError(
          'CONFIG_INVALID',
          `${variable}: '${entry}' is neither an address nor a subnet; write for example '127.0.0.1,::1,10.0.0.0/8'`,
        );
      }
    }
  }

  /** An IPv4 address counts as such in the notation of IPv6 too. */
  includes(address: string): boolean {
    const bare = address.replace(/^::ffff:(?=\d+\.)/i, '');
    const family = familyOf(bare);
    return family !== undefined && this.#list.check(bare, family);
  }

  #add(entry: string): boolean {
    const [address = '', bits, ...rest] = entry.split('/');
    const family = familyOf(address);
    if (family === undefined || rest.length > 0) return false;
    if (bits === undefined) {
      this.#list.addAddress(address, family);
      return true;
    }
    if (!/^\d{1,3}$/.test(bits) || Number(bits) > (family === 'ipv4' ? 32 : 128)) return false;
    this.#list.addSubnet(address, Number(bits), family);
    return true;
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  return version === 0 ? undefined : version === 4 ? 'ipv4' : 'ipv6';
}
