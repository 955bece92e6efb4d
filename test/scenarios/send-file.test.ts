import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { PressureApp } from '../fixtures/apps/pressure.js';
import { ask, logged } from './facts.js';
import { inSimulation, inSimulationFirst, inWorlds } from './in-worlds.js';
import { actors, idOf, peerOf, slowPeer } from './peers.js';

const SIZE = 300_001;
const content = Buffer.from(
  Array.from({ length: SIZE }, (_, index) => 65 + ((index * 7 + (index >> 9)) % 26)),
);

describe('sendFile', () => {
  let directory: string;
  let path: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'shoal-file-'));
    path = join(directory, 'content');
    writeFileSync(path, content);
  });

  after(() => rmSync(directory, { recursive: true }));

  for (const mode of ['process', 'base'] as const) {
    const inAll = mode === 'process' ? inWorlds : inSimulationFirst;
    const options = { settings: { mode }, seeds: 3 };

    inAll(
      `sends a file whole, or a part of it, between what is sent before and after (${mode} mode)`,
      PressureApp,
      async (server) => {
        const [desk, peer] = [await server.connect(), await peerOf(server, 'peers')];
        const id = idOf(server, 'peers');
        for (const as of Object.values(actors)) {
          const before = peer.received.length;
          desk.send(`${as}text ${id} <\n`);
          await desk.receiveLine();
          desk.send(`${as}file ${id} ${path}\n`);
          expect(await desk.receiveLine()).to.equal('out');
          expect(await ask(desk, `${as}file ${id} ${path} 100000 5`)).to.equal('out');
          expect(await ask(desk, `${as}file ${id} ${path} ${SIZE}`)).to.equal('out');
          expect(await ask(desk, `${as}text ${id} >`)).to.equal('true');
          const wanted = `<${content.toString()}${content.toString('utf8', 100_000, 100_005)}>`;
          expect((await peer.receive(wanted.length)).toString()).to.equal(wanted);
          expect(peer.received.length).to.equal(before + wanted.length);
        }
      },
      options,
    );

    inSimulationFirst(
      `says why a file cannot be sent, and the connection goes on (${mode} mode)`,
      PressureApp,
      async (server) => {
        const [desk, peer] = [await server.connect(), await peerOf(server, 'peers')];
        const id = idOf(server, 'peers');
        for (const as of Object.values(actors)) {
          expect(await ask(desk, `${as}file ${id} ${path}-that-is-not-there`)).to.equal('SEND_FILE_FAILED');
          expect(await ask(desk, `${as}file ${id} ${directory}`)).to.equal('SEND_FILE_FAILED');
          expect(await ask(desk, `${as}file ${id} ${path} ${SIZE + 1}`)).to.equal('SEND_FILE_FAILED');
          expect(await ask(desk, `${as}file ${id} ${path} 1 ${SIZE}`)).to.equal('SEND_FILE_FAILED');
          expect(await ask(desk, `${as}file ${id} ${path} -1`)).to.equal('SEND_INVALID');
          expect(await ask(desk, `${as}file 123456789 ${path}`)).to.equal('CONNECTION_CLOSED');
        }
        expect(await ask(peer, 'alive')).to.equal('alive');
        expect((await server.stats()).refused).to.deep.equal({});
      },
      options,
    );

    inSimulation(
      `reads no faster than a slow client, whose bound it does not touch (${mode} mode)`,
      PressureApp,
      async (server) => {
        const [desk, peer] = [await server.connect(), await slowPeer(server, 'rejecting')];
        const id = idOf(server, 'rejecting');
        server.world.putFile('/srv/large', Buffer.alloc(2_000_000, 'f'));
        desk.send(`file ${id} /srv/large\n`);
        await server.advance(100);
        expect(await ask(await server.connect(), `send ${id} 20`)).to.match(/of 20$/);
        await server.advance(100);
        const steps = server.trace.filter(({ kind }) => kind === 'fileOutput');
        const read = steps.reduce((sum, step) => sum + (step as { bytes: number }).bytes, 0);
        expect(read).to.be.below(1_000_000);
        // Where sends of one turn gather, they are refused together.
        expect((await server.stats()).refused).to.have.keys('OUTPUT_REFUSED');
        peer.resume();
        expect(await desk.receiveLine()).to.equal('out');
        const all = await peer.receive(2_000_000 + 16 * 65_536);
        expect(all.lastIndexOf('f', 2_000_000 - 1)).to.equal(2_000_000 - 1);
        expect(String.fromCharCode(all[2_000_000]!)).to.equal('a');
      },
      options,
    );

    inSimulation(
      `resets the connection when the file becomes shorter meanwhile (${mode} mode)`,
      PressureApp,
      async (server) => {
        const [desk, peer] = [await server.connect(), await slowPeer(server, 'peers')];
        server.world.putFile('/srv/shrinks', Buffer.alloc(2_000_000, 'f'));
        desk.send(`file ${idOf(server, 'peers')} /srv/shrinks\n`);
        await server.advance(100);
        server.world.putFile('/srv/shrinks', 'short');
        peer.resume();
        expect(await desk.receiveLine()).to.equal('SEND_FILE_FAILED');
        await logged(server, 'closed sendFile');
        expect((await server.stats()).refused).to.deep.equal({ SEND_FILE_FAILED: 1 });
      },
      options,
    );

    inSimulation(
      `ends with its client (${mode} mode)`,
      PressureApp,
      async (server) => {
        const [desk, peer] = [await server.connect(), await slowPeer(server, 'peers')];
        server.world.putFile('/srv/large', Buffer.alloc(2_000_000, 'f'));
        const id = idOf(server, 'peers');
        desk.send(`file ${id} /srv/large\n`);
        await server.advance(100);
        peer.reset();
        expect(await desk.receiveLine()).to.equal('CONNECTION_CLOSED');
      },
      options,
    );
  }
});
