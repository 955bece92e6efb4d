import { eventTable } from '@shoal/core/internal/events/event-table';

/** Whether the subject of such a handler is a connection; that of others is a worker, a task, a timer. */
export function isConnectionEvent(event: string): boolean {
  return (
    Object.hasOwn(eventTable, event) && eventTable[event as keyof typeof eventTable].kind === 'connection'
  );
}
