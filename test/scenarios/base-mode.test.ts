import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import { PostApp } from '../fixtures/apps/post.js';
import { SyncEchoApp } from '../fixtures/apps/echo.js';
import { ask, eventually, linesLogged } from './facts.js';
import { inWorlds } from './in-worlds.js';

describe('Base mode', () => {
  inWorlds(
    'is one process with one worker and no task worker, which answers and ends its connections',
    SyncEchoApp,
    async (server) => {
      const { running } = server;
      const { masterPid } = running;
      expect(running.managerPid).to.equal(masterPid);
      expect(running.workers.map(({ workerId, pid, state }) => ({ workerId, pid, state }))).to.deep.equal([
        { workerId: 0, pid: masterPid, state: 'ready' },
      ]);
      await echoAndEnd(server);
      await linesLogged(server, 'SyncEchoApp serves: base mode in one process', 1);
      expect(new Set(server.logs().map(({ pid }) => pid))).to.deep.equal(new Set([masterPid]));
    },
    { settings: { mode: 'base', workerNum: 1, taskWorkerNum: 0 } },
  );

  inWorlds(
    'has a process for each worker and one more, and the death of a worker closes its own connections alone',
    PostApp,
    async (server) => {
      const { running } = server;
      expect(running.managerPid).to.equal(running.masterPid);
      expect(running.workers.map(({ role }) => role)).to.deep.equal(['worker', 'worker', 'taskWorker']);
      expect(new Set([running.masterPid, ...running.workers.map(({ pid }) => pid)]).size).to.equal(4);

      const clients = await clientsOfBothWorkers(server);
      const lost = clients.filter(({ workerId }) => workerId === 0);
      const kept = clients.filter(({ workerId }) => workerId === 1);
      await server.crashWorker(0);
      for (const { client } of lost) await client.ended();
      for (const { client, id } of kept) expect(await ask(client, 'who')).to.match(new RegExp(`^${id} 1 `));
      // What leads to the dead worker leads nowhere.
      expect(await ask(kept[0]!.client, `send ${lost[0]!.id} x`)).to.match(/^(true|false)$/);
      await server.workersReady();
      expect(server.running.workers[0]!.restarts).to.equal(1);

      const [first] = (await clientsOfBothWorkers(server)).filter(({ workerId }) => workerId === 0);
      expect(first!.id).to.be.greaterThan(Math.max(...clients.map(({ id }) => id)));
      await eventually(server, 'the way to the new worker', async () => {
        return (await ask(kept[0]!.client, `send ${first!.id} hello`)) === 'true';
      });
      expect(await first!.client.receiveLine()).to.equal('hello');
    },
    { settings: { mode: 'base', workerNum: 2, taskWorkerNum: 1 } },
  );
});

interface Member {
  readonly client: TestClient;
  readonly id: number;
  readonly workerId: number;
}

async function clientsOfBothWorkers(server: TestServer): Promise<Member[]> {
  const members: Member[] = [];
  while (new Set(members.map(({ workerId }) => workerId)).size < 2) {
    expect(members.length, 'connections that all met one worker').to.be.lessThan(80);
    const clients = await Promise.all(Array.from({ length: 4 }, async () => server.connect()));
    for (const client of clients) {
      const [id, workerId] = (await ask(client, 'who')).split(' ').map(Number) as [number, number];
      members.push({ client, id, workerId });
    }
  }
  return members;
}

async function echoAndEnd(server: TestServer): Promise<void> {
  const clients = await Promise.all(Array.from({ length: 5 }, async () => server.connect()));
  for (const client of clients) {
    client.send('one\ntwo\nthree\n');
    client.end();
  }
  for (const client of clients) {
    await client.closed();
    expect(client.received.toString()).to.equal('one\ntwo\nthree\n');
  }
  await eventually(server, 'no connection', async () => (await server.stats()).connections === 0);
  const { connections, handledPackets } = await server.stats();
  expect({ connections, handledPackets }).to.deep.equal({ connections: 0, handledPackets: 15 });
}
