/**
 * An echo in process mode, with the dispatch mode, the framing, and the numbers
 * of reactors and workers of its arguments. This file is loaded in every process
 * of the server; what follows `start()` happens in the first one alone.
 */
import { createServer, lengthPrefix, raw, tcp, type SettingsInput } from '@shoal/core';
import { reportPort } from '../harness/report-port.js';

const [mode = 'fixed', framing, reactors, workers] = process.argv.slice(2);
const dispatch: Pick<SettingsInput, 'dispatchMode' | 'dispatchModule'> =
  mode === 'module'
    ? { dispatchMode: 'roundRobin', dispatchModule: new URL('./by-connection.js', import.meta.url) }
    : { dispatchMode: mode as Exclude<SettingsInput['dispatchMode'], undefined> };

const server = createServer({
  reactorNum: Number(reactors),
  workerNum: Number(workers),
  logLevel: 'warn',
  ...dispatch,
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
