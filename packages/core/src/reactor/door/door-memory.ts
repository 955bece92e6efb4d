import type { Settings } from '../../config/load.js';
import type { DoorMemory } from '../../pipe/door-memory.js';
import type { Random } from '../../platform/platform.js';
import { AddressCounts } from './address-counts.js';
import { ConnectRates } from './connect-rates.js';

/** The system gives the memory when it is used. */
export function doorMemory(settings: Settings, random: Random): DoorMemory {
  const { listeners, maxConnection } = settings;
  const withAddresses = listeners.filter((listener) => listener.type === 'tcp');
  const counts = withAddresses.some(({ maxConnectionPerAddress }) => maxConnectionPerAddress > 0);
  const rates = withAddresses.some(({ connectRate }) => connectRate > 0);
  return {
    words: new SharedArrayBuffer(8 * Int32Array.BYTES_PER_ELEMENT),
    ...(counts && {
      counts: new SharedArrayBuffer(AddressCounts.bytesFor(maxConnection + mostHandshakes(settings))),
    }),
    ...(rates && { rates: new SharedArrayBuffer(ConnectRates.bytes) }),
    seed: counts || rates ? Math.floor(random.next() * 2 ** 32) : 0,
  };
}

/** How many may be in a handshake at once, in all reactors that share the memory. */
function mostHandshakes({ mode, reactorNum, listeners }: Settings): number {
  const reactors = mode === 'base' ? 1 : reactorNum;
  return listeners.reduce(
    (sum, listener) => sum + (listener.type === 'tcp' ? reactors * (listener.tls?.maxHandshakes ?? 0) : 0),
    0,
  );
}
