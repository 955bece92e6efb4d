/**
 * A server whose connections say one thing and then nothing, as its argument
 * says: on plain `node:net`, or on Shoal in base mode (one process) or process
 * mode. On any message its first process collects its garbage and tells its memory.
 */
import { createServer as createNetServer, type AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createServer, delimiter, tcp } from '@shoal/core';
import type { MemoryTold } from './measure.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const [mode] = process.argv.slice(2);
if (mode === 'plain') {
  const server = createNetServer({ noDelay: true }, (socket) => {
    socket.on('data', (data) => socket.write(data));
    socket.on('error', () => {});
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 512 }, () =>
    process.send?.({ port: (server.address() as AddressInfo).port }),
  );
  process.once('disconnect', () => process.exit(0));
} else {
  const server = createServer({
    mode: mode === 'base' ? 'base' : 'process',
    reactorNum: 1,
    workerNum: 1,
    logLevel: 'warn',
    listeners: [tcp({ port: 0, host: '127.0.0.1', framing: delimiter('\n') })],
  });
  server.on('receive', (connection, data) => {
    connection.send(data);
  });
  const running = await server.start();
  const leave = (): void => void running.shutdown().then(() => process.exit(0));
  process.once('disconnect', leave);
  process.send?.({ port: running.listeners[0]!.port });
}

process.on('message', () => {
  collect();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  process.send?.({ heap: heapUsed + external + arrayBuffers } satisfies MemoryTold);
});
