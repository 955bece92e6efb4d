import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { disposePrograms, modes, Program } from './program.js';

/** A process of its own container: the first in its name space of pids. */
const under = ['unshare', '--pid', '--fork', '--mount-proc'];

describe('A server that is process 1', () => {
  let directory: string;
  before(function () {
    // Containers without the right to make name spaces, and systems without them.
    if (spawnSync(under[0]!, [...under.slice(1), 'true']).status !== 0) this.skip();
  });
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'shoal-first-'))));
  afterEach(() => {
    disposePrograms();
    rmSync(directory, { recursive: true, force: true });
  });
  const start = (settings: object): Program => Program.app('blocks', 'BlocksApp', settings, {}, { under });
  /** Its pid outside of the container, by the title that only the first process has in its mode. */
  const firstOf = (program: Program): number => {
    const titles = [...program.titles().values()];
    return program.pidOf(titles.some((title) => title.endsWith(': master')) ? ': master' : ': manager');
  };

  for (const [name, settings] of Object.entries(modes)) {
    // Who takes signals is one piece of code, whatever the mode.
    for (const signal of name === 'process' ? (['SIGTERM', 'SIGINT'] as const) : (['SIGTERM'] as const)) {
      it(`stops clean on ${signal}, which has no default action there (${name} mode)`, async () => {
        const program = start(settings);
        await program.ready();
        expect(program.logs.find(({ message }) => / serves: /.test(message))).to.include({ pid: 1 });
        process.kill(firstOf(program), signal);
        expect(await program.left()).to.deep.equal({ code: 0, signal: null });
        expect(program.logs.map(({ message }) => message)).to.include('stopped');
        expect(program.files()).to.deep.equal([]);
      });
    }
  }

  it('starts again although the pid file of its former life names process 1', async () => {
    const pidFile = join(directory, 'pid');
    const killed = start({ ...modes.single, pidFile });
    await killed.ready();
    process.kill(firstOf(killed), 'SIGKILL');
    await killed.left();
    expect(readFileSync(pidFile, 'utf8')).to.equal('1\n');
    const next = start({ ...modes.single, pidFile });
    await next.ready();
    expect(readFileSync(pidFile, 'utf8')).to.equal('1\n');
    await next.logged(/is left over from a server that is gone/);
  });
});
