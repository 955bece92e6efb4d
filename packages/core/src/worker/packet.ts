/** What is behind a packet. */
export interface PacketCore {
  readonly data: Buffer;
  readonly address: string;
  readonly port: number;
  /** The name of its listener. */
  readonly listenerName: string;
  readonly dispatchTime: number;
  reply(data: string | Uint8Array): boolean;
}

/**
 * A datagram, in the worker that handles it. It may be kept, and replied to later
 * and more than once.
 */
export class Packet {
  readonly #core: PacketCore;

  /** Made by the kernel. */
  constructor(core: PacketCore) {
    this.#core = core;
  }

  /** The whole datagram; may be empty. */
  get data(): Buffer {
    return this.#core.data;
  }

  /** The sender's. An IPv4 sender at an IPv6 socket is `::ffff:` and its address. */
  get address(): string {
    return this.#core.address;
  }

  /** The sender's. */
  get port(): number {
    return this.#core.port;
  }

  /** The name of the listener that took it. */
  get listener(): string {
    return this.#core.listenerName;
  }

  /** When it came, in ms since the epoch. */
  get dispatchTime(): number {
    return this.#core.dispatchTime;
  }

  /**
   * Sends a datagram to its sender, from the socket that it came to (a string in
   * UTF-8). The last one that is sent in the turn in which the handler settles goes
   * with the settlement: a packet that is delivered again has not been answered by it.
   *
   * Returns false for more than 65,507 bytes, and when more than
   * `reactorMemoryLimit` would wait for the owner of the socket. True says that it is
   * on its way, and no more: it is a datagram. An array must not change any more once
   * it was sent. Throws `HandlerError` SEND_INVALID for anything that is neither a
   * string nor a `Uint8Array`.
   */
  reply(data: string | Uint8Array): boolean {
    return this.#core.reply(data);
  }
}
