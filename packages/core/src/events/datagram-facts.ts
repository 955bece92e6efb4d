/**
 * The life of a datagram, as the owner of its socket and the processes tell it:
 *
 *   owner of the socket   datagramAccepted ─ datagramDelivered ─ datagramAcknowledged
 *   worker                                     started ─ settled
 *
 * Datagrams are numbered from 1 in each owner. The handler in a worker is `started`
 * and `settled` with the index of that owner as its subject.
 */
export type DatagramFact =
  | {
      readonly kind: 'datagramAccepted';
      readonly datagram: number;
      readonly listener: string;
      /** The sender's. */
      readonly address: string;
      readonly port: number;
      readonly bytes: number;
      readonly data: string;
    }
  /** It goes to a worker, under a number of the pair. */
  | {
      readonly kind: 'datagramDelivered';
      readonly datagram: number;
      /** The index of the reactor; 0 in a worker that owns its sockets. */
      readonly owner: number;
      /** The pid of the worker. */
      readonly worker: number;
      readonly workerId: number;
      readonly seq: number;
      readonly attempt: number;
    }
  /** The worker has settled it. `discarded`: without having handled it. */
  | { readonly kind: 'datagramAcknowledged'; readonly datagram: number; readonly discarded: boolean }
  /** It comes back, to be delivered again: from a worker that is lost, or `planned`, not started by one that retires. */
  | { readonly kind: 'datagramReturned'; readonly datagram: number; readonly planned: boolean }
  /** It was accepted and will not be handled. */
  | { readonly kind: 'datagramRefused'; readonly datagram: number; readonly reason: string }
  /** The application sends one, and this process has taken it. */
  | DatagramOnItsWay<'datagramSent'>
  /** The owner of the socket gives one to the system, of the process `worker`. */
  | (DatagramOnItsWay<'datagramWritten'> & { readonly worker: number });

type DatagramOnItsWay<Kind extends string> = {
  readonly kind: Kind;
  /** The name of the listener from whose socket it leaves. */
  readonly listener: string;
  /** Where it goes. */
  readonly address: string;
  readonly port: number;
  readonly bytes: number;
  readonly data: string;
};
