import type { Settings } from './load.js';

/** The largest packet that any listener takes, in bytes. */
export function largestPacket(settings: Settings): number {
  return Math.max(...settings.listeners.map(({ packageMaxLength }) => packageMaxLength));
}

/** The largest send that any connection takes: an empty output admits one packet, whatever its bound. In bytes. */
export function largestSend(settings: Settings): number {
  return Math.max(
    largestPacket(settings),
    ...settings.listeners.map(({ socketBufferSize }) => socketBufferSize),
  );
}
