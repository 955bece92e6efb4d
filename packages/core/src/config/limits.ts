import type { Settings } from './load.js';

/** The largest packet that any listener takes, in bytes. */
export function largestPacket(settings: Settings): number {
  return Math.max(...settings.listeners.map(({ packageMaxLength }) => packageMaxLength));
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
    ...settings.listeners.map(({ socketBufferSize }) => socketBufferSize),
  );
}

/** Whether tasks go through a queue on disk, which a process of its own has. */
export function usesQueue({ taskIpcMode }: Pick<Settings, 'taskIpcMode'>): boolean {
  return taskIpcMode !== 'socket';
}
