import type { Link, Message } from '../platform.js';
import { Inbox } from './inbox.js';

/** What `parentPort` in a thread and `Worker` in its starter have in common. */
export interface Port {
  postMessage(message: Message): void;
  on(event: 'message', run: (message: Message) => void): unknown;
}

/**
 * A link between a thread and its starter. Buffers that the two share stay
 * shared. Listeners do not travel: Node cannot post a socket to a thread.
 */
export class PortLink implements Link {
  readonly #inbox = new Inbox();

  constructor(private readonly port: Port) {
    port.on('message', (message) => this.#inbox.deliver(message));
  }

  send(message: Message): void {
    this.port.postMessage(message);
  }

  onMessage(receive: (message: Message) => void): void {
    this.#inbox.onMessage(receive);
  }

  onDisconnect(run: () => void): void {
    this.#inbox.onEnd(run);
  }

  /** The peer is gone. */
  end(): void {
    this.#inbox.end();
  }
}
