import { LINGER_MS } from '../config/limits.js';
import type { CloseReason } from '../pipe/messages.js';
import type { Clock, Timer } from '../platform/platform.js';
import type { Output } from './output.js';

/** The same while the server stops: nothing is expected of the client but its FIN. */
const SHUTDOWN_LINGER_MS = 1_000;

/**
 * The time that is left to a connection after its end was sent: as long as its
 * client takes what waits for it, and a while longer for the FIN that answers.
 */
export class Linger {
  readonly #patience: number;
  #timer: Timer;

  constructor(
    private readonly clock: Clock,
    private readonly output: Output,
    reason: CloseReason | undefined,
  ) {
    this.#patience = reason === 'shutdown' ? SHUTDOWN_LINGER_MS : LINGER_MS;
    this.#timer = this.#watch(output.buffered, output.progress);
  }

  #watch(buffered: number, progress: number): Timer {
    return this.clock.setTimer(this.#patience, () => {
      const { busy, buffered: now, progress: done, stream } = this.output;
      if (busy && (now < buffered || done > progress)) this.#timer = this.#watch(now, done);
      // Without a reset when nothing is left here: what the system has still gets through.
      else stream.destroy(busy);
    });
  }

  /** It is closed. */
  cancel(): void {
    this.#timer.cancel();
  }
}
