import type { AdoptReason } from '../pipe/messages.js';
import type { Uid } from '../pipe/orders.js';
import { Delivery, type WorkerPort } from './delivery.js';
import { Pinning } from './pinning.js';
import { NO_BYTES, type Dweller, type Whereabouts } from './whereabouts.js';
import type { WorkerSlot } from './worker-slot.js';

/**
 * A connection with a home: one worker has all its events, in order.
 *
 * It belongs to a place, and lives with the worker that has the place. When
 * another worker takes the place, or the connection gets another place, it moves
 * as soon as its home has settled everything; until then nothing new is given.
 */
export class Residence implements Whereabouts {
  slot: WorkerSlot | undefined = undefined;
  home: WorkerPort | undefined = undefined;
  /** Its protocol lives in its worker. */
  pinning: Pinning | undefined = undefined;
  /**
   * `connected`: a worker has settled its connect, so others adopt it. `outcast`: its introduction is poison, or nobody
   * wants it; no worker hears of it again.
   */
  #status: 'new' | 'connected' | 'outcast' = 'new';
  #connectAttempts = 0;
  #closeSent = false;
  /** Deaths in a row that hit the introduction, and the close. */
  #introductionDeaths = 0;
  #closeDeaths = 0;
  /** It was bound to a uid whose worker is another, and has not been there yet. */
  #rebound = false;

  constructor(private readonly client: Dweller) {}

  get introduced(): boolean {
    return this.home !== undefined && this.home === this.slot?.port;
  }

  give(packet: Delivery): boolean {
    const { slot } = this;
    const { backlog } = this.client;
    if (slot === undefined) return false;
    const port = this.pinning?.port ?? slot.port;
    if (port === undefined || this.home !== port) return false;
    if (!backlog.admits(packet)) return false;
    if (!slot.admits(packet)) {
      slot.block(packet);
      return false;
    }
    backlog.given(packet);
    slot.send(packet, port);
    return true;
  }

  /** Its introduction is on its way whenever it has a home. */
  giveEvent(): boolean {
    return true;
  }

  close(): void {
    if (this.#closeSent) return;
    if (this.#status === 'outcast' || this.slot === undefined) {
      this.#closeSent = true;
      this.client.forgetEverywhere();
      return;
    }
    const port = this.pinning?.port ?? this.slot.port;
    if (port === undefined || this.home !== port) return;
    this.#closeSent = true;
    const delivery = new Delivery('close', this.client, NO_BYTES, 0, 0, 0);
    delivery.deaths = this.#closeDeaths;
    this.client.backlog.given(delivery);
    port.close(delivery, this.client.reason);
  }

  cancel(): void {
    if (!this.#closeSent) this.home?.cancel(this.client.id);
  }

  banish(): void {
    this.#status = 'outcast';
  }

  settled(): void {
    this.#status = 'connected';
    this.#introductionDeaths = 0;
  }

  returned(event: Delivery): void {
    if (event.kind === 'close') this.#closeSent = false;
    else if (this.#status === 'new') this.#connectAttempts--;
  }

  lost(event: Delivery, alone: boolean): void {
    if (event.kind === 'close') {
      this.#closeDeaths = event.deaths;
      this.#closeSent = false;
    } else {
      this.#introductionDeaths = event.deaths;
    }
    if (alone) this.#status = 'outcast';
  }

  bereave(port: WorkerPort): void {
    if (this.home === port) this.home = undefined;
    this.pinning = undefined;
  }

  enter(slot: WorkerSlot): void {
    this.#changeTo(slot);
    if (slot.port !== undefined) this.moveTo(slot.port, undefined);
  }

  moveTo(port: WorkerPort, reason: AdoptReason | undefined): void {
    const before = this.home;
    if (before === port || this.pinning !== undefined) return;
    if (before === undefined) {
      this.#introduceAt(port, reason);
    } else if (this.client.backlog.unsettled === 0) {
      this.#leave(before);
      this.#introduceAt(port, 'retired');
    }
  }

  moveToSlot(slot: WorkerSlot): boolean {
    if (this.slot === undefined || slot === this.slot || this.pinning !== undefined) return false;
    this.#changeTo(slot);
    this.#rebound = true;
    this.followPlace();
    return true;
  }

  followPlace(): void {
    const port = this.slot?.port;
    if (this.home === undefined && port !== undefined) this.moveTo(port, 'bind');
    else this.followOn();
  }

  followOn(): boolean {
    const { slot, home } = this;
    if (slot === undefined || home === undefined || home === slot.port) return false;
    if (this.client.backlog.unsettled > 0 || this.pinning !== undefined) return false;
    this.#leave(home);
    if (slot.port !== undefined) this.#introduceAt(slot.port, 'retired');
    return true;
  }

  pin(port: WorkerPort, slot: WorkerSlot): boolean {
    if (this.pinning !== undefined || this.home !== port) return false;
    this.pinning = new Pinning(port);
    // It may have been about to go to the worker of its uid.
    this.#changeTo(slot);
    this.#rebound = false;
    return true;
  }

  bound(uid: Uid): void {
    this.home?.bound(this.client.id, uid);
  }

  /** Its worker forgets it when it settles the close. */
  forget(): void {}

  #changeTo(slot: WorkerSlot): void {
    if (slot === this.slot) return;
    this.slot?.leave(this.client);
    this.slot = slot;
    slot.enter(this.client);
  }

  /** Everything is settled that a worker had which gets nothing more: it need not know the connection any longer. */
  #leave(home: WorkerPort): void {
    this.home = undefined;
    home.forget(this.client.id);
  }

  #introduceAt(port: WorkerPort, reason: AdoptReason | undefined): void {
    if (this.#status === 'outcast') return;
    const { client } = this;
    const { backlog } = client;
    const delivery = new Delivery('introduction', client, NO_BYTES, 0, 0, 0);
    delivery.deaths = this.#introductionDeaths;
    this.home = port;
    backlog.given(delivery);
    const moves = this.#rebound ? 'bind' : reason;
    this.#rebound = false;
    if (this.#status === 'connected') {
      const introduction = { ...client.introduction(), ...(moves !== undefined && { reason: moves }) };
      port.adopt(delivery, introduction, client.state);
      if (client.output.full) port.buffer(client.id, true);
    } else {
      this.#connectAttempts++;
      port.connect(delivery, client.introduction(this.#connectAttempts));
    }
    // Without packets in between the close follows at once.
    if (client.closed && backlog.waiting > 0) port.cancel(client.id);
  }
}
