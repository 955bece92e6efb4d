import { expect } from 'chai';
import { explore, type FaultOptions } from '@shoal/testing';
import { FarewellApp } from '../fixtures/apps/farewell.js';

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
      { runs: 150, faults: deaths },
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
      { runs: 300, faults: deaths },
    );
  });
});
