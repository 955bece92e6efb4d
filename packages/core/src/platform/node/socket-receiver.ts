import type { Socket } from 'node:net';

/** Who is told what a socket says. */
export interface SocketReceiver {
  received(chunk: Buffer): void;
  ended(): void;
  failed(error: Error): void;
  closed(): void;
}

/**
 * Where a socket keeps its receiver. Node calls listeners on their socket, so a
 * few functions serve all sockets, where closures would cost each of them half a
 * kilobyte.
 */
export const receiver: unique symbol = Symbol('receiver');

export type ReceivingSocket = Socket & { [receiver]?: SocketReceiver };
