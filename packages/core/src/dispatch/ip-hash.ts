import { addressBytes } from './address-bytes.js';
import type { Dispatched, DispatchPolicy } from './dispatch.js';

/**
 * All connections of one client address belong to one worker, whichever reactor
 * accepts them. Ids outlive their workers, so nothing moves when one is
 * replaced. A client without an address, at a unix socket, is left to `others`.
 */
export class IpHash implements DispatchPolicy {
  readonly sticky = true;

  constructor(
    private readonly workerNum: number,
    private readonly others: DispatchPolicy,
  ) {}

  pick(what: Dispatched, isReady: (workerId: number) => boolean): number {
    const bytes = addressBytes(what.remote.address);
    if (bytes === undefined) return this.others.pick(what, isReady);
    // The upper bits decide, for all numbers of workers alike; a remainder would look at the lower ones.
    return Math.floor((hashOf(bytes) * this.workerNum) / 2 ** 32);
  }
}

/** 32 bits: FNV-1a, and the last mixing of MurmurHash3, so that neighbours in a network do not stay neighbours. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
