/**
 * The same echo on Shoal, in the mode and with the framing of its arguments.
 * This file is loaded in every process of the server; what follows `start()`
 * happens in the first one alone.
 */
import { createServer, lengthPrefix, raw, tcp } from '@shoal/core';
import { reportPort } from '../harness/report-port.js';

const [mode, framing] = process.argv.slice(2);

const server = createServer({
  mode: mode === 'base' ? 'base' : 'process',
  reactorNum: 1,
  workerNum: 1,
  logLevel: 'warn',
  listeners: [
    tcp({
      port: 0,
      host: '127.0.0.1',
      framing: framing === 'length' ? lengthPrefix({ type: 'uint32be' }) : raw(),
    }),
  ],
});
server.on('receive', (connection, data) => {
  connection.send(data);
});

reportPort(await server.start());
