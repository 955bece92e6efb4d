import net from 'node:net';
import { delimiter, tcp } from '@shoal/core';
import { supportsReusePort } from '@shoal/core/internal/platform/node/network';
import { launch } from '@shoal/testing';
import { expect } from 'chai';
import { ClerkApp } from '../fixtures/apps/clerks.js';
import { ask } from '../scenarios/facts.js';
import { disposePrograms, Program, Talk } from './program.js';

const REACTORS = 3;
/** So many that each of a few sockets gets some of them, but once in a million runs. */
const CLIENTS = 50;

const shared = (port: number) =>
  tcp({
    name: 'lines',
    host: '127.0.0.1',
    port,
    framing: delimiter('\n', { strip: true }),
    reusePort: true,
  });
const modes = {
  process: { mode: 'process', reactorNum: REACTORS, workerNum: 2 },
  base: { mode: 'base', workerNum: 2 },
  single: { mode: 'base', workerNum: 1 },
} as const;

describe('reusePort', () => {
  afterEach(disposePrograms);

  if (!supportsReusePort(process.versions.node, process.platform)) {
    for (const [name, settings] of Object.entries(modes))
      it(`is refused with 78 by a Node that ignores it, which is said with what to do, in ${name} mode`, async () => {
        const program = Program.app('clerks', 'ClerkApp', { ...settings, listeners: [shared(0)] });
        expect(await program.left()).to.deep.equal({ code: 78, signal: null });
        expect(program.stderr).to.include(
          'CONFIG_PLATFORM: listener lines has reusePort: true, which needs Node 22.12 or later on Linux: ' +
            'remove it, or start the server with such a Node',
        );
        expect(program.files()).to.deep.equal([]);
      });
    return;
  }

  it('gives every reactor a part of the connections, which outlive their workers and a reload', async () => {
    const settings = { ...modes.process, listeners: [shared(0)], bakeTime: 0 };
    const server = await launch(ClerkApp, { settings });
    try {
      const clients = await Promise.all(Array.from({ length: CLIENTS }, async () => server.connect()));
      const everybodyIsServed = async (line: string): Promise<void> => {
        for (const client of clients) expect(await ask(client, line)).to.match(new RegExp(`^${line} [01]$`));
      };
      await everybodyIsServed('one');
      const reactors = new Set(server.connections.map(({ id }) => id % REACTORS));
      expect(reactors).to.deep.equal(new Set([0, 1, 2]));
      for (const workerId of [0, 1]) await server.crashWorker(workerId);
      await everybodyIsServed('two');
      await server.workersReady();
      expect((await server.reload()).outcome).to.equal('done');
      clients.push(await server.connect());
      await everybodyIsServed('three');
      const { connections, refused } = await server.stats();
      expect({ connections, refused }).to.deep.equal({ connections: CLIENTS + 1, refused: {} });
    } finally {
      await server.stop();
    }
  }).timeout(60_000);

  for (const [name, settings] of Object.entries(modes))
    it(`lets two servers have one port, and clients find the one that is left, in ${name} mode`, async () => {
      const start = async (port: number): Promise<Program> => {
        const program = Program.app('clerks', 'ClerkApp', { ...settings, listeners: [shared(port)] });
        await program.ready();
        return program;
      };
      const first = await start(0);
      const port = first.port('lines');
      const second = await start(port);
      const talks = await Promise.all(Array.from({ length: CLIENTS }, async () => served(first, port)));
      first.signal('SIGTERM');
      expect(await first.left()).to.deep.equal({ code: 0, signal: null });
      await second.until(() => talks.some(({ closed }) => closed), 'those of the first to be closed');
      for (let count = 0; count < 5; count++) talks.push(await served(second, port));
      const open = talks.filter(({ closed }) => !closed);
      expect(open.length).to.be.within(6, CLIENTS + 4);
      second.signal('SIGTERM');
      expect(await second.left()).to.deep.equal({ code: 0, signal: null });
    }).timeout(60_000);

  it('is not needed for a port of its own, and does not let in who has not asked for it', async () => {
    const holder = net.createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as net.AddressInfo;
    const program = Program.app('clerks', 'ClerkApp', { ...modes.process, listeners: [shared(port)] });
    expect(await program.left()).to.deep.equal({ code: 72, signal: null });
    expect(program.stderr).to.include('EADDRINUSE');
    holder.close();
  });
});

/** Connects and is answered, by whichever server has accepted. */
async function served(program: Program, port: number): Promise<Talk> {
  const talk = await Talk.with(port);
  talk.send('hello');
  await program.until(() => /^hello \d\n$/.test(talk.received), 'an answer');
  return talk;
}
