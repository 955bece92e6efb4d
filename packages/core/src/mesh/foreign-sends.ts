import type { DatagramTarget } from '../config/datagram-target.js';
import { LARGEST_DATAGRAM } from '../config/limits.js';
import { addressWord } from '../pipe/datagram-head.js';
import type { HandlerError } from '../errors.js';
import { DATAGRAM_LANE, FrameFlag, FrameKind, type FileRequest, type Settlement } from '../pipe/messages.js';
import { keptOrder, type OrderFrame } from '../pipe/orders.js';
import type { Part } from '../pipe/parts.js';
import { gone, Receipt, refused } from '../pipe/receipt.js';
import type { Parcel, Way } from './way.js';

/** What a send counts beside its bytes. */
const OVERHEAD_BYTES = 64;

/** What one owner has been sent and has not settled. */
interface Traffic {
  bytes: number;
  /** What waits until its way is open. */
  early: ((way: Way) => void)[];
  /** Who waits for word of what was sent. */
  readonly receipts: Set<Receipt>;
}

/** Sends to connections whose sockets others own: a worker in base mode, a reactor in process mode. */
export class ForeignSends {
  readonly #traffic = new Map<Way, Traffic>();
  /** Ways with something that may not be with the system yet, because they are opening or full. */
  readonly #unflushed = new Set<Way>();
  /** Resolves when there are none. */
  #flushed: Promise<void> | undefined;
  #resolveFlushed: (() => void) | undefined;

  constructor(
    /** The way to the owner of that connection, which may have to open first; undefined when it is gone. */
    private readonly wayTo: (connectionId: number) => Way | undefined,
    /** Bytes that may be on their way to one owner. */
    private readonly limit: number,
    /** Bytes of one send. */
    private readonly largest: number,
  ) {}

  /**
   * Writes what has gathered, before something that follows from it leaves over
   * another pipe. Undefined when all of it is with the system; else resolves when it is.
   */
  flush(): Promise<void> | undefined {
    if (this.#unflushed.size === 0) return undefined;
    for (const way of this.#unflushed) way.flush();
    for (const way of this.#unflushed) if (way.attached && way.backlog === 0) this.#unflushed.delete(way);
    this.#checkFlushed();
    if (this.#unflushed.size === 0) return undefined;
    this.#flushed ??= new Promise<void>((resolve) => (this.#resolveFlushed = resolve));
    return this.#flushed;
  }

  /** False when the owner is gone, or when too much waits for it. */
  send(connectionId: number, data: Part, bytes: number): boolean {
    const way = bytes > this.largest ? undefined : this.wayTo(connectionId);
    if (way === undefined) return false;
    const traffic = this.#admit(way, bytes);
    if (traffic === undefined) return false;
    const cost = bytes + OVERHEAD_BYTES;
    const sent: Parcel = { settled: (_how: Settlement) => (traffic.bytes -= cost) };
    // Whoever sends may use its buffer for something else once this has returned.
    const kept = way.attached || typeof data === 'string' ? data : Buffer.from(data);
    this.#whenOpen(way, traffic, () =>
      way.send(FrameKind.send, 0, 0, connectionId, 0, 0, [kept], bytes, sent),
    );
    return true;
  }

  /** As `send`, an order for one connection or for many. */
  order(way: Way, order: OrderFrame): boolean {
    const { bytes } = order;
    if (bytes - order.headBytes > this.largest) return false;
    const traffic = this.#admit(way, bytes);
    if (traffic === undefined) return false;
    const sent: Parcel = { settled: () => (traffic.bytes -= bytes + OVERHEAD_BYTES) };
    const { id, headBytes, parts } = way.attached ? order : keptOrder(order);
    this.#whenOpen(way, traffic, () => way.send(FrameKind.order, 0, 0, id, 0, headBytes, parts, bytes, sent));
    return true;
  }

  /** A request under that number, behind what was sent before; false when too much waits for its owner. */
  request(way: Way, id: number, number: number, body: Buffer): boolean {
    const traffic = this.#admit(way, body.length);
    if (traffic === undefined) return false;
    // Nobody settles it: while it waits here it counts.
    this.#whenOpen(way, traffic, () => {
      traffic.bytes -= body.length + OVERHEAD_BYTES;
      way.request(id, number, body);
    });
    return true;
  }

  /** Sends a datagram by the owner of its socket. False when too much waits for that, and for more than a datagram holds. */
  sendTo(way: Way, { listener, address, port }: DatagramTarget, data: Part, bytes: number): boolean {
    const traffic = bytes > LARGEST_DATAGRAM ? undefined : this.#admit(way, bytes);
    if (traffic === undefined) return false;
    const cost = bytes + OVERHEAD_BYTES;
    const sent: Parcel = { settled: (_how: Settlement) => (traffic.bytes -= cost) };
    const kept = way.attached || typeof data === 'string' ? data : Buffer.from(data);
    const all = address.length + bytes;
    const word = addressWord(address.length, listener);
    this.#whenOpen(way, traffic, () =>
      way.send(FrameKind.sendTo, 0, port, DATAGRAM_LANE, 0, word, [address, kept], all, sent),
    );
    return true;
  }

