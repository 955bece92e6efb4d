import type { Server } from 'node:net';
import type { Endpoint, ListenOptions } from '../platform.js';

/**
 * Waits until the server that `start` sets going listens; rejects with the
 * system's error. The server needs an `error` listener of its own for what
 * happens afterwards.
 */
export function listening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const succeed = (): void => {
      server.off('error', fail);
      resolve();
    };
    const fail = (error: Error): void => {
      server.off('listening', succeed);
      reject(error);
    };
    server.once('listening', succeed);
    server.once('error', fail);
    start();
  });
}

/**
 * Stops accepting. Node's own callback waits for every connection to close; the
 * listening socket itself is closed at once, and gone when this turn is over.
 */
export function stopListening(server: Server): Promise<void> {
  server.close();
  return new Promise((resolve) => setImmediate(resolve));
}

/** Where a server listens. Throws for a socket of another kind, which may have been passed. */
export function endpointOf(server: Server, options: ListenOptions): Endpoint {
  const place = server.address();
  const isTcp = place !== null && typeof place === 'object';
  if ('path' in options && !isTcp) return { address: options.path, port: 0 };
  if (!('path' in options) && isTcp) return { address: place.address, port: place.port };
  server.close();
  throw unfitSocket(options);
}

/** Listens on a descriptor that came with the start. Rejects for a socket of datagrams in clearer words than the system. */
export async function listenOnPassed(
  server: Server,
  descriptor: number,
  options: ListenOptions,
): Promise<void> {
  const { backlog } = options;
  try {
    // `exclusive` keeps a surrounding cluster of the user's from listening in our place.
    await listening(server, () => server.listen({ fd: descriptor, backlog, exclusive: true }));
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EINVAL' ? unfitSocket(options, error) : error;
  }
}

function unfitSocket(options: ListenOptions, cause?: unknown): Error {
  const wanted = 'path' in options ? 'a unix socket for streams' : 'one of TCP';
  const error = new Error(`the socket that was passed is not ${wanted}`, { cause });
  return Object.assign(error, { code: 'ENOTSUP' });
}

/**
 * Accepts on a bare socket that came from another process. Node's `listen` takes
 * one of TCP; of a unix socket it would take the descriptor alone, and the two
 * handles would close it twice, so that one is put where a new one would be.
 */
export function listenOn(server: Server, handle: object, options: ListenOptions): Promise<void> {
  if (!('path' in options)) return listening(server, () => server.listen(handle, options.backlog));
  const inside = server as unknown as {
    _handle: object;
    _listen2(address: null, port: number, addressType: number, backlog: number): void;
  };
  inside._handle = handle;
  return listening(server, () => inside._listen2(null, -1, -1, options.backlog));
}
