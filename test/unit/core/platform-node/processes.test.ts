import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { identify } from '@shoal/core/internal/platform/node/process-identity';
import { until } from './deadlines.js';
import { endPrograms, fixture, start, watch, type Program } from './program.js';

interface Report {
  readonly pid: number;
  readonly started: readonly boolean[];
  readonly heard: readonly Record<string, unknown>[];
}

/** What a spawner heard of a child of this behaviour, in order. */
async function trace(
  behaviour: string,
  messages: readonly object[] = [],
  env = process.env,
): Promise<Report & { readonly output: string }> {
  const program = start('spawner', [behaviour, JSON.stringify(messages)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let output = '';
  program.process.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const report = await program.says<Report>('heard');
  expect(await program.exit()).to.deep.equal({ code: 0, signal: null });
  return { ...report, output };
}

describe('NodeProcesses', function () {
  this.timeout(15_000);
  afterEach(endPrograms);

  it('runs the program again, with its assignment, arguments and title', async () => {
    const program = start('spawner', ['describes', '[]', 'more'], { execArgv: ['--enable-source-maps'] });
    const { pid, heard } = await program.says<Report>('heard');
    const title = 'shoal: a (test) of describes';
    expect(pid).to.be.greaterThan(0);
    expect(heard).to.deep.equal([
      {
        assignment: { behaviour: 'describes', title, padding: '' },
        program: 'spawner',
        pid: true,
        argv: ['describes', '[]', 'more'],
        execArgv: ['--enable-source-maps'],
        cmdline: title,
        longTitleShown: true,
        inherited: [],
        trim: '268435456',
      },
      'disconnect',
      { code: 0, signal: null },
    ]);
  });

  it('leaves the memory settings of the user alone', async () => {
    const { heard } = await trace('describes', [], { ...process.env, MALLOC_TRIM_THRESHOLD_: '4096' });
    expect(heard[0]).to.include({ trim: '4096' });
  });

  it('has neither parent nor assignment in the process that the user started, though that was forked', async () => {
    const { started } = await trace('describes');
    expect(started).to.deep.equal([true, true]);
  });

  it('takes no assignment from an environment without a spawner', async () => {
    const env = { ...process.env, SHOAL_ASSIGNMENT: '{"behaviour":"describes"}' };
    const code = `
      const { createNodePlatform } = await import('@shoal/core/internal/platform/node/node-platform');
      const { self } = createNodePlatform({ threadEntry: new URL('file:///none') });
      console.log(self.assignment, self.parent, process.env.SHOAL_ASSIGNMENT);
    `;
    const { stdout } = await run(code, env);
    expect(stdout).to.equal('undefined undefined undefined\n');
  });

  it('hears every message of a child that sends and leaves in one turn, and then its exit', async () => {
    const { heard } = await trace('sends-and-leaves');
    expect(heard.slice(0, 20).map(({ index }) => index)).to.deep.equal([...Array(20).keys()]);
    expect(heard.slice(20)).to.deep.equal(['disconnect', { code: 7, signal: null }]);
  });

  it('lets a child start threads, which know the program', async () => {
    const { heard } = await trace('starts-a-thread');
    expect(heard).to.deep.equal([{ thread: 'spawner' }, 'disconnect', { code: 0, signal: null }]);
  });

  it('hears the last words of a child that is killed, and by what', async () => {
    const { heard } = await trace('kills-itself');
    expect(heard).to.deep.equal([{ last: 'words' }, 'disconnect', { code: null, signal: 'SIGKILL' }]);
  });

  it('keeps messages until the child asks for them', async () => {
    const { heard } = await trace('listens-late', [{ one: 1 }, { two: 2 }, { leave: true }]);
    expect(heard.slice(0, 3)).to.deep.equal([
      { heard: { one: 1 } },
      { heard: { two: 2 } },
      { heard: { leave: true } },
    ]);
  });

  it('tells the exit of a child that had closed its channel, which drops what it sends then', async () => {
    const { heard } = await trace('closes-its-channel');
    expect(heard).to.deep.equal([{ first: true }, 'disconnect', { code: 3, signal: null }]);
  });

  it('tells the exit of a child whose channel somebody else keeps open', async () => {
    const program = start('spawner', ['lends-its-channel']);
    const { progress } = await program.says<{ progress: { borrower: number } }>('progress');
    try {
      const { heard } = await program.says<Report>('heard');
      expect(heard.slice(1)).to.deep.equal(['disconnect', { code: 0, signal: null }]);
      expect(identify(progress.borrower)).to.not.equal(undefined);
    } finally {
      process.kill(progress.borrower, 'SIGKILL');
      watch(progress.borrower);
    }
  });

  it('does not hear what others say over the channel', async () => {
    const { heard } = await trace('has-a-library-that-speaks');
    expect(heard[0]).to.deep.equal({ ours: true });
  });

  it('tells of an exception that nobody catches', async () => {
    const { heard } = await trace('throws');
    expect(heard[0]).to.deep.equal({ origin: 'uncaughtException', thrown: 'Error: nobody catches this' });
    expect(heard.at(-1)).to.deep.equal({ code: 70, signal: null });
  });

  it('tells of a rejection that nobody catches, with the reason as it was', async () => {
    const { heard } = await trace('rejects');
    expect(heard[0]).to.deep.equal({ origin: 'unhandledRejection', thrown: { reason: 'plain' } });
    expect(heard.at(-1)).to.deep.equal({ code: 70, signal: null });
  });

  it('replaces the default action of a signal', async () => {
    const { heard } = await trace('hears-signals');
    expect(heard).to.deep.equal([{ heard: 'SIGTERM' }, 'disconnect', { code: 0, signal: null }]);
  });

  it('tells a child that its spawner is gone, however that died', async () => {
    const program = start('spawner', ['leaves-as-an-orphan']);
    const pid = await pidOfChild(program);
    expect(identify(pid)).to.not.equal(undefined);
    program.process.kill('SIGKILL');
    await until('the orphan has left', () => identify(pid) === undefined);
  });

  describe('when the system refuses to start a process', () => {
    const refused = ['disconnect', { code: null, signal: null }];

    it('gives a child with pid 0 that has gone, for an error that comes later', async () => {
      const { pid, heard, output } = await trace('describes', [{ to: 'nobody' }], {
        ...process.env,
        TEST_EXEC_PATH: '/nonexistent/node',
      });
      expect({ pid, heard }).to.deep.equal({ pid: 0, heard: refused });
      expect(output).to.match(/cannot start shoal: a \(test\) of describes: spawn.* ENOENT/);
    });

    it('gives a child with pid 0 that has gone, for an error that comes at once', async () => {
      const { pid, heard, output } = await trace('describes', [{ to: 'nobody' }], {
        ...process.env,
        TEST_PADDING: 'x'.repeat(200),
      });
      expect({ pid, heard }).to.deep.equal({ pid: 0, heard: refused });
      expect(output).to.match(/cannot start shoal: a \(test\) of describes: spawn.* E2BIG/);
    });
  });

  it('refuses to spawn from a program that is not in a file', async () => {
    const code = `
      const { createNodePlatform } = await import('@shoal/core/internal/platform/node/node-platform');
      const { processes } = createNodePlatform({ threadEntry: new URL('file:///none') });
      try { processes.spawn({}, 'title') } catch (error) { console.log(error.name, error.code, error.message) }
    `;
    for (const args of [[], ['an-argument.js']]) {
      const { stdout } = await run(code, process.env, args);
      expect(stdout).to.match(/^ConfigError CONFIG_PLATFORM .*put the program into a file/);
    }
  });
});

async function pidOfChild(program: Program): Promise<number> {
  const { progress } = await program.says<{ progress: { pid: number } }>('progress');
  watch(progress.pid);
  return progress.pid;
}

/** Runs a program that is not in a file, from a place where the packages are known. */
function run(
  code: string,
  env: NodeJS.ProcessEnv,
  args: readonly string[] = [],
): Promise<{ stdout: string }> {
  return promisify(execFile)(process.execPath, ['--input-type=module', '-e', code, ...args], {
    env,
    cwd: new URL('.', fixture('spawner')),
    timeout: 8_000,
  });
}
