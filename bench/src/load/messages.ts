/** What the benchmark and its load client say to each other. */

/** How a client loads an echo server. */
export interface EchoLoad {
  readonly port: number;
  readonly connections: number;
  /** Messages that each connection has under way. */
  readonly inFlight: number;
  /** Bytes of one message, a length prefix included. */
  readonly messageBytes: number;
  /** Each message begins with its length, a u32 in network order that does not count itself. */
  readonly prefixed: boolean;
}

export type ToClient =
  /** Compares every byte of some messages. */
  | { readonly type: 'check'; readonly load: EchoLoad }
  /** Warms up, measures, and counts whether all bytes have come back; times in ms. */
  | { readonly type: 'run'; readonly load: EchoLoad; readonly warmUp: number; readonly duration: number };

export type FromClient =
  | { readonly type: 'checked' }
  /** The measured time begins. */
  | { readonly type: 'began' }
  /** The measured time is over; the load goes on until all is back. */
  | { readonly type: 'ended'; readonly figures: LoadFigures }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly reason: string };

export interface LoadFigures {
  readonly messages: number;
  /** Measured time in ms. */
  readonly elapsed: number;
  /** Round trips of a sample of the messages, in µs, at certain parts of all. */
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the client in µs. */
  readonly cpu: number;
}
