/**
 * A program that binds one socket, sends it to the process that started it, and
 * leaves. See `bind.ts`.
 */
import { createServer, type Server } from 'node:net';
import { toWire, type WireError } from '../../errors.js';
import type { Endpoint, ListenOptions } from '../platform.js';
import { openServer } from './open-server.js';

export type BindAnswer = { readonly endpoint: Endpoint } | { readonly error: WireError };

process.once('message', (request: ListenOptions) => void bind(request));
process.once('disconnect', () => process.exit(0));

async function bind(request: ListenOptions): Promise<void> {
  const server = createServer();
  let endpoint: Endpoint;
  try {
    ({ endpoint } = await openServer(server, request));
  } catch (error) {
    answer({ error: toWire(error) });
    return;
  }
  answer({ endpoint }, handleOf(server));
}

/** The channel takes the answer at once, being empty; no turn in which a client could be accepted comes after. */
function answer(content: BindAnswer, handle?: Server): void {
  process.send?.(content, handle, undefined, () => process.exit(0));
}

/** The bare socket. A `Server` would be made a server in the other process too, and accept there. */
function handleOf(server: Server): Server {
  return (server as unknown as { _handle: Server })._handle;
}
