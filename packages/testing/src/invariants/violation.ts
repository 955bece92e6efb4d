/** Which promise was broken. */
export type Rule =
  /** A packet that was accepted is neither handled nor refused with a reason. */
  | 'lost'
  /** A packet was settled before its handler, or handled again after it was settled. */
  | 'settlement'
  /** Connect, packets in order, close: one after the other, in one worker at a time. */
  | 'order'
  /** A connection closed though nobody closed it, twice, or never. */
  | 'close'
  /** A client got something else than what handlers sent, whole and in order. */
  | 'bytes'
  /** A timer that belongs to one worker at a time had two. */
  | 'timers'
  /** More waited than the settings allow. */
  | 'bounds'
  /** A task is done twice at once, too often or by nobody, charged without a death, or told a foreign result. */
  | 'task'
  /** A message is lost, started twice, out of order or by nobody, or given up without two deaths. */
  | 'message'
  /** The server's own counters say something else than its facts. */
  | 'stats';

export interface Violation {
  readonly rule: Rule;
  readonly message: string;
  /** The connection concerned; 0 for none. */
  readonly connection: number;
}
