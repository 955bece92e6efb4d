import type { BoundListener, Endpoint } from '../platform.js';
import type { SocketFile } from './socket-file.js';

/**
 * What Node calls a handle: a socket without the class around it. It is not
 * part of Node's documented types, but it is what `child.send` and
 * `server.listen` take, and the only form in which a process can hold a
 * listening socket without accepting on it.
 */
export interface BareHandle {
  close(): void;
}

export class BoundSocket implements BoundListener {
  constructor(
    readonly endpoint: Endpoint,
    readonly handle: BareHandle,
    /** Of a unix socket that was made for this process. */
    private readonly file?: SocketFile,
  ) {}

  close(): void {
    this.file?.remove();
    this.handle.close();
  }
}

/** A listener that came from this platform; one of another world cannot be used here. */
export function handleOf(listener: BoundListener): BareHandle {
  if (listener instanceof BoundSocket) return listener.handle;
  throw new TypeError('the listener was not bound by this platform');
}
