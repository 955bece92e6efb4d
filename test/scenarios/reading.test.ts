import { expect } from 'chai';
import { PressureApp } from '../fixtures/apps/pressure.js';
import { ask, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';
import { actors, idOf, peerOf, whilePaused } from './peers.js';

for (const mode of ['process', 'base'] as const) {
  const inAll = mode === 'process' ? inWorlds : inSimulationFirst;
  const options = { settings: { mode }, seeds: 3 };
  describe(`The reading of a client, ${mode} mode`, () => {
    inAll(
      'stops and goes on as any process says, and nothing is lost',
      PressureApp,
      async (server) => {
        const [desk, peer] = [await server.connect(), await peerOf(server, 'peers')];
        const id = idOf(server, 'peers');
        for (const as of Object.values(actors)) {
          expect(await ask(desk, `${as}pause ${id}`)).to.equal('true');
          await whilePaused(server, desk, id, true);
          const before = peer.received.length;
          peer.send('one\ntwo\n');
          await server.advance(50);
          expect(peer.received.length).to.equal(before);
          expect(await ask(desk, `${as}resume ${id}`)).to.equal('true');
          expect(await peer.receiveLine()).to.equal('one');
          expect(await peer.receiveLine()).to.equal('two');
          await whilePaused(server, desk, id, false);
        }
      },
      options,
    );

    inAll(
      'begins when somebody confirms the connection, where the listener waits for that',
      PressureApp,
      async (server) => {
        const [desk, peer] = [await server.connect(), await peerOf(server, 'late')];
        const id = idOf(server, 'late');
        peer.send('early\n');
        await logged(server, 'opened');
        await whilePaused(server, desk, id, true);
        expect((await server.stats()).acceptedPackets).to.be.at.least(1);
        expect(peer.received).to.have.length(0);
        expect(await ask(desk, `confirm ${id}`)).to.equal('true');
        expect(await peer.receiveLine()).to.equal('early');
      },
      options,
    );

    inSimulation(
      'waits for that with what comes behind the header of a load balancer, too',
      PressureApp,
      async (server) => {
        const [desk, peer] = [await server.connect(), await server.connect({ listener: 'proxied' })];
        peer.send('PROXY UNKNOWN\r\nearly\nand ');
        peer.send('late\n');
        peer.end();
        await logged(server, 'opened');
        await server.advance(200);
        expect(peer.received).to.have.length(0);
        expect(await ask(desk, `confirm ${idOf(server, 'proxied')}`)).to.equal('true');
        expect(await peer.receiveLine()).to.equal('early');
        expect(await peer.receiveLine()).to.equal('and late');
      },
      options,
    );

    inSimulation(
      'is nothing that a silent client answers for: heartbeatIdleTime waits until it is read again',
      PressureApp,
      async (server) => {
        const [desk, peer] = [await server.connect(), await peerOf(server, 'late')];
        await server.advance(10_000);
        expect(peer.state).to.equal('open');
        expect(await ask(desk, `confirm ${idOf(server, 'late')}`)).to.equal('true');
        await logged(server, 'closed heartbeat');
      },
      options,
    );

    inSimulation(
      'goes on as it was when the worker that has stopped it is lost, and ends with the server',
      PressureApp,
      async (server) => {
        const peer = await peerOf(server, 'peers');
        const desk = await server.connect();
        const id = idOf(server, 'peers');
        await ask(desk, `task pause ${id}`);
        await whilePaused(server, desk, id, true);
        if (mode === 'process') {
          await server.crashWorker(0);
          await server.crashWorker(1);
          await server.workersReady();
        }
        peer.send('still there\n');
        await server.advance(200);
        expect(peer.received).to.have.length(0);
        await whilePaused(server, desk, id, true);
        const end = peer.ended();
        await server.stop();
        await end;
      },
      options,
    );
  });
}
