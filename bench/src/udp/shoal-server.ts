/**
 * The same echo on Shoal, in the mode of its argument. This file is loaded in
 * every process of the server; what follows `start()` happens in the first one alone.
 */
import { createServer, udp } from '@shoal/core';
import { reportPort } from '../harness/report-port.js';

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

reportPort(await server.start());
