import type { DatagramFact } from '@shoal/core/internal/events/datagram-facts';
import { quote } from './quote.js';
import type { DatagramClientFact } from './trace-event.js';

/** `gives datagram 3 to worker 1, attempt 2` */
export function describeDatagram(event: DatagramFact | DatagramClientFact): string {
  switch (event.kind) {
    case 'datagramAccepted':
      return `takes datagram ${event.datagram} from ${event.address}:${event.port} on ${event.listener}: ${bytesOf(event)}`;
    case 'datagramDelivered':
      return `gives datagram ${event.datagram} to worker ${event.workerId}${event.attempt > 1 ? `, attempt ${event.attempt}` : ''}`;
    case 'datagramAcknowledged':
      return `hears that datagram ${event.datagram} is ${event.discarded ? 'discarded' : 'settled'}`;
    case 'datagramReturned':
      return `takes datagram ${event.datagram} back from a worker that ${event.planned ? 'has not started it' : 'is lost'}`;
    case 'datagramRefused':
      return `refuses datagram ${event.datagram}: ${event.reason}`;
    case 'datagramSent':
      return `sends a datagram to ${event.address}:${event.port} from ${event.listener}: ${bytesOf(event)}`;
    case 'datagramWritten':
      return `writes a datagram to ${event.address}:${event.port} from ${event.listener}: ${bytesOf(event)}`;
    case 'datagramClient':
      return `is at ${event.address}:${event.port}`;
    case 'datagramClientSends':
      return `sends ${bytesOf(event)}`;
    case 'datagramClientReceives':
      return `receives ${bytesOf(event)}`;
  }
}

function bytesOf({ bytes, data }: { readonly bytes: number; readonly data: string }): string {
  return `${bytes} bytes ${quote(data)}`;
}
