import type { DatagramFact } from '@shoal/core/internal/events/datagram-facts';
import type { ExchangeFact } from '@shoal/core/internal/events/exchange-facts';
import type { KernelFact } from '@shoal/core/internal/events/facts';
import type { Fault } from '../exploration/fault.js';

/** When and where something happened. */
export interface TraceOrigin {
  /** In a simulation virtual ms since the world began; on real processes ms since the epoch. */
  readonly time: number;
  /** 0 outside of all processes of the server. */
  readonly pid: number;
  /** `master`, `reactor 0`, `manager`, `worker 1`, `client 0`, `test`. */
  readonly process: string;
}

/** One event of `server.trace`: a plain object. */
export type TraceEvent = TraceOrigin & TracedKind;

export type TracedKind = KernelFact | ProcessFact | ClientFact | DatagramClientFact | FaultFact | SignalFact;

/** What happens to processes; in a simulation only. */
export type ProcessFact =
  | { readonly kind: 'spawned' }
  | { readonly kind: 'exited'; readonly code: number | null; readonly signal: string | null };

/** What a client of the test does and sees. */
export type ClientFact =
  /** `address` and `port` are the client's own. */
  | { readonly kind: 'connects'; readonly client: number; readonly address: string; readonly port: number }
  | {
      readonly kind: 'sends' | 'receives';
      readonly client: number;
      readonly bytes: number;
      readonly data: string;
    }
  /** `ends` and `resets` are the client's doing, `sees…` the server's or the network's. */
  | {
      readonly kind: 'ends' | 'resets' | 'pauses' | 'resumes' | 'seesEnd' | 'seesClose';
      readonly client: number;
    };

/** What a client of datagrams does and sees. */
export type DatagramClientFact =
  /** `address` and `port` are the client's own; `lossy` and `duplicates` tell what its link may do. */
  | {
      readonly kind: 'datagramClient';
      readonly client: number;
      readonly address: string;
      readonly port: number;
      readonly lossy: boolean;
      readonly duplicates: boolean;
    }
  | {
      readonly kind: 'datagramClientSends' | 'datagramClientReceives';
      readonly client: number;
      readonly bytes: number;
      readonly data: string;
    };

/** The test sends a signal to a process. */
export type SignalFact = { readonly kind: 'signalled'; readonly target: number; readonly signal: string };

/** An injected fault takes effect. */
export type FaultFact = { readonly kind: 'fault'; readonly fault: Fault };

/** Whether it is of a datagram. */
export function isOfDatagrams(event: TraceEvent): event is TraceOrigin & (DatagramFact | DatagramClientFact) {
  return event.kind.startsWith('datagram');
}

/** Whether it is of a task, or of a message between processes. */
export function isOfExchange(event: TraceEvent): event is TraceOrigin & ExchangeFact {
  return event.kind.startsWith('task') || event.kind.startsWith('message');
}
