import { expect } from 'chai';
import { explore, type FaultOptions } from '@shoal/testing';
import { played } from '../exploration/breadth.js';
import { FarewellApp } from '../fixtures/apps/farewell.js';
import { ByTurnsApp } from '../fixtures/apps/by-turns.js';
import { PostApp } from '../fixtures/apps/post.js';

/** Nothing but workers that die; the explored promises are the same as everywhere. */
const deaths: FaultOptions = { managerCrashes: 0, hangs: 0, slowPipes: 0, stalls: 0, shapes: 0 };

describe('A worker that dies inside a write', () => {
  it('leaves no answer without the settlements in front of it', async () => {
    await explore(
      FarewellApp,
      async (server) => {
        const client = await server.connect();
        const lines = Array.from({ length: 30 }, (_, n) => (n % 3 === 1 ? `quiet ${n}` : `loud ${n}`));
        for (const line of lines) client.send(`${line}\n`);
        for (const line of lines)
          if (line.startsWith('loud')) expect(await client.receiveLine()).to.equal(line);
      },
      { runs: played(150), faults: deaths },
    );
  });

  it('leaves no packet a first attempt that it had started behind a pending handler', async () => {
    await explore(
      ByTurnsApp,
      async (server) => {
        const client = await server.connect();
        for (let line = 0; line < 20; line++) client.send(line % 2 === 0 ? 'later\n' : 'at once\n');
        for (let line = 0; line < 20; line++)
          expect(await client.receiveLine()).to.equal(line % 2 === 0 ? 'later' : 'at once');
      },
      { runs: played(100), faults: deaths },
    );
  });

  it('has closed what its handler closed, or neither closed nor settled it', async () => {
    await explore(
      FarewellApp,
      async (server) => {
        for (let guest = 0; guest < 5; guest++) {
          const client = await server.connect();
          client.send('loud 1\nbye\nloud 2\n');
          await client.ended();
          expect(client.received.toString()).to.equal('loud 1\ngoodbye\n');
          client.end();
        }
      },
      { runs: played(300), faults: deaths },
    );
  });

  for (const reactorNum of [1, 2]) {
    it(`loses nothing that went to another connection, with ${reactorNum} reactors`, async () => {
      await explore(
        PostApp,
        async (server) => {
          const [author, reader] = [await server.connect(), await server.connect()];
          reader.send('who\n');
          const [id] = (await reader.receiveLine()).split(' ');
          for (let letter = 0; letter < 20; letter++) {
            author.send(`send ${id} letter-${letter}\n`);
            await server.advance(1);
          }
          await server.settle();
          const letters = reader.received.toString().split('\n').slice(1, -1);
          for (let letter = 0; letter < 20; letter++) expect(letters).to.include(`letter-${letter}`);
        },
        { runs: played(200), faults: deaths, settings: { reactorNum, workerNum: 1 } },
      );
    });
  }
});
