import type { Server } from 'node:net';
import type { Endpoint, ListenOptions } from '../platform.js';
import { endpointOf, listening, listenOnPassed } from './listening.js';
import { SocketFile } from './socket-file.js';

export interface OpenServer {
  readonly endpoint: Endpoint;
  /** Of a unix socket that was made here. */
  readonly file?: SocketFile;
}

/** Lets the server listen where the options say. Rejects with the system's error. */
export async function openServer(server: Server, options: ListenOptions): Promise<OpenServer> {
  const { backlog, descriptor } = options;
  if (descriptor !== undefined) {
    await listenOnPassed(server, descriptor, options);
    return { endpoint: endpointOf(server, options) };
  }
  // `exclusive` keeps a surrounding cluster of the user's from listening in our place.
  const rest = { backlog, exclusive: true };
  if (!('path' in options)) {
    const { host, port, ipv6Only = false, reusePort } = options;
    await listening(server, () => server.listen({ host, port, ipv6Only, reusePort, ...rest }));
    return { endpoint: endpointOf(server, options) };
  }
  const { path, mode } = options;
  try {
    const file = await SocketFile.make(path, mode, (draft) => {
      return listening(server, () => server.listen({ path: draft, ...rest }));
    });
    return { endpoint: { address: path, port: 0 }, file };
  } catch (error) {
    server.close();
    throw error;
  }
}
