import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import type { ServerStatus } from '@shoal/core/internal/pipe/questions';
import { identify } from '@shoal/core/internal/platform/node/process-identity';
import { endAll, shoal, ShoalProcess } from '../unit/cli/command.js';
import { disposePrograms, modes, Program } from './program.js';

const shapes = {
  process: { settings: {}, processes: ['master', 'manager', 'worker', 'worker', 'taskWorker'] },
  base: { settings: modes.base, processes: ['manager', 'worker', 'worker'] },
  single: { settings: modes.single, processes: ['worker'] },
};

/** Servers that a restart has started, each with a process group of its own. */
const restarted = new Set<number>();

describe('A server and the shoal command', function () {
  this.timeout(30_000);
  afterEach(async () => {
    await endAll();
    disposePrograms();
    for (const pid of restarted) if (identify(pid) !== undefined) process.kill(-pid, 'SIGKILL');
    restarted.clear();
  });

  for (const [mode, { settings, processes }] of Object.entries(shapes)) {
    it(`tell each other: status, then stop (${mode} mode)`, async () => {
      const program = await ready(settings);
      const place = program.directory;
      const client = await program.connect();
      client.send('pid');
      await program.until(() => client.received.length > 0, 'an answer');

      const { code, stdout } = await shoal(['status', 'blocks', '--json', '--runtime-directory', place]);
      expect(code).to.equal(0);
      const status = JSON.parse(stdout) as ServerStatus;
      expect(status).to.deep.include({
        name: 'blocks',
        state: 'serving',
        masterPid: program.pid,
        generation: 1,
      });
      expect(status.listeners).to.deep.equal([
        { name: 'lines', address: '127.0.0.1', port: program.port('lines') },
      ]);
      expect(status.stats).to.deep.include({ connections: 1, acceptedPackets: 1, handledPackets: 1 });
      expect(status.processes.map(({ role }) => role)).to.deep.equal(processes);
      expect(status.processes.map(({ pid }) => pid)).to.have.members([...program.group.members()]);
      expect(status.processes.every(({ state }) => state === 'ready')).to.equal(true);

      const stopped = await shoal(['stop', String(program.pid), '--runtime-directory', place]);
      expect(stopped).to.include({ code: 0, stdout: `blocks, pid ${program.pid}, has stopped\n` });
      expect(identify(program.pid)).to.equal(undefined);
      expect(await program.left()).to.deep.equal({ code: 0, signal: null });
      expect(program.files()).to.deep.equal([]);
      expect((await shoal(['stop', '--runtime-directory', place])).code).to.equal(83);
    });
  }

  it('say why a reload, which replaces workers, is not for a server in one process', async () => {
    const program = await ready(modes.single);
    const { code, stderr } = await shoal(['reload', '--runtime-directory', program.directory]);
    expect(code).to.equal(1);
    expect(stderr).to.include("set workerNum: 2, or mode: 'process'");
  });

  it('have a status while the workers boot, and a stop then', async () => {
    const program = Program.app('cannot-boot', 'NeverStartsApp', { bootTimeout: 30_000, logLevel: 'debug' });
    await program.logged(/^started worker 0/);
    const place = program.directory;
    const { stdout } = await shoal(['status', '--json', '--runtime-directory', place]);
    expect(JSON.parse(stdout)).to.include({ state: 'starting' });
    expect((await shoal(['status', '--ready', '--runtime-directory', place])).code).to.equal(1);
    const early = await shoal(['reload', '--runtime-directory', place]);
    expect(early).to.include({ code: 84 });
    expect(early.stderr).to.include('the server is starting, and loads the code on disk anyway');
    expect((await shoal(['stop', '--runtime-directory', place])).code).to.equal(0);
    expect(await program.left()).to.deep.equal({ code: 0, signal: null });
    expect(program.files()).to.deep.equal([]);
  });

  it('have a status while the server drains, and the stop that waits says for what', async () => {
    const program = await ready({ ...modes.single, maxWaitTime: 60_000 });
    const place = program.directory;
    const client = await program.connect();
    client.send('hold');
    await program.logged('holding');
    const stopping = new ShoalProcess(['stop', '--runtime-directory', place]);
    await program.logged('stopping');
    const { stdout } = await shoal(['status', '--json', '--runtime-directory', place]);
    expect(JSON.parse(stdout)).to.include({ state: 'stopping' });
    const waits = 'waiting for 1 connections and 1 packets in flight';
    await program.until(() => stopping.stderr.includes(waits), 'the stop to say for what');
    await program.hurry();
    expect((await stopping.outcome()).code).to.equal(0);
    await program.left();
  });

  it('do not take a stale pid file, or the directory of a server that was killed, for a server', async () => {
    const program = await ready(modes.single);
    const place = program.directory;
    const pidFile = join(place, 'blocks.pid');
    writeFileSync(pidFile, `${program.pid}\n`);
    expect(
      (await shoal(['status', '--pid-file', pidFile, '--ready', '--runtime-directory', place])).code,
    ).to.equal(0);
    program.signal('SIGKILL');
    await program.left();
    const { code, stderr } = await shoal(['status', '--pid-file', pidFile, '--runtime-directory', place]);
    expect(code).to.equal(83);
    expect(stderr).to.equal(
      `shoal: no server runs: ${pidFile} is stale, there is no process ${program.pid}\n`,
    );
  });

  it('restart the same program with the same arguments, in the same place', async () => {
    const program = await ready(modes.process);
    const place = program.directory;
    const { code, stdout, stderr } = await shoal(['restart', 'blocks', '--runtime-directory', place]);
    expect(stderr).to.include(`starting ${join(dirname(appFile()), 'run-app.js')}`);
    const pid = Number(/^blocks serves, pid (\d+)$/m.exec(stdout)?.[1]);
    expect({ code, old: identify(program.pid) }).to.deep.equal({ code: 0, old: undefined });
    restarted.add(pid);
    expect(pid).to.be.greaterThan(0).and.to.not.equal(program.pid);
    const again = await shoal(['status', String(pid), '--ready', '--runtime-directory', place]);
    expect(again).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    expect((await shoal(['stop', '--runtime-directory', place])).code).to.equal(0);
    expect(identify(pid)).to.equal(undefined);
    expect(readdirSync(place)).to.deep.equal([]);
  });

  it('say that a program which does not start again has left, and how', async () => {
    // Its arguments name a module that is gone by then.
    const program = Program.start('run-app', (directory) => {
      const module = join(directory, 'app.mjs');
      writeFileSync(module, `export { BlocksApp } from ${JSON.stringify(appUrl())};`);
      return [
        module,
        'BlocksApp',
        JSON.stringify({ ...modes.single, runtimeDirectory: mkdir(directory, 'run') }),
      ];
    });
    await program.ready();
    const place = program.directory;
    writeFileSync(join(place, 'app.mjs'), 'throw new Error("not any more")');
    const { code, stderr } = await shoal(['restart', '--runtime-directory', join(place, 'run')]);
    expect(code).to.equal(1);
    expect(stderr)
      .to.include('not any more')
      .and.to.include('blocks has left with exit code 1 before it served');
  });

  it('go on unharmed whatever is written to the control socket', async () => {
    const program = await ready(modes.single);
    const place = program.directory;
    const [directory] = readdirSync(place);
    const path = join(place, directory!, 'control.sock');
    for (const garbage of ['\0\xff\n', 'x'.repeat(70_000), '{"id":1,"question":{"what":"fly"}}\n', '']) {
      const socket = net.connect(path);
      socket.resume().on('error', () => {});
      socket.end(garbage);
      await once(socket, 'close');
    }
    expect((await shoal(['status', '--ready', '--runtime-directory', place])).code).to.equal(0);
    await program.logged(/^closed a client of the control socket/);
    const warnings = program.logs.filter(({ message }) =>
      message.startsWith('closed a client of the control socket'),
    );
    expect(warnings).to.have.length(1);
    expect(existsSync(path)).to.equal(true);
  });
});

async function ready(settings: object = {}): Promise<Program> {
  const program = Program.app('blocks', 'BlocksApp', settings);
  await program.ready();
  return program;
}

function mkdir(parent: string, name: string): string {
  const path = join(parent, name);
  mkdirSync(path);
  return path;
}

function appUrl(): string {
  return new URL('../fixtures/apps/blocks.js', import.meta.url).href;
}

function appFile(): string {
  return new URL(appUrl()).pathname;
}
