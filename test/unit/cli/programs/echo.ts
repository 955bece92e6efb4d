/** `node echo.js [port]`: says when it is ready. */
import { createServer, delimiter, tcp } from '@shoal/core';

const lines = delimiter('\n');
const server = createServer({
  name: 'checked',
  listeners: [
    tcp({ name: 'lines', host: '127.0.0.1', port: Number(process.argv[2] ?? 0), framing: lines }),
    tcp({ name: 'admin', host: '127.0.0.1', port: 0, framing: lines }),
  ],
  reactorNum: 1,
  workerNum: 2,
  taskWorkerNum: 1,
});
server
  .on('connect', (connection) => connection.send('hello\n'))
  .on('receive', (connection, data) => connection.send(data))
  .on('receive', (connection) => connection.send('admin\n'), { listener: 'admin' })
  .on('workerStart', () => {})
  .addProcess('sweeper', () => {})
  .on('workerStop', () => {}, { process: 'sweeper' })
  .on('command', () => {}, { name: 'sweep', process: 'sweeper' })
  .on('command', () => {}, { name: 'count', on: 'master' });

console.log('the program was loaded');
const { listeners, managerPid, workers } = await server.start();
const pids = [process.pid, managerPid, ...workers.map(({ pid }) => pid)];
console.log(`ready ${JSON.stringify({ port: listeners[0]!.port, pids, argv: process.argv.slice(1) })}`);
