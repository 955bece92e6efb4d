import type { ForeignSends } from '../mesh/foreign-sends.js';
import type { Way } from '../mesh/way.js';
import { requestId, type OrderFrame, type Request } from '../pipe/orders.js';
import { ownerGone, PendingRequests } from '../pipe/requests.js';
import type { Clock } from '../platform/platform.js';
import type { ConnectionOwner } from './connection-directory.js';

/** The owners of sockets that other processes of this machine have or are, at the ends of the mesh's ways. */
export class MeshOwners {
  readonly #byWay = new Map<Way, ConnectionOwner>();
  readonly #pending: PendingRequests;

  constructor(
    clock: Clock,
    private readonly foreign: ForeignSends,
  ) {
    this.#pending = new PendingRequests(clock);
  }

  at(way: Way): ConnectionOwner {
    let owner = this.#byWay.get(way);
    if (owner === undefined) this.#byWay.set(way, (owner = this.#make(way)));
    return owner;
  }

  answered(number: number, buffer: Buffer, start: number, end: number): void {
    this.#pending.answered(number, buffer, start, end);
  }

  closed(way: Way): void {
    this.#byWay.delete(way);
    this.#pending.lost(way);
  }

  #make(way: Way): ConnectionOwner {
    const { foreign } = this;
    const pending = this.#pending;
    return {
      order: (frame: OrderFrame) => foreign.order(way, frame),
      request: async (request: Request) => {
        // Who asks several one after the other may come too late.
        if (way.over) throw ownerGone();
        const body = Buffer.from(JSON.stringify(request));
        return pending.ask(request, way, (number) => foreign.request(way, requestId(request), number, body));
      },
      flush: () => way.flush(),
    };
  }
}
