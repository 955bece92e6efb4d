import { eventTable } from '@shoal/core/internal/events/event-table';

/** Handlers that are called beside the events of a connection: no event is settled by them. */
const BESIDE = ['connection', 'drain'];

/** Whether such a handler settles an event of a connection; the subject of others is a worker, a task, a timer. */
export function isConnectionEvent(event: string): boolean {
  return (
    Object.hasOwn(eventTable, event) &&
    !BESIDE.includes(event) &&
    eventTable[event as keyof typeof eventTable].kind === 'connection'
  );
}
