import { expect } from 'chai';
import { StateApp } from '../fixtures/apps/state.js';
import { ask, errorOf, eventually } from './facts.js';
import { inSimulation, inSimulationFirst } from './in-worlds.js';

/** One byte of the encoding goes to the tag that says it is bytes. */
const LARGEST = 16 * 1024 - 1;

describe('connection.state', () => {
  inSimulationFirst(
    'outlives its worker, changed in place or assigned, as the last settlement left it',
    StateApp,
    async (server) => {
      const client = await server.connect();
      const idle = await server.connect();
      expect(await ask(client, 'begin a')).to.equal('begin {"words":["a"]}');
      expect(await ask(client, 'add b')).to.equal('add {"words":["a","b"]}');
      await server.crashWorker(0);
      expect(await client.receiveLine()).to.equal('adopted {"words":["a","b"]}');
      expect(await idle.receiveLine()).to.equal('adopted nothing');
      expect(await ask(client, 'add c')).to.equal('add {"words":["a","b","c"]}');
      await server.crashWorker(0);
      expect(await client.receiveLine()).to.equal('adopted {"words":["a","b","c"]}');
      expect(await ask(client, 'forget')).to.equal('forget nothing');
      await server.crashWorker(0);
      expect(await client.receiveLine()).to.equal('adopted nothing');
    },
  );

  inSimulation('is what it was before a packet that did not settle', StateApp, async (server) => {
    const client = await server.connect();
    expect(await ask(client, 'begin a')).to.equal('begin {"words":["a"]}');
    client.send('crash\n');
    // Its packet is delivered again, and is poison in the end; until then each worker finds the same state.
    expect(await client.receiveLine()).to.equal('adopted {"words":["a"]}');
    expect(await client.receiveLine()).to.equal('adopted {"words":["a"]}');
    await client.closed();
  });

  inSimulation(
    'takes exactly 16 KiB; what is larger or cannot be cloned fails the handler and leaves the former state',
    StateApp,
    async (server) => {
      const client = await server.connect();
      expect(await ask(client, `fill ${LARGEST}`)).to.equal(`fill ${LARGEST} bytes`);
      expect((await server.stats()).failedHandlers).to.equal(0);
      expect(await ask(client, `fill ${LARGEST + 1}`)).to.equal(`fill ${LARGEST + 1} bytes`);
      expect(await ask(client, 'look')).to.equal(`look ${LARGEST} bytes`);
      expect(await ask(client, 'function')).to.equal('function {"words":[]}');
      expect(await ask(client, 'look')).to.equal(`look ${LARGEST} bytes`);
      await eventually(server, 'two failures', async () => (await server.stats()).failedHandlers === 2);
      const lines = server.logs().filter(({ level }) => level === 'error');
      expect(lines.map(({ message }) => message)).to.deep.equal([
        'Keeper.line failed in connection.state',
        'Keeper.line failed in connection.state',
      ]);
      expect(errorOf(lines[0]!).message).to.equal('connection.state takes 16385 bytes, the limit is 16384');
      expect(errorOf(lines[1]!).message).to.equal('connection.state holds what cannot be cloned');
      await server.crashWorker(0);
      expect(await client.receiveLine()).to.equal(`adopted ${LARGEST} bytes`);
    },
  );
});
