import type { Server } from 'node:net';
import type { Endpoint } from '../platform.js';

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

/** Where a TCP server listens. Throws for a socket of another kind, which may have been passed. */
export function endpointOf(server: Server): Endpoint {
  const place = server.address();
  if (place !== null && typeof place === 'object') return { address: place.address, port: place.port };
  server.close();
  throw Object.assign(new Error('the socket that was passed is not one of TCP'), { code: 'ENOTSUP' });
}
