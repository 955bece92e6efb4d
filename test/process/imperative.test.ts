import { expect } from 'chai';
import { disposePrograms, Program } from './program.js';

describe('createServer', () => {
  afterEach(disposePrograms);

  it('serves what was described by calls, and refuses calls in the wrong order', async () => {
    const program = Program.start('imperative', (directory) => [directory]);
    await program.ready();
    await said(program, 'second start');
    for (const member of ['setting', 'send']) {
      expect(await said(program, `${member} before start`)).to.include({
        name: 'ConfigError',
        code: 'CONFIG_WRONG_ORDER',
        message: `server.${member} works once start() was called; call it in a handler or after start()`,
      });
    }
    for (const method of ['set', 'on', 'listen', 'addListener', 'handler', 'addProcess']) {
      const error = await said(program, `${method} after start`);
      expect(error, method).to.include({ name: 'ConfigError', code: 'CONFIG_WRONG_ORDER' });
      expect((error as { message: string }).message).to.match(
        /^server\.\w+ must be called before start\(\), in the program's top level$/,
      );
    }
    expect(await said(program, 'second start')).to.equal('CONFIG_WRONG_ORDER');
    expect(await said(program, 'unknown event')).to.include({ code: 'CONFIG_INVALID' });
    expect(await said(program, 'start')).to.equal('master');
    expect(await said(program, 'running')).to.deep.include({ workers: 2, started: true });

    const lines = await program.connect('lines');
    lines.send('hello');
    await program.until(() => lines.received === 'hello\n', 'an echo');
    const admin = await program.connect('admin');
    admin.send('who');
    await program.until(
      () => /^hello from \d\nadmin of calls\n$/.test(admin.received),
      'a greeting and an answer',
    );
    expect([...program.titles().values()].toSorted()).to.deep.equal([
      'shoal calls: manager',
      'shoal calls: master',
      'shoal calls: worker 0',
      'shoal calls: worker 1',
    ]);

    program.signal('SIGHUP');
    expect(await said(program, 'shut down')).to.be.a('number');
    expect(await said(program, 'shutdown')).to.equal('master');
    // Nothing holds the program after shutdown(): it ends as any other that has nothing to do.
    expect(await program.left()).to.deep.equal({ code: 0, signal: null });
    expect(program.stderr).to.equal('');
    expect(program.files()).to.deep.equal([]);
  });

  const modes = {
    base: { mode: 'base', workerNum: 2 },
    single: { mode: 'base', workerNum: 1 },
  };
  for (const [name, settings] of Object.entries(modes)) {
    it(`lets its program end by itself after shutdown() in ${name} mode`, async () => {
      const more = JSON.stringify({ ...settings, heartbeatIdleTime: '1h' });
      const program = Program.start('imperative', (directory) => [directory, more]);
      await program.ready();
      await said(program, 'second start');
      program.signal('SIGHUP');
      await said(program, 'shut down');
      const begun = performance.now();
      expect(await program.left()).to.deep.equal({ code: 0, signal: null });
      expect(performance.now() - begun).to.be.lessThan(6_000);
      expect(program.files()).to.deep.equal([]);
    });
  }
});

/** What the program found out, as one line of its output says. */
async function said(program: Program, what: string): Promise<unknown> {
  const find = (): { value: unknown } | undefined => {
    for (const line of program.stdout.split('\n')) {
      if (line.startsWith(`{"what":${JSON.stringify(what)},`)) return JSON.parse(line) as { value: unknown };
    }
    return undefined;
  };
  await program.until(() => find() !== undefined, `the program to say ${what}`);
  return find()!.value;
}
