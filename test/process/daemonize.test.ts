import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ProcessGroup } from '@shoal/testing/internal/process-group';
import { disposePrograms, modes, occupied, Program, Talk } from './program.js';

describe('A server with daemonize', () => {
  let directory: string;
  let daemon: ProcessGroup | undefined;
  const path = (name: string): string => join(directory, name);
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'shoal-daemon-'))));
  afterEach(() => {
    daemon?.kill();
    daemon?.forget();
    daemon = undefined;
    disposePrograms();
    rmSync(directory, { recursive: true, force: true });
  });

  const start = (settings: object = {}): Program =>
    Program.app('blocks', 'BlocksApp', { daemonize: true, ...settings });
  /** Waits for the end of the process that was started, which prints the pid of the daemon. */
  async function daemonOf(program: Program): Promise<number> {
    expect(await program.left()).to.deep.equal({ code: 0, signal: null });
    expect(program.stdout).to.match(/^\d+\n$/);
    const pid = Number(program.stdout);
    daemon = new ProcessGroup(pid);
    return pid;
  }
  const stopped = (program: Program): Promise<void> =>
    program.until(() => daemon!.members().length === 0, 'the daemon to leave');

  for (const [name, settings] of Object.entries(modes)) {
    it(`serves in a session of its own, and the process that started it leaves with 0 (${name} mode)`, async () => {
      const [logFile, pidFile] = [path('log'), path('pid')];
      const program = start({ ...settings, logFile, pidFile });
      const pid = await daemonOf(program);
      expect(program.stderr).to.equal('');
      expect(readFileSync(pidFile, 'utf8')).to.equal(`${pid}\n`);
      // The fields after the name: state, parent, group, session.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
      expect(stat.slice(2, 4).map(Number)).to.deep.equal([pid, pid]);
      expect([0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))).to.deep.equal([
        '/dev/null',
        logFile,
        logFile,
      ]);
      const port = Number(/listener lines is open on tcp .*:(\d+)"/.exec(readFileSync(logFile, 'utf8'))![1]);
      const client = await Talk.with(port);
      client.send('pid');
      await program.until(() => client.received !== '', 'an answer');
      process.kill(pid, 'SIGTERM');
      await stopped(program);
      expect(existsSync(pidFile)).to.equal(false);
      expect(program.files()).to.deep.equal([]);
      expect(readFileSync(logFile, 'utf8')).to.include('"msg":"stopped"');
    });
  }

  it('has no output without a logFile', async () => {
    const program = start(modes.single);
    const pid = await daemonOf(program);
    expect([0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))).to.deep.equal(
      Array<string>(3).fill('/dev/null'),
    );
    process.kill(pid, 'SIGTERM');
    await stopped(program);
  });

  const failures: [string, () => Promise<[string, string, object, () => void]>][] = [
    [
      'a port is in use',
      async () => {
        const { port, release } = await occupied();
        const listeners = [{ type: 'tcp', name: 'lines', host: '127.0.0.1', port }];
        return ['blocks', 'BlocksApp', { listeners }, release];
      },
    ],
    ['settings do not hold', async () => ['blocks', 'BlocksApp', { workerNum: -1 }, () => {}]],
    [
      'the log file cannot be opened',
      async () => ['blocks', 'BlocksApp', { logFile: path('no/log') }, () => {}],
    ],
    [
      'the pid file cannot be written',
      async () => ['blocks', 'BlocksApp', { pidFile: path('no/pid') }, () => {}],
    ],
    ['its workers cannot boot', async () => ['cannot-boot', 'ThrowsInWorkerStartApp', {}, () => {}]],
  ];
  for (const [why, prepare] of failures) {
    it(`fails as one in the foreground does when ${why}`, async () => {
      const [module, app, settings, release] = await prepare();
      const foreground = Program.app(module, app, settings);
      const exit = await foreground.left();
      const background = Program.app(module, app, { ...settings, daemonize: true });
      expect(await background.left()).to.deep.equal(exit);
      release();
      expect(exit.code).to.be.greaterThan(70);
      expect(background.stderr).to.equal(foreground.stderr);
      expect(background.stderr).to.match(/^[A-Z]+_[A-Z_]+: /);
      expect(background.stdout).to.equal('');
      expect(background.files()).to.deep.equal([]);
    });
  }

  it('is stopped by a SIGTERM to the process that waits for its start', async () => {
    const program = Program.app('cannot-boot', 'NeverStartsApp', {
      daemonize: true,
      bootTimeout: 30_000,
      logLevel: 'debug',
      logFile: path('log'),
    });
    const log = (): string => (existsSync(path('log')) ? readFileSync(path('log'), 'utf8') : '');
    await program.until(() => log().includes('started worker 0'), 'a worker');
    program.signal('SIGTERM');
    expect(await program.left()).to.deep.equal({ code: 0, signal: null });
    expect(log()).to.include('"msg":"stopped"');
    expect(program.files()).to.deep.equal([]);
  });
});
