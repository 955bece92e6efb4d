import { FrameFlag, FrameKind, type Settlement } from '../pipe/messages.js';
import type { Part } from '../pipe/parts.js';
import type { Parcel, Way } from './way.js';

/** What a send counts beside its bytes. */
const OVERHEAD_BYTES = 64;

/** What waits until a way is open. */
interface Traffic {
  bytes: number;
  early: ((way: Way) => void)[];
}

/** Sends to connections whose sockets other processes own. */
export class ForeignSends {
  readonly #traffic = new Map<Way, Traffic>();

  constructor(
    /** The way to the owner of that connection, which may have to open first; undefined when it is gone. */
    private readonly wayTo: (connectionId: number) => Way | undefined,
    /** Bytes that may be on their way to one owner, beside the first send. */
    private readonly limit: number,
    /** Bytes of one send. */
    private readonly largest: number,
  ) {}

  /** False when the owner is gone, or when too much waits for it. */
  send(connectionId: number, data: Part, bytes: number): boolean {
    const way = bytes > this.largest ? undefined : this.wayTo(connectionId);
    if (way === undefined) return false;
    const traffic = this.#trafficOf(way);
    const cost = bytes + OVERHEAD_BYTES;
    if (traffic.bytes + cost > this.limit) return false;
    traffic.bytes += cost;
    const sent: Parcel = { settled: (_how: Settlement) => (traffic.bytes -= cost) };
    this.#whenOpen(way, traffic, () =>
      way.send(FrameKind.send, 0, 0, connectionId, 0, 0, [data], bytes, sent),
    );
    return true;
  }

  end(connectionId: number, reset: boolean): boolean {
    const way = this.wayTo(connectionId);
    if (way === undefined) return false;
    const flags = reset ? FrameFlag.reset : 0;
    this.#whenOpen(way, this.#trafficOf(way), () => way.control(FrameKind.end, flags, connectionId));
    return true;
  }

  opened(way: Way): void {
    const traffic = this.#traffic.get(way);
    if (traffic === undefined) return;
    const { early } = traffic;
    traffic.early = [];
    for (const run of early) run(way);
  }

  closed(way: Way): void {
    this.#traffic.delete(way);
  }

  #trafficOf(way: Way): Traffic {
    let traffic = this.#traffic.get(way);
    if (traffic === undefined) this.#traffic.set(way, (traffic = { bytes: 0, early: [] }));
    return traffic;
  }

  #whenOpen(way: Way, { early }: Traffic, run: () => void): void {
    if (way.attached) run();
    else early.push(run);
  }
}
