import type { WorkerPort } from './delivery.js';
import type { Turn } from './output-queue.js';

/**
 * What the owner of a socket keeps of a connection that is pinned to a worker:
 * the worker, and how far each direction has ended.
 */
export class Pinning {
  /** The worker was told that the client has finished sending. */
  inputEndTold = false;
  /** Nothing more is sent to the client. */
  outputEnded = false;

  constructor(readonly port: WorkerPort) {}
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
