import type { AdoptReason, CloseReason, Introduction } from '../pipe/messages.js';
import type { Uid } from '../pipe/orders.js';
import type { Backlog } from './backlog.js';
import type { Hosted } from './connection-host.js';
import type { Delivery, WorkerPort } from './delivery.js';
import type { Output } from './output.js';
import type { Pinning } from './pinning.js';
import type { WorkerSlot } from './worker-slot.js';

/**
 * Where the events of one connection go, which workers know the connection, and
 * what has become of its own two events, connect and close.
 *
 * In sticky dispatch modes that is a `Residence`, with one worker at a time; in
 * the others it is `Roaming`, where any worker may get the next event.
 */
export interface Whereabouts {
  /** The place of the worker that serves it; none while roaming. */
  readonly slot: WorkerSlot | undefined;
  /** The worker that knows it and has all that is unsettled of it; none while roaming. */
  readonly home: WorkerPort | undefined;
  readonly pinning: Pinning | undefined;
  /** Whether nothing hinders its end: the worker that serves it knows it, or none needs to. */
  readonly introduced: boolean;

  /** Gives a packet to its worker, or refuses it; false where it has to wait. */
  give(packet: Delivery): boolean;
  /** Gives the connect or the close that goes before all packets; says whether nothing waits for that any longer. */
  giveEvent(): boolean;
  /** The socket is closed and all packets are with workers: the close follows, once. */
  close(): void;
  /** The socket is closed, and the close waits: those who handle what is before it should know already. */
  cancel(): void;
  /** No worker hears of it again. */
  banish(): void;

  /** A worker has settled the connect or the adopt. */
  settled(): void;
  /** A worker that retires gives back the connect, the adopt or the close, as if it had never been given. */
  returned(event: Delivery): void;
  /** A worker died with that event; `alone`: nothing else was running, so the event is poison. */
  lost(event: Delivery, alone: boolean): void;
  /** That worker is gone. */
  bereave(port: WorkerPort): void;

  /** The place that serves it first. */
  enter(slot: WorkerSlot): void;
  /** See `Client.moveTo`. */
  moveTo(port: WorkerPort, reason: AdoptReason | undefined): void;
  /** Another place serves it from here on; says whether it does now. One that is pinned stays. */
  moveToSlot(slot: WorkerSlot): boolean;
  /** Goes where the worker of its place is, if there is one and nothing is unsettled elsewhere. */
  followPlace(): void;
  /** The same after a settlement; says whether it has left its home. */
  followOn(): boolean;
  /** The worker `port`, at the place `slot`, serves it to its end, and no other; false where that is not its home. */
  pin(port: WorkerPort, slot: WorkerSlot): boolean;
  /** Those that know it hear whose it is. */
  bound(uid: Uid): void;
  /** Its last event is over. */
  forget(): void;
}

/** What its whereabouts ask of a connection. */
export interface Dweller extends Hosted {
  readonly closed: boolean;
  /** Why it ends, or has ended. */
  readonly reason: CloseReason;
  readonly output: Output;
  readonly backlog: Backlog;
  /** What a worker is told of it; `attempt` is that of a connect. */
  introduction(attempt?: number): Introduction;
  /** A dispatch module does not want it: it ends, and no worker hears of it. */
  refuseConnection(): void;
  /** Its last event is settled, or there is none: nobody needs to know it any longer. */
  forgetEverywhere(): void;
}

/** Of deliveries that are no packet. */
export const NO_BYTES = Buffer.alloc(0);
