import { expect } from 'chai';
import { PressureApp } from '../fixtures/apps/pressure.js';
import { ask, eventually, linesOf, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';
import { actors, BLOCK, idOf, peerOf, slowPeer } from './peers.js';

const KiB = 1024;

for (const mode of ['process', 'base'] as const) {
  const inAll = mode === 'process' ? inWorlds : inSimulationFirst;
  const options = { settings: { mode }, seeds: 3 };
  describe(`sendWait, ${mode} mode`, () => {
    inAll(
      'keeps its place between what is sent before and after it, and resolves when the client has read',
      PressureApp,
      async (server) => {
        const peer = await peerOf(server, 'peers');
        peer.send('waits\n');
        expect((await peer.receive(BLOCK + 2)).toString()).to.equal(`<${'a'.repeat(BLOCK)}>`);
        await logged(server, 'out');
      },
      options,
    );

    for (const [who, as] of Object.entries(actors)) {
      inSimulation(
        `of ${who} resolves when the bytes are with the system, and no sooner`,
        PressureApp,
        async (server) => {
          const [desk, peer] = [await server.connect(), await slowPeer(server, 'peers')];
          desk.send(`${as}wait ${idOf(server, 'peers')} 512\n`);
          await server.advance(1_000);
          expect(desk.received.toString()).to.equal('');
          peer.resume();
          expect(await desk.receiveLine()).to.equal('out');
          expect(await peer.receive(512 * KiB)).to.have.length(512 * KiB);
        },
        options,
      );

      inSimulation(
        `of ${who} rejects when the client goes before it has everything, or is not there`,
        PressureApp,
        async (server) => {
          const desk = await server.connect();
          await slowPeer(server, 'peers');
          const id = idOf(server, 'peers');
          // What the system takes of it is unknown there: the last of so many certainly waits.
          expect(await ask(desk, `${as}send ${id} 400`)).to.match(/of 400$/);
          await eventually(
            server,
            'the reset',
            () => linesOf(server, /^closed outputOverflow$/).length === 1,
          );
          expect(await ask(desk, `${as}wait ${id} 1`)).to.equal('CONNECTION_CLOSED');
          expect(await ask(desk, `${as}wait 123456789 1`)).to.equal('CONNECTION_CLOSED');
        },
        { ...options, seeds: 2 },
      );

      inSimulation(
        `of ${who} rejects with what the client does not live to read`,
        PressureApp,
        async (server) => {
          const [desk, peer] = [await server.connect(), await slowPeer(server, 'peers')];
          desk.send(`${as}wait ${idOf(server, 'peers')} 512\n`);
          await server.advance(100);
          peer.reset();
          expect(await desk.receiveLine()).to.equal('CONNECTION_CLOSED');
        },
        options,
      );

      inSimulation(
        `of ${who} rejects what does not fit, and the client lives`,
        PressureApp,
        async (server) => {
          const [desk, peer] = [await server.connect(), await slowPeer(server, 'rejecting')];
          const id = idOf(server, 'rejecting');
          expect(await ask(desk, `${as}wait ${id} 9000`)).to.equal('SEND_REFUSED');
          expect(await ask(desk, `${as}send ${id} 40`)).to.match(/of 40$/);
          expect(await ask(desk, `${as}wait ${id} 512`)).to.equal('SEND_REFUSED');
          const { refused } = await server.stats();
          expect(Object.keys(refused)).to.deep.equal(['OUTPUT_REFUSED']);
          peer.resume();
          expect(await ask(desk, `${as}wait ${id} 1`)).to.equal('out');
          const all = (): boolean => peer.received.length % BLOCK === KiB;
          await eventually(server, 'whole blocks, and the last send', all);
        },
        options,
      );
    }
  });
}
