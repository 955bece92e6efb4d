import { expect } from 'chai';
import type { WorkerErrorEvent } from '@shoal/core';
import type { TestLog, TestServer } from '@shoal/testing';
import { FailingApp } from '../fixtures/apps/failing.js';
import { ask, errorOf, eventually, linesLogged, linesOf, logged } from './facts.js';
import { inSimulation, inWorlds, withProcesses } from './in-worlds.js';

describe('A handler that fails', () => {
  inWorlds(
    'is logged with class and method and counted, and costs neither its worker nor a connection',
    FailingApp,
    async (server) => {
      const client = await server.connect();
      const other = await server.connect();
      const pids = server.running.workers.map(({ pid }) => pid);
      client.send('throw\nreject\nthrow nothing\ntimer\nnext\n');
      expect(await client.receiveLine()).to.equal('timer');
      expect(await client.receiveLine()).to.equal('next');
      expect(await ask(other, 'as before')).to.equal('as before');
      await eventually(server, 'four failures', async () => (await server.stats()).failedHandlers === 4);
      const lines = await linesLogged(server, / failed in /, 4);
      expect(lines.map(({ message }) => message)).to.deep.equal([
        'Failing.line failed in receive',
        'Failing.line failed in receive',
        'Failing.line failed in receive',
        'server.after failed in tick',
      ]);
      expect(errorOf(lines[0]!).message).to.equal('thrown on request');
      expect(errorOf(lines[1]!).stack).to.match(/rejected on request[^]*failing\.(js|ts)/);
      expect(errorOf(lines[3]!).message).to.equal('thrown in a timer of the server');
      const { handledPackets, refused, connections } = await server.stats();
      expect({ handledPackets, refused, connections }).to.deep.equal({
        handledPackets: 6,
        refused: {},
        connections: 2,
      });
      expect(server.running.workers.map(({ pid }) => pid)).to.deep.equal(pids);
    },
  );

  inSimulation(
    'in @OnConnect or @OnClose leaves the connection served and closed',
    FailingApp,
    async (server) => {
      const client = await server.connect({ listener: 'broken' });
      expect(await ask(client, 'hello')).to.equal('hello');
      client.end();
      await client.ended();
      await eventually(server, 'both failures', async () => (await server.stats()).failedHandlers === 2);
      expect(linesOf(server, /failed in/).map(({ message }) => message)).to.deep.equal([
        'Failing.welcome failed in connect',
        'Failing.leave failed in close',
      ]);
      expect((await server.stats()).connections).to.equal(0);
    },
  );
});

describe('An error that nobody catches', () => {
  const title =
    'ends its worker with 70 and its stack in the log, is told to @OnWorkerError, and the worker is replaced';
  const rejection = ['rejection', 'an unhandled rejection', 'rejected on request'] as const;

  inSimulation(title, FailingApp, async (server) => endsItsWorker(server, ...rejection));

  withProcesses(`${title}: a rejection, then an exception in a timer`, FailingApp, async (server) => {
    await endsItsWorker(server, ...rejection);
    await endsItsWorker(server, 'timeout', 'an uncaught exception', 'thrown in a timer of Node');
  });

  inSimulation('is told with the signal when there was one', FailingApp, async (server) => {
    const { pid, workerId } = server.running.workers[0]!;
    await server.crashWorker(workerId);
    const event = (await logged(server, 'a worker was lost')).fields?.['event'];
    const reason = 'ended by SIGKILL';
    expect(event).to.deep.equal({ workerId, pid, exitCode: null, signal: 'SIGKILL', reason });
  });
});

describe('A worker whose event loop is blocked', () => {
  inSimulation(
    'is killed, told with what its stack says, and replaced',
    FailingApp,
    async (server) => {
      const { workerId } = server.running.workers[0]!;
      await server.hangWorker(workerId);
      const event = (await logged(server, 'a worker was lost')).fields?.['event'] as WorkerErrorEvent;
      expect(event.reason).to.match(/^its event loop was blocked for \d+ ms, workerTimeout is 1000 ms$/);
      expect(event.stack).to.match(/World\.hang/);
      const line = await logged(server, new RegExp(`^worker ${workerId} ended: its event loop was blocked`));
      expect(line.fields?.['stack']).to.equal(event.stack);
      await server.workersReady();
    },
    { settings: { workerTimeout: 1_000 }, seeds: 3 },
  );
});

describe('Crashes that repeat', () => {
  inSimulation('are told whole once, then by their number', FailingApp, async (server) => {
    for (let count = 0; count < 8; count++) {
      await server.crashWorker(count % 2);
      await server.workersReady();
    }
    const ends = (): string[] => linesOf(server, /ended/).map(({ message }) => message);
    expect(ends()).to.deep.equal(['worker 0 ended: ended by SIGKILL']);
    await server.advance(10_000);
    expect(ends().slice(1)).to.deep.equal(['worker 1 and 1 other ended 7 more times: ended by SIGKILL']);
    expect(linesOf(server, 'a worker was lost')).to.have.length(8);
  });
});

async function endsItsWorker(server: TestServer, verb: string, what: string, message: string): Promise<void> {
  const client = await server.connect();
  const before = server.running.workers.map(({ pid }) => pid);
  client.send(`${verb}\n`);
  const last = await logged(server, `ended by ${what}`);
  expect(last.role).to.equal('worker');
  expect(errorOf(last).stack).to.match(new RegExp(`${message}[^]*failing\\.(js|ts)`));

  const { pid } = last;
  const workerId = last.workerId!;
  expect(before[workerId]).to.equal(pid);
  const eventOf = (log: TestLog): WorkerErrorEvent => log.fields?.['event'] as WorkerErrorEvent;
  const tellings = (): readonly TestLog[] =>
    linesOf(server, 'a worker was lost').filter((log) => eventOf(log).pid === pid);
  await eventually(server, 'the hook to be told', () => tellings().length === 1);
  const [told] = tellings();
  expect(told!.role).to.equal('manager');
  const reason = `Error: ${message}`;
  const { stack, ...others } = eventOf(told!);
  expect(others).to.deep.equal({ workerId, pid, exitCode: 70, signal: null, reason });
  expect(stack).to.match(new RegExp(`${message}[^]*failing\\.(js|ts)`));
  await logged(server, `worker ${workerId} ended: ${reason}`);
  await logged(server, 'Watcher.lost failed in workerError');

  await server.workersReady();
  const worker = server.running.workers[workerId]!;
  expect(worker.pid).to.not.equal(pid);
  expect(worker.restarts).to.be.greaterThan(0);
  expect(await ask(client, 'still here')).to.match(/still here|rejection|timeout/);
}