  /** Resolves when the bytes are with the system, see `Receipt`; or an error when nothing was sent. */
  sendWait(connectionId: number, data: Part, bytes: number): Promise<void> | HandlerError {
    if (bytes > this.largest) return refused(connectionId);
    return this.#request(FrameKind.send, FrameFlag.tells, connectionId, data, bytes);
  }

  /** The same for a part of a file. */
  sendFile(connectionId: number, request: FileRequest): Promise<void> | HandlerError {
    const body = JSON.stringify(request);
    return this.#request(FrameKind.sendFile, 0, connectionId, body, Buffer.byteLength(body));
  }

  /** Stops the reading of a client's socket, or starts it again. */
  read(connectionId: number, paused: boolean): boolean {
    return this.#control(FrameKind.read, paused ? FrameFlag.pause : 0, connectionId);
  }

  /** Sends what its owner settles when it is done. */
  #request(
    kind: number,
    flags: number,
    connectionId: number,
    body: Part,
    bytes: number,
  ): Promise<void> | HandlerError {
    const way = this.wayTo(connectionId);
    if (way === undefined) return gone(connectionId);
    const traffic = this.#admit(way, bytes);
    if (traffic === undefined) return refused(connectionId);
    const receipt = new Receipt(connectionId);
    traffic.receipts.add(receipt);
    const parcel: Parcel = {
      failed: (error) => receipt.failed(error),
      settled: (how) => {
        traffic.bytes -= bytes + OVERHEAD_BYTES;
        traffic.receipts.delete(receipt);
        receipt.settled(how);
      },
    };
    const kept = way.attached || typeof body === 'string' ? body : Buffer.from(body);
    this.#whenOpen(way, traffic, () => way.send(kind, flags, 0, connectionId, 0, 0, [kept], bytes, parcel));
    return receipt.promise;
  }

  end(connectionId: number, reset: boolean): boolean {
    return this.#control(FrameKind.end, reset ? FrameFlag.reset : 0, connectionId);
  }

  #control(kind: number, flags: number, connectionId: number): boolean {
    const way = this.wayTo(connectionId);
    if (way === undefined) return false;
    const tell = (): void => way.control(kind, flags, connectionId);
    if (way.attached) {
      tell();
      this.#unflushed.add(way);
      return true;
    }
    // Nobody settles it: while it waits here it counts.
    const traffic = this.#admit(way, 0);
    if (traffic === undefined) return false;
    this.#whenOpen(way, traffic, () => {
      traffic.bytes -= OVERHEAD_BYTES;
      tell();
    });
    return true;
  }

  opened(way: Way): void {
    const traffic = this.#traffic.get(way);
    if (traffic === undefined) return;
    const { early } = traffic;
    traffic.early = [];
    for (const run of early) run(way);
  }

  /** Everything that was given to it is with the system; until it is attached that is a hello, and sends wait here. */
  drained(way: Way): void {
    if (way.attached) this.#leave(way);
  }

  closed(way: Way): void {
    for (const receipt of this.#traffic.get(way)?.receipts ?? []) receipt.settled('discarded');
    this.#traffic.delete(way);
    this.#leave(way);
  }

  #leave(way: Way): void {
    if (this.#unflushed.delete(way)) this.#checkFlushed();
  }

  #checkFlushed(): void {
    if (this.#unflushed.size > 0) return;
    this.#resolveFlushed?.();
    this.#flushed = this.#resolveFlushed = undefined;
  }

  /** Charges the owner; undefined when too much waits for it, or when it is gone and somebody still has its way. */
  #admit(way: Way, bytes: number): Traffic | undefined {
    if (way.over) return undefined;
    let traffic = this.#traffic.get(way);
    if (traffic === undefined)
      this.#traffic.set(way, (traffic = { bytes: 0, early: [], receipts: new Set() }));
    const cost = bytes + OVERHEAD_BYTES;
    if (traffic.bytes + cost > this.limit) return undefined;
    traffic.bytes += cost;
    return traffic;
  }

  #whenOpen(way: Way, { early }: Traffic, run: (way: Way) => void): void {
    if (way.attached) run(way);
    else early.push(run);
    this.#unflushed.add(way);
  }
}
