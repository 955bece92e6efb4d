import type { ListenerSettings, Settings, StreamListenerSettings } from './load.js';

/** Bytes of the largest datagram that is sent, and more than any that comes over IPv4. */
export const LARGEST_DATAGRAM = 65_507;

/** How long a connection that ends may go without progress before it is reset, in ms. */
export const LINGER_MS = 10_000;

/** Whether it accepts connections; else it takes datagrams. */
export function isStream(listener: ListenerSettings): listener is StreamListenerSettings {
  return 'framing' in listener;
}

/** The listener with that index, which accepts connections. */
export function streamListener(settings: Settings, index: number): StreamListenerSettings {
  return settings.listeners[index] as StreamListenerSettings;
}

/** The largest packet that any listener takes, in bytes. */
export function largestPacket(settings: Settings): number {
  return Math.max(
    ...settings.listeners.map((each) => (isStream(each) ? each.packageMaxLength : LARGEST_DATAGRAM)),
  );
}

/** The shortest `handlerTimeout` of any listener, in ms; 0 when none has one. */
export function shortestHandlerTimeout(settings: Settings): number {
  const used = settings.listeners.map(({ handlerTimeout }) => handlerTimeout).filter((time) => time > 0);
  return used.length === 0 ? 0 : Math.min(...used);
}

/** The largest send that any connection takes: an empty output admits one packet, whatever its bound. In bytes. */
export function largestSend(settings: Settings): number {
  return Math.max(
    largestPacket(settings),
    ...settings.listeners.map((each) => (isStream(each) ? each.socketBufferSize : LARGEST_DATAGRAM)),
  );
}

/** Whether tasks go through a queue on disk, which a process of its own has. */
export function usesQueue({ taskIpcMode }: Pick<Settings, 'taskIpcMode'>): boolean {
  return taskIpcMode !== 'socket';
}
