import type { ListenerSettings } from './schema.js';

/** Where a listener listens, for messages. */
export function placeOf(listener: ListenerSettings): string {
  return listener.type === 'unix' ? listener.path : `${listener.host}:${listener.port}`;
}
