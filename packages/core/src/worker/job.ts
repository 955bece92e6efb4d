/** What waits in the line of one connection, in the order in which it came. */
export type Job = PacketJob | ExclusiveJob;

export interface PacketJob {
  readonly kind: 'packet';
  readonly seq: number;
  readonly data: Buffer;
  readonly attempt: number;
  /** Bytes that earlier attempts have answered. */
  readonly answered: number;
  /** Start it only when nothing else runs in the worker. */
  readonly isolated: boolean;
}

/** An event that nothing else of its connection may overlap. */
export interface ExclusiveJob {
  readonly kind: 'connect' | 'adopt' | 'close';
  readonly seq: number;
  readonly reason: string;
  readonly isolated: boolean;
  /** Of its handler, once that runs. */
  label: string;
}
