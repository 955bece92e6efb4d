import { isStream } from '../config/limits.js';
import type { Settings } from '../config/load.js';
import type { Container, Definition } from '../definition.js';
import type { BoundHandler } from '../events/bound-handler.js';
import { bind, packetHandlerOf } from '../events/handler-table.js';
import type { ConversationHost } from './conversation-host.js';
import { Datagram, type ServedDatagrams } from './datagram.js';
import { DatagramLine } from './datagram-line.js';
import type { SocketOwner } from './socket-owner.js';

/** A datagram as its owner gives it. */
export interface Arrival {
  /** Index into `settings.listeners`. */
  readonly listener: number;
  readonly address: string;
  readonly port: number;
  /** ms since the epoch. */
  readonly arrivedAt: number;
  readonly data: Buffer;
  readonly attempt: number;
  readonly answered: number;
  readonly isolated: boolean;
}

/** All datagrams that one worker handles. */
export class Datagrams {
  /** By index of the listener. */
  readonly #listeners: readonly (ServedDatagrams | undefined)[];
  readonly #lines = new Map<SocketOwner, DatagramLine>();

  constructor(
    private readonly all: ConversationHost,
    settings: Settings,
    definition: Definition,
    container: Container | undefined,
    /** In the order of their indexes. */
    private readonly owners: () => readonly SocketOwner[],
  ) {
    this.#listeners = settings.listeners.map((listener, index) => {
      if (isStream(listener)) return undefined;
      const { name, handlerTimeout } = listener;
      let bound: BoundHandler | undefined;
      const handler = (): BoundHandler | undefined => {
        const spec = bound === undefined ? packetHandlerOf(definition, name) : undefined;
        if (spec !== undefined) bound = bind(spec, container, undefined, handlerTimeout);
        return bound;
      };
      return { index, name, handler };
    });
  }

  take(owner: SocketOwner, seq: number, arrival: Arrival): void {
    const { address, port, arrivedAt, data, attempt, answered, isolated } = arrival;
    const listener = this.#listeners[arrival.listener]!;
    const line = this.#lineOf(owner);
    line.take(
      new Datagram(owner, line, seq, listener, address, port, arrivedAt, data, attempt, answered, isolated),
    );
  }

  giveBack(owner: SocketOwner): void {
    this.#lines.get(owner)?.giveBack();
  }

  /** Names the handlers that are still pending when this process must leave. */
  nameStragglers(): void {
    for (const { pending } of this.#lines.values())
      for (const [label, count] of pending) this.all.invoker.abandon(label, count);
  }

  #lineOf(owner: SocketOwner): DatagramLine {
    let line = this.#lines.get(owner);
    if (line === undefined) {
      line = new DatagramLine(owner, this.owners().indexOf(owner), this.all);
      this.#lines.set(owner, line);
    }
    return line;
  }
}
