import type { Uid } from '../pipe/orders.js';
import { Acquaintances } from './acquaintances.js';
import type { ConnectionHost } from './connection-host.js';
import { Delivery } from './delivery.js';
import { bookRefused } from './packet-books.js';
import { NO_BYTES, type Dweller, type Whereabouts } from './whereabouts.js';

/**
 * A connection without a home, in dispatch modes that choose a worker for each
 * event: whoever gets one hears of the connection before. Its connect and its
 * close go to some worker each, where they are asked for (`enableUnsafeEvent`);
 * a dispatch module may refuse any event.
 */
export class Roaming implements Whereabouts {
  /** The workers that know it, once there are any. */
  #acquaintances: Acquaintances | undefined;
  /** Its connect or close, which some worker is to get before anything else. */
  #event: Delivery | undefined;
  #connectAttempts = 0;
  #closeSent = false;
  /** Deaths in a row that hit the close. */
  #closeDeaths = 0;
  /** One of its events is poison, or nobody wants it: no worker hears of it again. */
  #outcast = false;

  constructor(
    private readonly client: Dweller,
    private readonly host: ConnectionHost,
  ) {
    this.#event = host.unorderedEvents ? new Delivery('introduction', client, NO_BYTES, 0, 0, 0) : undefined;
  }

  get slot(): undefined {
    return undefined;
  }

  get home(): undefined {
    return undefined;
  }

  get pinning(): undefined {
    return undefined;
  }

  get introduced(): boolean {
    return true;
  }

  give(packet: Delivery): boolean {
    const { client, host } = this;
    const { backlog } = client;
    if (!backlog.admits(packet)) return false;
    const slot = host.route(client, packet);
    if (slot === 'wait') return false;
    if (slot === 'discard') {
      bookRefused(host, packet, 'DISPATCH_DISCARDED');
    } else if (slot === 'close') {
      bookRefused(host, packet, 'DISPATCH_CLOSED');
      client.finish('dispatch');
    } else {
      this.#knownTo().introduceTo(slot, client.closed);
      backlog.given(packet);
      slot.send(packet, slot.port!);
    }
    return true;
  }

  giveEvent(): boolean {
    const event = this.#event;
    if (event === undefined) return true;
    const { client } = this;
    const slot = this.host.route(client, event);
    if (slot === 'wait') return false;
    this.#event = undefined;
    if (slot === 'discard' || slot === 'close') {
      if (event.kind === 'close') client.forgetEverywhere();
      else if (slot === 'close') client.refuseConnection();
      return true;
    }
    const port = slot.port!;
    this.client.backlog.given(event);
    if (event.kind === 'close') {
      this.#knownTo().introduceTo(slot, false);
      port.close(event, client.reason);
      return true;
    }
    this.#connectAttempts++;
    this.#knownTo().add(slot);
    port.connect(event, client.introduction(this.#connectAttempts));
    if (client.closed) port.cancel(client.id);
    return true;
  }

  close(): void {
    if (this.#closeSent || this.client.backlog.unsettled > 0) return;
    this.#closeSent = true;
    if (this.#outcast || !this.host.unorderedEvents) {
      this.client.forgetEverywhere();
      return;
    }
    this.#event = new Delivery('close', this.client, NO_BYTES, 0, 0, 0);
    this.#event.deaths = this.#closeDeaths;
    this.giveEvent();
  }

  cancel(): void {
    if (!this.#closeSent) this.#acquaintances?.cancel();
  }

  banish(): void {
    this.#outcast = true;
  }

  settled(): void {}

  returned(event: Delivery): void {
    if (event.kind === 'close') {
      this.#closeSent = false;
    } else {
      this.#connectAttempts--;
      this.#event = event;
    }
  }

  lost(event: Delivery, alone: boolean): void {
    if (event.kind === 'close') this.#closeDeaths = event.deaths;
    this.#closeSent = event.kind === 'close' && !alone;
    if (alone) this.#outcast = true;
    else this.#event = event;
  }

  bereave(): void {}

  enter(): void {}

  moveTo(): void {}

  moveToSlot(): boolean {
    return false;
  }

  followPlace(): void {}

  followOn(): boolean {
    return false;
  }

  pin(): boolean {
    return false;
  }

  bound(uid: Uid): void {
    this.#acquaintances?.bound(uid);
  }

  forget(): void {
    this.#acquaintances?.forget();
  }

  #knownTo(): Acquaintances {
    return (this.#acquaintances ??= new Acquaintances(this.client.id, this.client.introduction()));
  }
}
