import type { BoundListener, Message } from '../platform.js';
import { Occurrence } from './occurrence.js';

type Receive = (message: Message, listener?: BoundListener) => void;

/**
 * The receiving side of a link: keeps messages until the one receiver is set,
 * and the end of the link until somebody asks.
 *
 * The end does not wait for a receiver. A process that is still booting must
 * learn at once that it is an orphan.
 */
export class Inbox {
  #receive: Receive | undefined;
  readonly #kept: [Message, BoundListener | undefined][] = [];
  readonly #end = new Occurrence<void>();

  deliver(message: Message, listener?: BoundListener): void {
    if (this.#receive === undefined) this.#kept.push([message, listener]);
    else this.#receive(message, listener);
  }

  end(): void {
    this.#end.happen();
  }

  onMessage(receive: Receive): void {
    for (let kept = this.#kept.shift(); kept !== undefined; kept = this.#kept.shift()) receive(...kept);
    this.#receive = receive;
  }

  onEnd(run: () => void): void {
    this.#end.tell(run);
  }
}
