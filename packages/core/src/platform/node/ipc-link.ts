import type { Server } from 'node:net';
import type { BoundListener, Endpoint, Link, Message } from '../platform.js';
import { BoundSocket, handleOf, type BareHandle } from './bound-socket.js';
import { Inbox } from './inbox.js';

/** What `process` in a spawned process and `ChildProcess` in its spawner have in common. */
export interface IpcChannel {
  readonly connected: boolean;
  send(
    message: Message,
    handle: Server | undefined,
    options: undefined,
    callback: (error: Error | null) => void,
  ): boolean;
  on(event: 'message', run: (envelope: unknown, handle: unknown) => void): unknown;
  once(event: 'disconnect', run: () => void): unknown;
}

/**
 * Our messages travel in an envelope. The channel is not ours alone: user code
 * and its libraries may call `process.send` too, and are not heard.
 */
interface Envelope {
  readonly shoal: Message;
  /** Where the listener that travels with the message listens. */
  readonly listener?: Endpoint;
}

/** A link over the channel that `child_process.fork` opens. Holds the process alive while it is open. */
export class IpcLink implements Link {
  readonly #inbox = new Inbox();

  constructor(private readonly channel: IpcChannel) {
    channel.on('message', (envelope, handle) => this.#open(envelope, handle));
    channel.once('disconnect', () => this.#inbox.end());
    if (!channel.connected) this.#inbox.end();
  }

  send(message: Message, listener?: BoundListener): void {
    if (!this.channel.connected) return;
    const envelope: Envelope = {
      shoal: message,
      ...(listener !== undefined && { listener: listener.endpoint }),
    };
    // Node sends raw handles as well as servers, only its types do not say so.
    const handle = listener && (handleOf(listener) as unknown as Server);
    // The callback takes the error of a channel that broke, which would be thrown otherwise.
    this.channel.send(envelope, handle, undefined, () => {});
  }

  onMessage(receive: (message: Message, listener?: BoundListener) => void): void {
    this.#inbox.onMessage(receive);
  }

  onDisconnect(run: () => void): void {
    this.#inbox.onEnd(run);
  }

  #open(envelope: unknown, handle: unknown): void {
    if (!isEnvelope(envelope)) return;
    // A handle does not arrive when this process has run out of file descriptors.
    const bound =
      envelope.listener !== undefined && handle !== undefined
        ? new BoundSocket(envelope.listener, handle as BareHandle)
        : undefined;
    this.#inbox.deliver(envelope.shoal, bound);
  }
}

function isEnvelope(value: unknown): value is Envelope {
  return typeof value === 'object' && value !== null && 'shoal' in value;
}
