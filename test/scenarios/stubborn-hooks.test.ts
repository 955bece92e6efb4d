import { expect } from 'chai';
import { NeverBeginsToReload, NeverEnds, NeverEndsToReload } from '../fixtures/apps/stubborn.js';
import { ask, linesLogged, linesOf } from './facts.js';
import { inSimulationFirst, inWorlds } from './in-worlds.js';

describe('A hook that never settles', () => {
  inSimulationFirst(
    'before a reload ends the reload, and the next one is no worse',
    NeverBeginsToReload,
    async (server) => {
      for (let attempt = 0; attempt < 2; attempt++) {
        const refused = await server.reload().then(
          () => undefined,
          (error: unknown) => error as Error,
        );
        expect(refused?.message).to.match(/@OnBeforeReload has not settled within maxWaitTime, 2000 ms/);
      }
      expect((await server.status()).state).to.equal('serving');
      expect(await ask(await server.connect(), 'a')).to.equal('a');
    },
  );

  inSimulationFirst('after a reload does not keep the report back', NeverEndsToReload, async (server) => {
    expect((await server.reload()).outcome).to.equal('done');
    expect((await server.status()).state).to.equal('serving');
    await linesLogged(server, /@OnAfterReload has not settled within maxWaitTime, 2000 ms/, 1);
  });

  inWorlds('at the shutdown is named, and the server leaves with 0', NeverEnds, async (server) => {
    const { exitCode } = await server.stop();
    expect(exitCode).to.equal(0);
    expect(linesOf(server, /@OnShutdown has not settled within maxWaitTime, 2000 ms/)).to.have.length(1);
  });
});
