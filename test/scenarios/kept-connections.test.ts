import { expect } from 'chai';
import type { TestClient, TestServer } from '@shoal/testing';
import { KeepersApp, type Kept } from '../fixtures/apps/keepers.js';
import { ask, eventually, linesLogged } from './facts.js';
import { inSimulation, inWorlds } from './in-worlds.js';

/** Where `dispatchMode: 'uid'` has to look twice: two workers, and these uids are not all of one of them. */
const UIDS = [1, 2, 3, 4, 5, 6, 7, 8];

describe('A Connection that the application has kept', () => {
  inWorlds(
    'says that it has moved when another worker serves it, and acts by its id from then on',
    KeepersApp,
    async (server) => {
      const other = await server.connect({ listener: 'lines' });
      const { client, id, from, to } = await moved(server);
      await eventually(
        server,
        'the word of its move',
        async () => (await look(other, from, id)).code !== undefined,
      );
      expect(await look(other, from, id)).to.deep.equal({
        closed: false,
        code: 'CONNECTION_MOVED',
        sent: true,
      });
      await client.receive(new RegExp(`sent by ${from}\n`));
      expect(await look(other, to, id)).to.deep.equal({ closed: false, sent: true });
      await client.receive(new RegExp(`sent by ${to}\n`));
      expect(await ask(other, `wait ${from} ${id}`)).to.equal('true');
      await client.receive(new RegExp(`waited by ${from}\n`));
      expect(await ask(other, `end ${from} ${id}`)).to.equal('true');
      await client.ended();
    },
    { settings: { dispatchMode: 'uid' }, seeds: 5 },
  );

  inSimulation(
    'stays closed when it was closed here before it moved',
    KeepersApp,
    async (server) => {
      const client = await server.connect({ listener: 'lines' });
      await ask(client, 'who');
      client.send('closing\n');
      await client.ended();
      await server.reload();
      const fields = await lastSeen(server);
      expect(fields).to.deep.include({ closed: true, code: 'CONNECTION_CLOSED', sent: false });
    },
    { seeds: 3 },
  );

  for (const dispatchMode of ['fixed', 'roundRobin'] as const)
    (dispatchMode === 'fixed' ? inWorlds : inSimulation)(
      `sends what a worker says in @OnWorkerStop of a reload (dispatch mode ${dispatchMode})`,
      KeepersApp,
      async (server) => {
        const client = await server.connect({ listener: 'lines' });
        const [, workerId] = (await ask(client, 'who')).split(' ');
        expect((await server.reload()).outcome).to.equal('done');
        const fields = await lastSeen(server);
        expect(fields).to.deep.include({ closed: false, code: 'CONNECTION_MOVED', sent: true });
        expect(await client.receiveLine()).to.equal(`last words of ${workerId}`);
      },
      { settings: { dispatchMode }, seeds: 5 },
    );

  inSimulation(
    'takes nothing in @OnWorkerStop when its handler still runs, because another worker starts that again',
    KeepersApp,
    async (server) => {
      const client = await server.connect({ listener: 'lines' });
      await ask(client, 'who');
      client.send('hang\n');
      await server.advance(20);
      const reloaded = server.reload();
      const fields = await lastSeen(server);
      expect(fields).to.deep.include({ closed: true, code: 'SHUTTING_DOWN', sent: false });
      await reloaded;
    },
    { settings: { maxWaitTime: 1_000 }, seeds: 3 },
  );

  for (const settings of [{ mode: 'process' }, { mode: 'base' }, { mode: 'base', workerNum: 1 }] as const) {
    const mode = JSON.stringify(settings);
    inSimulation(
      `takes nothing in @OnWorkerStop when the server has stopped: ${mode}`,
      KeepersApp,
      async (server) => {
        const client = await server.connect({ listener: 'lines' });
        client.send('hang\n');
        await server.advance(20);
        await server.stop();
        const fields = await lastSeen(server);
        expect(fields).to.deep.include({ closed: true, sent: false });
      },
      { settings: { ...settings, maxWaitTime: 2_000 }, seeds: 3 },
    );
  }

  for (const mode of ['process', 'base'] as const)
    inSimulation(
      `takes nothing in @OnWorkerStop when it is a stream that ends with its worker (${mode} mode)`,
      KeepersApp,
      async (server) => {
        const client = await server.connect({ listener: 'streams' });
        client.send('x');
        expect(await client.receiveLine()).to.equal('a stream');
        expect((await server.reload()).outcome).to.equal('done');
        const fields = await lastSeen(server);
        expect(fields).to.deep.include({ closed: true, sent: false });
      },
      { settings: { mode, maxWaitTime: 2_000 }, seeds: 3 },
    );
});

/** What the worker that has left saw in `@OnWorkerStop` of the one connection that it had. */
async function lastSeen(server: TestServer): Promise<unknown> {
  const [line] = await linesLogged(server, /^kept/, 1);
  return line!.fields;
}

/** A client whose connection another worker serves since it was bound. */
async function moved(
  server: TestServer,
): Promise<{ readonly client: TestClient; readonly id: number; readonly from: number; readonly to: number }> {
  for (const uid of UIDS) {
    const client = await server.connect({ listener: 'lines' });
    const [id, from] = (await ask(client, 'who')).split(' ').map(Number) as [number, number];
    expect(await ask(client, `bind ${uid}`)).to.equal('true');
    const to = Number((await ask(client, 'who')).split(' ')[1]);
    if (from !== to) return { client, id, from, to };
  }
  throw new Error('no uid has moved its connection');
}

async function look(client: TestClient, workerId: number, id: number): Promise<Kept> {
  return JSON.parse(await ask(client, `look ${workerId} ${id}`)) as Kept;
}
