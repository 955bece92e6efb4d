import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { disposePrograms, isFree, modes, Program, Talk } from './program.js';

const shapes = { ...modes, process: { ...modes.process, reactorNum: 2 } };

const framing = { kind: 'delimiter', bytes: [10], strip: true };
const listener = (name: string, port = 0) => ({ type: 'tcp', name, host: '127.0.0.1', port, framing });

interface Socket {
  readonly port: number;
  readonly descriptor: number;
  close(): void;
}

/** A listening socket as a supervisor holds it. Closed here once it is passed: who listens with Node accepts too. */
async function socket(): Promise<Socket> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const descriptor = (server as unknown as { _handle: { fd: number } })._handle.fd;
  return { port, descriptor, close: () => void server.close() };
}

/** Node keeps the handle of a socket for datagrams behind a symbol. */
function descriptorOf(socket: DatagramSocket): number {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    const state = (socket as unknown as Record<symbol, unknown>)[symbol];
    const { handle } = (state ?? {}) as { readonly handle?: { readonly fd: number } };
    if (handle !== undefined) return handle.fd;
  }
  throw new Error('this version of Node keeps the handle elsewhere');
}

function activate(settings: object, names: string, sockets: readonly Socket[]): Program {
  const environment = { LISTEN_FDS: String(sockets.length), LISTEN_FDNAMES: names };
  const descriptors = sockets.map(({ descriptor }) => descriptor);
  const program = Program.app('blocks', 'BlocksApp', settings, environment, { descriptors });
  for (const each of sockets) each.close();
  return program;
}

async function answers(program: Program, port: number): Promise<void> {
  const client = await Talk.with(port);
  client.send('pid');
  await program.until(() => client.received !== '', 'an answer');
}

