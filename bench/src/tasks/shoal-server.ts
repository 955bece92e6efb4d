/**
 * A worker that posts tasks or sends messages as the lines of its client say, and
 * answers each with what it came to. Loaded in every process of the server.
 */
import { createServer, delimiter, tcp, type Server } from '@shoal/core';
import type { Outcome, Turn } from './cases.js';
import { payloadOf } from './payload.js';
import { reportPort } from '../harness/report-port.js';

/** `interval` or `sync`: tasks go through the queue, in this directory; without it straight to task workers. */
const [durability, queueDirectory] = process.argv.slice(2);

const server = createServer({
  mode: 'process',
  reactorNum: 1,
  workerNum: 2,
  taskWorkerNum: 1,
  logLevel: 'warn',
  packageMaxLength: '1MiB',
  ...(durability !== undefined && {
    taskIpcMode: 'sharedQueue',
    taskDurability: durability === 'sync' ? 'sync' : 'interval',
    taskQueueLimit: 1_000_000,
    queueDirectory: queueDirectory!,
    messageQueueKey: 'bench',
  }),
  listeners: [tcp({ port: 0, host: '127.0.0.1', framing: delimiter('\n', { strip: true }) })],
});

server.on('task', (task) => task.data);

/** Round trips and messages that have come to this worker. */
let came = 0;
let onCame: (() => void) | undefined;
server.on('pipeMessage', ({ data, sourceWorkerId }) => {
  came++;
  if (data === 'count') return came;
  if (data === 'echo' || data === 'silent') echoes = data === 'echo';
  else if (echoes) server.sendMessage(data, sourceWorkerId);
  else onCame?.();
  return came;
});
/** Whether this worker gives back what comes: the other one plays. */
let echoes = false;

server.on('receive', async (connection, line) => {
  const turn = JSON.parse(line.toString()) as Turn;
  connection.send(`${JSON.stringify(await play(server, turn))}\n`);
});

async function play(on: Server, turn: Turn): Promise<Outcome> {
  const other = 1 - on.workerId;
  switch (turn.kind) {
    case 'task':
      return postTasks(on, turn);
    case 'taskWait':
      return awaitTasks(on, turn);
    case 'pingPong':
      await on.ask(other, 'echo');
      return pingPong(on, turn, other);
    case 'durable':
      return enqueueTasks(on, turn);
    case 'oneWay':
      await on.ask(other, 'silent');
      return sendOneWay(on, turn, other);
  }
}

async function postTasks(on: Server, turn: Turn): Promise<Outcome> {
  const payload = payloadOf(turn);
  const began = performance.now();
  let done = 0;
  await new Promise<void>((resolve) => {
    let open = 0;
    const next = (): void => {
      open++;
      on.task(payload, undefined, finished);
    };
    const finished = (): void => {
      open--;
      done++;
      if (performance.now() - began < turn.duration) next();
      else if (open === 0) resolve();
    };
    for (let index = 0; index < turn.inFlight; index++) next();
  });
  return { done, elapsed: performance.now() - began };
}

async function awaitTasks(on: Server, turn: Turn): Promise<Outcome> {
  const payload = payloadOf(turn);
  const began = performance.now();
  let done = 0;
  const line = async (): Promise<void> => {
    while (performance.now() - began < turn.duration) {
      await on.taskWait(payload);
      done++;
    }
  };
  await Promise.all(Array.from({ length: turn.inFlight }, line));
  return { done, elapsed: performance.now() - began };
}

async function enqueueTasks(on: Server, turn: Turn): Promise<Outcome> {
  const payload = payloadOf(turn);
  const began = performance.now();
  let done = 0;
  const line = async (): Promise<void> => {
    while (performance.now() - began < turn.duration) {
      await on.enqueue(payload);
      done++;
    }
  };
  await Promise.all(Array.from({ length: turn.inFlight }, line));
  while (await isQueueBusy(on)) await new Promise((resolve) => setTimeout(resolve, 5));
  return { done, elapsed: performance.now() - began };
}

async function isQueueBusy(on: Server): Promise<boolean> {
  const { waiting = 0, leased = 0, delayed = 0 } = (await on.stats()).tasks.queue ?? {};
  return waiting + leased + delayed > 0;
}

async function pingPong(on: Server, turn: Turn, other: number): Promise<Outcome> {
  const payload = payloadOf(turn);
  const began = performance.now();
  let done = 0;
  await new Promise<void>((resolve) => {
    let open = turn.inFlight;
    onCame = () => {
      done++;
      if (performance.now() - began < turn.duration) on.sendMessage(payload, other);
      else if (--open === 0) resolve();
    };
    for (let index = 0; index < turn.inFlight; index++) on.sendMessage(payload, other);
  });
  onCame = undefined;
  return { done, elapsed: performance.now() - began };
}

async function sendOneWay(on: Server, turn: Turn, other: number): Promise<Outcome> {
  const payload = payloadOf(turn);
  const before = await on.ask<number>(other, 'count');
  const began = performance.now();
  /** So many between two looks at the clock. */
  const batch = Math.max(1, Math.floor(100_000 / turn.bytes));
  while (performance.now() - began < turn.duration) {
    let sent = 0;
    while (sent < batch && on.sendMessage(payload, other)) sent++;
    if (sent < batch) await on.sendMessageWait(payload, other);
    else await new Promise((resolve) => setImmediate(resolve));
  }
  const after = await on.ask<number>(other, 'count', { timeout: 0 });
  return { done: after - before - 1, elapsed: performance.now() - began };
}

reportPort(await server.start());
