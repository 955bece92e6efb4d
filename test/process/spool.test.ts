import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { disposePrograms, Program } from './program.js';

describe('The files of large tasks', () => {
  let taskTmpdir = '';
  beforeEach(() => (taskTmpdir = mkdtempSync(join(tmpdir(), 'shoal-test-spool-'))));
  afterEach(() => {
    disposePrograms();
    rmSync(taskTmpdir, { recursive: true });
  });

  it('of a server that was killed are swept by the next one', async () => {
    const killed = await holding('killed');
    const [orphaned] = readdirSync(taskTmpdir);
    process.kill(-killed.pid, 'SIGKILL');
    await killed.left();
    makeOld(killed.directory);
    expect(filesIn(orphaned!)).to.have.length(1);

    const next = await started('next');
    expect(existsSync(join(taskTmpdir, orphaned!))).to.equal(false);
    expect(readdirSync(taskTmpdir)).to.have.length(1);
    next.signal('SIGTERM');
    expect((await next.left()).code).to.equal(0);
    expect(readdirSync(taskTmpdir)).to.deep.equal([]);
  });

  it('are removed with the server when its master is killed alone', async () => {
    const program = await holding('orphans');
    process.kill(program.pid, 'SIGKILL');
    await program.left();
    expect(readdirSync(taskTmpdir)).to.deep.equal([]);
  });

  it('need a directory that is there: else the server does not start, and says so', async () => {
    const program = Program.app('bulk', 'BulkApp', { taskTmpdir: join(taskTmpdir, 'missing') });
    expect((await program.left()).code).to.equal(78);
    expect(program.stderr + program.stdout)
      .to.contain('CONFIG_TASK_TMPDIR')
      .and.contain('ENOENT');
    expect(program.files()).to.deep.equal([]);
  });

  async function started(name: string): Promise<Program> {
    const program = Program.app('bulk', 'BulkApp', { name, taskTmpdir, maxWaitTime: 300 });
    await program.ready();
    return program;
  }

  /** A server in which a task with a file runs for a while. */
  async function holding(name: string): Promise<Program> {
    const program = await started(name);
    const client = await program.connect();
    client.send('post hang 100000');
    await program.logged('hang begins');
    return program;
  }

  function filesIn(directory: string): string[] {
    return readdirSync(join(taskTmpdir, directory)).filter((name) => name.endsWith('.task'));
  }
});

/** Nobody believes yet that a server is dead whose sockets were made just now. */
function makeOld(place: string): void {
  for (const name of readdirSync(place, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.sock')) utimesSync(join(place, name), new Date(0), new Date(0));
}
