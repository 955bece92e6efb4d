import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { SimulatedServer, TestServer } from '@shoal/testing';
import { BulkApp } from '../fixtures/apps/bulk.js';
import { ask, eventually, linesOf } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds, withProcesses } from './in-worlds.js';

const KiB = 1024;
const SPOOL = 64 * KiB;
const LARGE = 100 * KiB;
const taskTmpdir = join(tmpdir(), `shoal-test-spool-${process.pid}`);
const settings = { taskTmpdir };

describe('Payloads of tasks above taskSpoolSize', () => {
  before(() => mkdirSync(taskTmpdir));
  after(() => rmSync(taskTmpdir, { recursive: true }));
  afterEach(() => expect(readdirSync(taskTmpdir)).to.deep.equal([]));

  inWorlds(
    'travel through files that are gone when they have arrived',
    BulkApp,
    async (server) => {
      const client = await server.connect();
      expect(await ask(client, `wait echo ${LARGE}`)).to.equal(`${LARGE} bytes of p`);
      expect(await ask(client, `wait make ${LARGE}`)).to.equal(`${LARGE} bytes of m`);
      expect(await ask(client, `wait size ${LARGE}`)).to.equal(String(LARGE));
      await noFiles(server);
      client.send(`wait slow ${SPOOL + 1}\n`);
      await eventually(server, 'a file', () => filesOf(server).length === 1);
      expect(await client.receiveLine()).to.equal(`${SPOOL + 1} bytes of p`);
      await noFiles(server);
    },
    { settings },
  );

  inSimulation(
    'have none at exactly that size, neither as task nor as result',
    BulkApp,
    async (server) => {
      const client = await server.connect();
      client.send(`wait slow ${SPOOL}\n`);
      for (let ms = 0; ms < 250; ms++) {
        await server.advance(1);
        expect(filesOf(server)).to.deep.equal([]);
      }
      expect(await client.receiveLine()).to.equal(`${SPOOL} bytes of p`);
    },
    { settings },
  );

  inSimulationFirst(
    'keep the order of the results of a task',
    BulkApp,
    async (server) => {
      const client = await server.connect();
      expect(await ask(client, `post several ${LARGE}`)).to.equal('posted');
      await heard(server, client, [`${LARGE} bytes of a`, 'small', `${LARGE + 1} bytes of b`]);
      expect(await ask(client, `wait unfinished ${LARGE}`)).to.equal(`${LARGE} bytes of a`);
      await noFiles(server);
      expect((await server.stats()).tasks).to.deep.include({ posted: 2, finished: 2, outstanding: 0 });
    },
    { settings },
  );

  inSimulationFirst(
    'are refused above taskMaxLength, as tasks and as results, by one byte',
    BulkApp,
    async (server) => {
      const client = await server.connect();
      const most = 128 * KiB;
      expect(await ask(client, `wait echo ${most}`)).to.equal(`${most} bytes of p`);
      expect(await ask(client, `wait echo ${most + 1}`)).to.equal(
        `TASK_TOO_LONG: a task of ${most + 1} bytes is too long: taskMaxLength is ${most}`,
      );
      expect(await ask(client, `wait make ${most}`)).to.equal(`${most} bytes of m`);
      expect(await ask(client, `wait make ${most + 1}`)).to.equal(
        `TASK_TOO_LONG: a result of ${most + 1} bytes is too long: taskMaxLength is ${most}`,
      );
      await noFiles(server);
    },
    { settings },
  );

  inSimulationFirst(
    'are still there for the next attempt, and gone when the last one has failed',
    BulkApp,
    async (server) => {
      const client = await server.connect();
      expect(await ask(client, `wait dieOnce ${LARGE}`)).to.equal(`${LARGE} at attempt 2`);
      expect(await ask(client, `wait die ${LARGE}`)).to.match(/^TASK_WORKER_LOST/);
      await noFiles(server);
      await server.workersReady();
    },
    { settings },
  );

  inSimulationFirst(
    'are gone when their caller has given up, whether a task worker had them or not',
    BulkApp,
    async (server) => {
      const client = await server.connect();
      const other = await server.connect();
      client.send(`wait slow ${LARGE} {"timeout":50}\n`);
      await eventually(server, 'a file', () => filesOf(server).length === 1);
      other.send(`wait slow ${LARGE} {"timeout":20}\n`);
      expect(await client.receiveLine()).to.match(/^TASK_TIMEOUT/);
      expect(await other.receiveLine()).to.match(/^TASK_TIMEOUT/);
      await noFiles(server);
    },
    { settings },
  );

  inWorlds(
    'outlive a poster that is killed until its task is done, and its successor hears of it',
    BulkApp,
    async (server) => {
      let client = await server.connect();
      await ask(client, `post slow ${LARGE}`);
      await ask(client, `post slow ${LARGE + 1}`);
      await eventually(server, 'both to begin', () => linesOf(server, 'slow begins').length === 2);
      expect(filesOf(server)).to.have.length(2);
      await server.crashWorker(0);
      await server.workersReady();
      client = await server.connect();
      await heard(server, client, [
        `${LARGE} bytes of p orphaned ${LARGE} bytes of p`,
        `${LARGE + 1} bytes of p orphaned ${LARGE + 1} bytes of p`,
      ]);
      await noFiles(server);
    },
    { settings: { ...settings, taskConcurrency: 2 } },
  );

  inSimulationFirst(
    'of a poster and a task worker that are killed together are removed while the server goes on',
    BulkApp,
    async (server) => {
      const client = await server.connect();
      await ask(client, `post slow ${LARGE}`);
      await eventually(server, 'a file', () => filesOf(server).length === 1);
      await Promise.all([server.crashWorker(0), server.crashWorker(1)]);
      await server.workersReady();
      await noFiles(server);
    },
    { settings },
  );

  inSimulation(
    'leave no file however processes die',
    BulkApp,
    async (server) => {
      const client = await server.connect();
      for (let round = 0; round < 6; round++) {
        for (const word of ['slow', 'echo', 'dieOnce', 'size']) client.send(`post ${word} ${LARGE}\n`);
        client.send(`post several ${LARGE}\n`);
        await server.advance(7 * ((round * 5 + server.running.masterPid) % 9));
        await server.crashWorker(round % 3 === 0 ? 0 : 1).catch(() => undefined);
        if (round === 3) await server.crashManager();
        await server.workersReady();
      }
      await noFiles(server);
      const { tasks } = await server.stats();
      expect(tasks.outstanding).to.equal(0);
    },
    { settings: { ...settings, maxBootFailures: 100 }, seeds: 30 },
  );

  inSimulation(
    'fail where no file can be made, and nothing else does',
    BulkApp,
    async (server) => {
      const client = await server.connect();
      server.world.forbidFiles(taskTmpdir);
      const reason = /^TASK_SPOOL_FAILED: task 1 of 102400 bytes cannot be written to a file in .*EACCES/;
      expect(await ask(client, `wait size ${LARGE}`)).to.match(reason);
      expect(await ask(client, `wait make ${LARGE}`)).to.match(
        /^TASK_SPOOL_FAILED: a result of task 2 of 102400 bytes cannot be written/,
      );
      expect(await ask(client, `wait unfinished ${LARGE}`)).to.match(
        /^TASK_SPOOL_FAILED: a result of task 3/,
      );
      expect(await ask(client, 'wait size 10')).to.equal('10');
      await ask(client, `post size ${LARGE}`);
      await heard(server, client, ['TASK_SPOOL_FAILED']);
      expect((await server.stats()).tasks).to.deep.include({
        posted: 5,
        finished: 1,
        failed: 4,
        outstanding: 0,
      });
    },
    { settings },
  );

  withProcesses(
    'that have vanished fail their task with a clear error',
    BulkApp,
    async (server) => {
      const [first, second] = [await server.connect(), await server.connect()];
      first.send(`wait slow ${LARGE}\n`);
      await eventually(server, 'a file', () => filesOf(server).length === 1);
      second.send(`wait slow ${LARGE}\n`);
      await eventually(server, 'a second file', () => filesOf(server).length === 2);
      for (const file of filesOf(server)) if (file.endsWith('-2.task')) rmSync(file);
      expect(await first.receiveLine()).to.equal(`${LARGE} bytes of p`);
      expect(await second.receiveLine()).to.match(
        /^TASK_SPOOL_FAILED: task 2 cannot be read from its file .*: ENOENT/,
      );
    },
    { settings },
  );
});

/** Files of payloads that are there now. */
function filesOf(server: TestServer): string[] {
  const paths = isSimulated(server)
    ? server.world.spooledFiles
    : readdirSync(taskTmpdir, { recursive: true, encoding: 'utf8' }).map((name) => join(taskTmpdir, name));
  return paths.filter((path) => path.endsWith('.task'));
}

async function noFiles(server: TestServer): Promise<void> {
  await eventually(server, 'no file', () => filesOf(server).length === 0);
}

async function heard(
  server: TestServer,
  client: Parameters<typeof ask>[0],
  results: readonly string[],
): Promise<void> {
  let last = '';
  await eventually(server, `to hear ${JSON.stringify(results)}`, async () => {
    last = await ask(client, 'finished');
    return (JSON.parse(last) as string[]).length >= results.length;
  });
  expect(JSON.parse(last)).to.have.members(results);
}

function isSimulated(server: TestServer): server is SimulatedServer {
  return 'world' in server;
}
