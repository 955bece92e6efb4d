import { connect, createServer, type Socket } from 'node:net';
import { ConfigError } from '../../errors.js';
import type { ByteStream, Chunks, LogWriter, Pipes } from '../platform.js';
import { AcceptFailures } from './accept-failures.js';
import { listening, stopListening } from './listening.js';
import { NodeStream } from './node-stream.js';
import { readingFor, readInPlace } from './read-in-place.js';

/** Bytes. The system has room for 107, macOS for 103, and Node cuts a longer path without a word. */
const longestPath = 100;

/** Unix sockets: their addresses are paths, and ports mean nothing. */
export class NodePipes implements Pipes {
  constructor(private readonly log: LogWriter) {}

  async listen(
    path: string,
    accept: (stream: ByteStream) => void,
    chunks: Chunks = 'own',
  ): Promise<{ close(): Promise<void> }> {
    checkLength(path);
    const failures = new AcceptFailures(this.log, path);
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (accepted) => {
      const { socket, readsInPlace } = readInPlace(accepted, chunks);
      accept(streamOf(socket, path, readsInPlace));
    });
    server.on('error', (error) => {
      if (server.listening) failures.note(error);
    });
    await listening(server, () => server.listen({ path, exclusive: true }));
    return { close: () => stopListening(server) };
  }

  async connect(path: string, chunks: Chunks = 'own'): Promise<ByteStream> {
    checkLength(path);
    const socket = connect({ path, allowHalfOpen: true, onread: readingFor(chunks) });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve();
      });
    });
    return streamOf(socket, path, true);
  }
}

function streamOf(socket: Socket, path: string, readsInPlace: boolean): NodeStream {
  const endpoint = { address: path, port: 0 };
  return new NodeStream(socket, { transport: 'unix', readsInPlace, readsToEnd: true }, endpoint, endpoint);
}

function checkLength(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= longestPath) return;
  throw new ConfigError(
    'CONFIG_RUNTIME_DIRECTORY',
    `the path of a socket may have ${longestPath} bytes and ${path} has ${bytes}: name a runtime directory with a shorter path`,
  );
}
