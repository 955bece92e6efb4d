import type { BoundListener, Endpoint } from '../platform.js';

/**
 * What Node calls a TCP handle: a socket without the class around it. It is not
 * part of Node's documented types, but it is what `child.send` and
 * `server.listen` take, and the only form in which a process can hold a
 * listening socket without accepting on it.
 */
export interface TcpHandle {
  close(): void;
}

export class BoundSocket implements BoundListener {
  constructor(
    readonly endpoint: Endpoint,
    private readonly held: TcpHandle,
    /** Another one, where somebody else has it in this process. */
    readonly handle = held,
  ) {}

  close(): void {
    this.held.close();
  }
}

/** A listener that came from this platform; one of another world cannot be used here. */
export function handleOf(listener: BoundListener): TcpHandle {
  if (listener instanceof BoundSocket) return listener.handle;
  throw new TypeError('the listener was not bound by this platform');
}
