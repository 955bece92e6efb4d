import type { ChildProcess } from 'node:child_process';
import type { BoundListener, Child, Exit, Message } from '../platform.js';
import { IpcLink } from './ipc-link.js';
import { Occurrence } from './occurrence.js';

/** How long a channel may stay open after the exit of its process, in ms. */
const channelGrace = 1_000;

/**
 * A process that was started. The exit and the end of the channel come in either
 * order; its owner hears of the exit after both, and so after the last message.
 *
 * The channel outlives the process if that handed its end to a process of its
 * own. Then nothing more is to come, and it is closed from here. Node 24 never
 * tells the end of a channel whose process left with a socket on its way to it:
 * there the exit alone counts, after the same time.
 */
export class NodeChild implements Child {
  readonly #link: IpcLink;
  readonly #exit = new Occurrence<Exit>();

  constructor(
    private readonly child: ChildProcess,
    readonly pid: number,
  ) {
    this.#link = new IpcLink(child);
    child.once('exit', (code, signal) => this.#hasExited({ code, signal }));
  }

  send(message: Message, listener?: BoundListener): void {
    this.#link.send(message, listener);
  }

  onMessage(receive: (message: Message, listener?: BoundListener) => void): void {
    this.#link.onMessage(receive);
  }

  onDisconnect(run: () => void): void {
    this.#link.onDisconnect(run);
  }

  onExit(run: (exit: Exit) => void): void {
    this.#exit.tell(run);
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.child.kill(signal);
  }

  #hasExited(exit: Exit): void {
    const grace = setTimeout(() => {
      if (this.child.connected) this.child.disconnect();
      // After the 'disconnect' that this may bring.
      setImmediate(() => this.#exit.happen(exit));
    }, channelGrace);
    this.#link.onDisconnect(() => {
      clearTimeout(grace);
      this.#exit.happen(exit);
    });
  }
}

/** A process that could not be started. */
export class FailedChild implements Child {
  readonly pid = 0;

  send(): void {}
  onMessage(): void {}
  kill(): void {}

  onDisconnect(run: () => void): void {
    setImmediate(run);
  }

  onExit(run: (exit: Exit) => void): void {
    setImmediate(() => run({ code: null, signal: null }));
  }
}
