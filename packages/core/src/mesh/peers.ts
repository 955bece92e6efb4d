import type { Peer } from '../pipe/messages.js';

/** Who else there is, as the manager last told. Empty until then. */
export class Peers {
  #byIncarnation: ReadonlyMap<number, Peer> = new Map();
  #byId: ReadonlyMap<number, Peer> = new Map();

  set(peers: readonly Peer[]): void {
    this.#byIncarnation = new Map(peers.map((peer) => [peer.incarnation, peer]));
    this.#byId = new Map(peers.filter(({ current }) => current).map((peer) => [peer.workerId, peer]));
  }

  /** The process that has the place of that id; undefined while it is being replaced. */
  current(workerId: number): Peer | undefined {
    return this.#byId.get(workerId);
  }

  all(): Iterable<Peer> {
    return this.#byIncarnation.values();
  }

  /** That process, while it lives. */
  living(incarnation: number): Peer | undefined {
    return this.#byIncarnation.get(incarnation);
  }
}
