/**
 * The same echo on Shoal, in the mode of its argument. This file is loaded in
 * every process of the server; what follows `start()` happens in the first one alone.
 */
import { createServer, udp } from '@shoal/core';

const server = createServer({
  mode: process.argv[2] === 'base' ? 'base' : 'process',
  reactorNum: 1,
  workerNum: 1,
  logLevel: 'warn',
  listeners: [udp({ port: 0, host: '127.0.0.1', recvBufferSize: '4MiB' })],
});
server.on('packet', (packet) => {
  packet.reply(packet.data);
});

const running = await server.start();
const leave = (): void => void running.shutdown().then(() => process.exit(0));
if (process.connected) {
  process.once('disconnect', leave);
  process.send?.({ port: running.listeners[0]!.port });
} else {
  leave();
}
