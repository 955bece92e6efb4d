/**
 * Posts tasks with payloads of one size to one task worker, as long as it is told
 * to, and tells how many were done. This file is loaded in every process of the
 * server; what follows `start()` happens in the first one alone.
 */
import { createServer, delimiter, tcp } from '@shoal/core';
import { reportPort } from '../harness/report-port.js';

const [taskSpoolSize, taskTmpdir] = process.argv.slice(2);
const GiB = 1024 ** 3;

const server = createServer({
  workerNum: 1,
  taskWorkerNum: 1,
  logLevel: 'warn',
  taskSpoolSize: Number(taskSpoolSize),
  taskMaxLength: GiB,
  ...(taskTmpdir !== undefined && { taskTmpdir }),
  listeners: [tcp({ port: 0, host: '127.0.0.1', framing: delimiter('\n', { strip: true }) })],
});

server.on('task', (task) => {
  const data = task.data as Buffer | string;
  if (typeof data === 'string') return peakRss();
  return data.length;
});

server.on('receive', async (connection, line) => {
  const [bytes = 0, seconds = 0, inFlight = 0] = line.toString().split(' ').map(Number);
  const payload = Buffer.alloc(bytes, 'x');
  const begin = performance.now();
  const end = begin + seconds * 1_000;
  let done = 0;
  const post = async (): Promise<void> => {
    while (performance.now() < end) {
      if ((await server.taskWait(payload)) !== bytes) throw new Error('a task has lost bytes');
      done++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, post));
  const elapsed = performance.now() - begin;
  const taskWorkerRss = await server.taskWait<number>('rss');
  connection.send(`${JSON.stringify({ done, elapsed, workerRss: peakRss(), taskWorkerRss })}\n`);
});

/** In bytes. */
function peakRss(): number {
  return process.resourceUsage().maxRSS * 1024;
}

reportPort(await server.start());
