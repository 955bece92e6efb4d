import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { disposePrograms, modes, Program } from './program.js';

describe('The pid file', () => {
  let directory: string;
  let pidFile: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'shoal-pid-'));
    pidFile = join(directory, 'pid');
  });
  afterEach(() => {
    disposePrograms();
    rmSync(directory, { recursive: true, force: true });
  });
  const start = (settings: object = {}): Program =>
    Program.app('blocks', 'BlocksApp', { pidFile, ...settings });

  for (const [name, settings] of Object.entries(modes)) {
    it(`holds the pid of the first process until the end (${name} mode)`, async () => {
      const program = start(settings);
      await program.ready();
      expect(readFileSync(pidFile, 'utf8')).to.equal(`${program.pid}\n`);
      expect(statSync(pidFile).mode & 0o777).to.equal(0o644 & ~process.umask());
      program.signal('SIGTERM');
      expect((await program.left()).code).to.equal(0);
      expect(existsSync(pidFile)).to.equal(false);
    });
  }

  it('keeps a second server from starting, which is told the pid of the first', async () => {
    const first = start(modes.single);
    await first.ready();
    const second = start(modes.single);
    expect((await second.left()).code).to.equal(78);
    expect(second.stderr).to.equal(
      `CONFIG_PID_FILE: ${pidFile} names process ${first.pid}, which is a server that runs: stop it (kill ${first.pid}), or give this one another pidFile\n`,
    );
    expect(readFileSync(pidFile, 'utf8')).to.equal(`${first.pid}\n`);
  });

  it('is overwritten when it was left behind by a server that was killed', async () => {
    const killed = start(modes.single);
    await killed.ready();
    killed.signal('SIGKILL');
    await killed.left();
    expect(readFileSync(pidFile, 'utf8')).to.equal(`${killed.pid}\n`);
    const next = start(modes.single);
    await next.ready();
    expect(readFileSync(pidFile, 'utf8')).to.equal(`${next.pid}\n`);
    expect((await next.logged(/is left over from a server that is gone/)).fields).to.include({
      content: String(killed.pid),
    });
  });

  it('is overwritten when its pid belongs to a process of another kind by now, or is none', async () => {
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      for (const content of [String(stranger.pid), 'what is this', '-1', '']) {
        writeFileSync(pidFile, content);
        const program = start(modes.single);
        await program.ready();
        expect(readFileSync(pidFile, 'utf8')).to.equal(`${program.pid}\n`);
        program.signal('SIGTERM');
        await program.left();
      }
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  it('is left alone at the end when somebody else has written it since', async () => {
    const program = start(modes.single);
    await program.ready();
    writeFileSync(pidFile, '1\n');
    program.signal('SIGTERM');
    expect((await program.left()).code).to.equal(0);
    expect(readFileSync(pidFile, 'utf8')).to.equal('1\n');
  });

  it('is gone when the server could not boot', async () => {
    const program = Program.app('cannot-boot', 'ThrowsInWorkerStartApp', { pidFile });
    expect((await program.left()).code).to.equal(73);
    expect(existsSync(pidFile)).to.equal(false);
  });

  it('refuses a start when it cannot be written', async () => {
    const program = start({ pidFile: join(directory, 'missing', 'pid') });
    expect((await program.left()).code).to.equal(78);
    expect(program.stderr).to.match(
      /^CONFIG_PID_FILE: cannot write the pid file .*ENOENT.*\. Name a file in a directory/,
    );
    expect(program.files()).to.deep.equal([]);
  });
});