describe('A server that systemd starts', () => {
  let directory: string;
  const path = (name: string): string => join(directory, name);
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'shoal-systemd-'))));
  afterEach(() => {
    disposePrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  describe('with sockets', () => {
    for (const [name, settings] of Object.entries(shapes)) {
      it(`serves on those that have the names of listeners, and binds the others (${name} mode)`, async () => {
        const [one, two] = [await socket(), await socket()];
        const listeners = [listener('lines'), listener('own'), listener('admin')];
        const program = activate({ ...settings, listeners }, 'admin:lines', [one, two]);
        await program.ready();
        expect([program.port('admin'), program.port('lines')]).to.deep.equal([one.port, two.port]);
        expect(program.port('own')).to.not.be.oneOf([one.port, two.port]);
        for (const each of ['lines', 'own', 'admin']) await answers(program, program.port(each));
        for (const pid of program.group.members()) {
          const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
          if (pid !== program.pid) expect(environment).to.not.include('LISTEN_');
        }
        program.signal('SIGTERM');
        expect(await program.left()).to.deep.equal({ code: 0, signal: null });
        expect(program.logs.filter(({ level }) => level === 'error')).to.deep.equal([]);
        expect(program.stderr).to.equal('');
        expect(await isFree(one.port)).to.equal(true);
        expect(await isFree(two.port)).to.equal(true);
        expect(program.files()).to.deep.equal([]);
      });
    }

    it('serves on them in order when none is named as a listener and there are as many', async () => {
      const [one, two] = [await socket(), await socket()];
      const listeners = [listener('lines'), listener('admin')];
      const program = activate({ ...modes.single, listeners }, 'chat.socket:chat.socket', [one, two]);
      await program.ready();
      expect([program.port('lines'), program.port('admin')]).to.deep.equal([one.port, two.port]);
      await answers(program, two.port);
    });

    it('is served on by a worker that takes the place of another', async () => {
      const one = await socket();
      const program = activate(modes.base, 'lines', [one]);
      await program.ready();
      const killed = program.pidOf('worker 0');
      process.kill(killed, 'SIGKILL');
      await program.logged(/^worker 0 ended/);
      await answers(program, one.port);
    });

    it('is refused with 78 when they do not fit, with what came and what is configured', async () => {
      for (const [names, count, listeners] of [
        ['lines:other', 2, [listener('lines'), listener('admin')]],
        ['a.socket:b.socket', 2, [listener('lines')]],
        ['lines:lines', 2, [listener('lines'), listener('admin')]],
      ] as const) {
        const sockets = await Promise.all(Array.from({ length: count }, socket));
        const program = activate({ listeners }, names, sockets);
        expect((await program.left()).code).to.equal(78);
        expect(program.stderr).to.include(
          `CONFIG_ACTIVATION: the sockets that came with the start, ${names.replace(':', ', ')}, and the listeners, ${listeners.map(({ name }) => name).join(', ')}, do not fit`,
        );
      }
    });

    it('is refused with 78 beside daemonize, and with 72 for a descriptor that is no socket', async () => {
      const program = activate({ daemonize: true }, 'lines', [await socket()]);
      expect((await program.left()).code).to.equal(78);
      expect(program.stderr).to.match(/^CONFIG_ACTIVATION: .*daemonize: false/);
      for (const settings of Object.values(shapes)) {
        const environment = { LISTEN_FDS: '1', LISTEN_FDNAMES: 'lines' };
        const none = Program.app('blocks', 'BlocksApp', settings, environment, { descriptors: ['ignore'] });
        expect((await none.left()).code).to.equal(72);
        expect(none.stderr).to.match(/^LISTEN_FAILED: listener lines cannot listen on /);
      }
    });

    it('is refused with 72 for a socket of another kind, and says which was wanted', async () => {
      const datagrams = createSocket('udp4');
      await new Promise<void>((resolve) => datagrams.bind(0, '127.0.0.1', resolve));
      for (const settings of [modes.process, modes.base]) {
        const descriptor = descriptorOf(datagrams);
        const one = { port: 0, descriptor, close: () => {} };
        const program = activate({ ...settings, listeners: [listener('lines')] }, 'lines', [one]);
        expect((await program.left()).code).to.equal(72);
        expect(program.stderr).to.include('the socket that was passed is not one of TCP');
      }
      datagrams.close();
    });

    it('leaves them alone when they are for another process', async () => {
      const environment = { LISTEN_PID: '1', LISTEN_FDS: '7', LISTEN_FDNAMES: 'lines' };
      const program = Program.app('blocks', 'BlocksApp', modes.single, environment);
      await program.ready();
      await answers(program, program.port('lines'));
    });
  });

  describe('that waits for news', () => {
    /** A program in the place of the real one, which writes down what it is told. */
    function notifier(script = '#!/bin/sh\necho "$@" >> "$NOTIFY_SOCKET"\n'): NodeJS.ProcessEnv {
      mkdirSync(path('bin'));
      writeFileSync(path('bin/systemd-notify'), script);
      chmodSync(path('bin/systemd-notify'), 0o755);
      return { NOTIFY_SOCKET: path('news'), PATH: `${path('bin')}:${process.env['PATH']}` };
    }
    const news = (): string[] =>
      existsSync(path('news')) ? readFileSync(path('news'), 'utf8').split('\n').slice(0, -1) : [];

    it('hears when it serves, and when it stops', async () => {
      const program = Program.app('blocks', 'BlocksApp', modes.process, notifier());
      await program.ready();
      await program.until(() => news().length === 1, 'the news');
      expect(news()[0]).to.equal(`READY=1 STATUS=serves on 127.0.0.1:${program.port('lines')}`);
      program.signal('SIGTERM');
      expect((await program.left()).code).to.equal(0);
      expect(news().slice(1)).to.deep.equal(['STOPPING=1 STATUS=drains and stops']);
    });

    it('is not told that it serves when it does not start', async () => {
      const program = Program.app('cannot-boot', 'ThrowsInWorkerStartApp', {}, notifier());
      expect((await program.left()).code).to.equal(73);
      expect(news()).to.deep.equal([]);
    });

    it('is not told by a program that is missing or fails, which is said once', async () => {
      const { PATH: _, ...environment } = notifier('#!/bin/sh\nexit 3\n');
      for (const [PATH, reason] of [
        [path('nothing'), /there is no program systemd-notify in PATH/],
        [path('bin'), /Command failed: systemd-notify/],
      ] as const) {
        const program = Program.app('blocks', 'BlocksApp', modes.single, { ...environment, PATH });
        await program.ready();
        await program.logged(reason);
        program.signal('SIGTERM');
        expect((await program.left()).code).to.equal(0);
        const warnings = program.logs.filter(({ level }) => level === 'warn');
        expect(
          warnings.map(({ message }) => message.startsWith('cannot tell systemd how the server is')),
        ).to.deep.equal([true]);
      }
    });
  });
});
