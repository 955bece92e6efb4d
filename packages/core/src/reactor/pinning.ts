import type { Observe } from '../events/facts.js';
import type { Backlog } from './backlog.js';
import type { WorkerPort } from './delivery.js';
import type { Turn } from './output-queue.js';

/**
 * What the owner of a socket keeps of a connection that is pinned to a worker:
 * the worker, and how far each direction has ended.
 */
export class Pinning {
  /** Nothing more is sent to the client. */
  outputEnded = false;

  /** The worker was told that the client has finished sending. */
  #inputEndTold = false;

  constructor(readonly port: WorkerPort) {}

  /** The client has finished sending, and the worker hears so behind everything that was read. The connection goes on until the worker ends it. */
  tellInputEnd({ id, backlog }: Pinned, observe: Observe | undefined): void {
    if (this.#inputEndTold || backlog.unsettledPackets > 0) return;
    this.#inputEndTold = true;
    observe?.({ kind: 'inputEnded', connection: id });
    this.port.inputEnded(id);
  }
}

interface Pinned {
  readonly id: number;
  readonly backlog: Backlog;
}

/** Something that the worker of a pinned connection has sent and the system has not taken: its ticket goes back when it has. */
export class HeldSend implements Turn {
  constructor(
    private readonly port: WorkerPort,
    private readonly ticket: number,
  ) {}

  advance(): boolean {
    this.port.taken(this.ticket);
    return true;
  }

  abandon(): void {
    this.port.taken(this.ticket);
  }
}
