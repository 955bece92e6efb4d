/**
 * What the parts of a reactor say to each other: a delivery is on its way from a
 * client to a worker's port, and a loss gives it back.
 */
import { NOBODY, type DispatchedEvent } from '../dispatch/dispatch.js';
import type { Many } from '../events/facts.js';
import type { Uid } from '../pipe/orders.js';
import type { AdoptReason, CloseReason, Introduction, Settlement } from '../pipe/messages.js';
import type { Endpoint } from '../platform/platform.js';

/** What a packet costs in a window beside its bytes: its header, and a guess at the bookkeeping. */
export const PACKET_OVERHEAD_BYTES = 64;

/** After this many deaths in a row an event goes alone, so that the next death shows whether it is the cause. */
const SUSPECT_DEATHS = 2;

/**
 * One event of a connection on its way to a worker, from the moment it was
 * accepted until a worker has settled it.
 */
export class Delivery implements DispatchedEvent {
  /** 1, or more when an earlier worker may have started it. */
  attempt = 1;
  /** Deaths of workers in a row at which it was unsettled and which are charged to it. */
  deaths = 0;
  /** Its handler was running at the end of a turn of the worker that has it. */
  pending = false;
  /** It waits in the worker for the reader of a stream, and counts in no bound but that of its connection. */
  held = false;
  /** The reason for which it counts as refused, if a worker gives it up. */
  refusal: 'CLOSED' | 'HANDLER_TIMEOUT' = 'CLOSED';
  /** Bytes that earlier attempts have sent on its connection. */
  answered = 0;
  /** What a dispatch module has said of it: see `DispatchedEvent`. */
  choice: number = NOBODY;
  /** The worker in whose load it counts, in dispatch modes that look at the load. */
  countedFor: WorkerPort | undefined;

  constructor(
    readonly kind: 'introduction' | 'packet' | 'close',
    readonly connection: Client,
    readonly buffer: Buffer,
    readonly start: number,
    readonly end: number,
    /** The packet's number in its connection, from 1; 0 for other events. */
    readonly packet: number,
  ) {}

  /** Whether it must run with nothing beside it. */
  get suspect(): boolean {
    return this.deaths >= SUSPECT_DEATHS;
  }

  /** Bytes that it counts in windows. */
  get charge(): number {
    return this.end - this.start + PACKET_OVERHEAD_BYTES;
  }
}

/** A datagram on its way to a worker. Its client is the listener, which is that of all its datagrams. */
export class DatagramDelivery extends Delivery {
  /** What dispatch goes by: the same for all datagrams of one sender. */
  readonly id: number;

  constructor(
    client: Client,
    data: Buffer,
    readonly remote: Endpoint,
    /** Index into `settings.listeners`. */
    readonly listener: number,
    readonly listenerName: string,
    /** ms since the epoch. */
    readonly arrivedAt: number,
    number: number,
  ) {
    super('packet', client, data, 0, data.length, number);
    this.id = hashOf(remote);
  }
}

/** FNV-1a, of address and port. */
function hashOf({ address, port }: Endpoint): number {
  let hash = 0x811c9dc5 ^ port;
  for (let at = 0; at < address.length; at++) hash = Math.imul(hash ^ address.charCodeAt(at), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** A client connection, as slots and ports see it. */
export interface Client {
  readonly id: number;
  /** How many of its packets a worker may handle at once. */
  readonly concurrency: number;
  /** `connection.state`, encoded; kept here so that it outlives the worker. */
  state: Buffer | undefined;
  /**
   * Sends `buffer[start, end)` of the worker `pid` whole, or closes the connection when a bound would be exceeded. `to`:
   * it is sent to all of those.
   */
  send(buffer: Buffer, start: number, end: number, pid: number, to?: Many): void;
  /** The worker that knows the connection and gets its events, in sticky dispatch modes. */
  readonly home: WorkerPort | undefined;
  /** Whether it lives and dies with its home. */
  readonly pinned: boolean;
  /**
   * Another worker has the place of its id: the connection goes there, but not
   * before everything is settled that its home has of it. The first worker of all
   * hears of it by connect, each later one by adopt.
   */
  moveTo(port: WorkerPort, reason: AdoptReason | undefined): void;
  /** As `moveTo` for a connection that was to move to another place, and whose worker is lost. */
  followPlace(): void;
  settled(delivery: Delivery, how: Settlement): void;
  /**
   * Its worker is lost: these deliveries, in order, have not been settled; the
   * first `started` of them may have been started.
   */
  takeBack(deliveries: readonly Delivery[], loss: Loss, started: number): void;
  /** Flushes and ends; packets that no worker has yet are refused. */
  finish(reason: CloseReason): void;
  /** Closes without flushing. */
  abort(reason: CloseReason): void;
  /** Moves on: gives the worker what the windows admit, and ends when all is done. */
  pump(): void;
}

export function isPacket({ kind }: Delivery): boolean {
  return kind === 'packet';
}

/**
 * A living worker, as the owner of the sockets sees it: over a pipe in process
 * mode, in the same process in base mode.
 */
export interface WorkerPort {
  readonly incarnation: number;
  readonly pid: number;
  /** Packets that were given to it and are not settled, as its table has them. It looks at each. */
  countPackets(): number;
  connect(delivery: Delivery, introduction: Introduction): void;
  adopt(delivery: Delivery, introduction: Introduction, state: Buffer | undefined): void;
  packet(delivery: Delivery): void;
  datagram(delivery: DatagramDelivery): void;
  close(delivery: Delivery, reason: string): void;
  introduce(connectionId: number, introduction: Introduction): void;
  /** The socket is closed, and the event that tells so cannot be delivered yet. */
  cancel(connectionId: number): void;
  /** What waits for the client has reached the high mark, or fallen to the low one. */
  buffer(connectionId: number, full: boolean): void;
  forget(connectionId: number): void;
  /** The connection is that of `uid` from here on. */
  bound(connectionId: number, uid: Uid): void;
  /** On a connection that is pinned to it: its client has finished sending. */
  inputEnded(connectionId: number): void;
  /** The client has taken what was sent under that ticket. */
  taken(ticket: number): void;
  /** It gets no further event, and hears so: it finishes what it has started and gives back the rest. */
  retire(): void;
  /** Writes what has gathered, before the end of the turn. */
  flush(): void;
  /** One socket was read, and its packets follow. */
  readBegins(): void;
  /** All packets of that read were given. */
  readEnds(): void;
}

/** How a port's worker ended, and what it leaves. */
export interface Loss {
  readonly port: WorkerPort;
  /** Unsettled deliveries, in the order in which they were sent. */
  readonly unsettled: readonly Delivery[];
  /** Something of what is unsettled may have been started. */
  readonly started: boolean;
  /** The framework made the worker leave: no packet is charged. */
  readonly blameless: boolean;
  /** The packet that ran alone when the worker died, or `'other'` when that came from another owner. */
  readonly alone: Delivery | 'other' | undefined;
  readonly reason: AdoptReason;
}
