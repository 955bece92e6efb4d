import { expect } from 'chai';
import { disposePrograms, isFree, occupied, Program } from './program.js';

const modes = {
  process: { mode: 'process' },
  base: { mode: 'base', workerNum: 2 },
  single: { mode: 'base', workerNum: 1, taskWorkerNum: 0 },
};

describe('A server that cannot start', () => {
  afterEach(disposePrograms);

  it('says every problem of its settings and leaves with 78 before it binds a port', async () => {
    const { port, release } = await occupied();
    const program = Program.app('blocks', 'BlocksApp', {
      workerNum: -1,
      maxWaitTime: 5,
      heartbeatIdelTime: 10,
      listeners: [{ type: 'tcp', name: 'lines', host: '127.0.0.1', port, framing: { kind: 'delimiter' } }],
    });
    expect(await program.left()).to.deep.equal({ code: 78, signal: null });
    release();
    // Somebody else has the port: to bind it would have failed with another code.
    expect(program.stderr).to.match(/^CONFIG_INVALID: the configuration has 4 problems:\n/);
    for (const path of ['workerNum', 'maxWaitTime', 'heartbeatIdelTime', 'listeners[0].framing.bytes']) {
      expect(program.stderr).to.include(`\n  ${path}: `);
    }
    expect(program.files()).to.deep.equal([]);
  });

  it('says which handlers do not fit, likewise', async () => {
    const program = Program.app('listeners', 'MisfitApp');
    expect(await program.left()).to.deep.equal({ code: 78, signal: null });
    expect(program.stderr).to.match(
      /^CONFIG_[A-Z_]+: the handlers of MisfitApp do not fit its settings:\n {2}- /,
    );
    expect(program.stderr.match(/\n {2}- /g)).to.have.length(3);
    expect(program.files()).to.deep.equal([]);
  });

  for (const [name, settings] of Object.entries(modes)) {
    it(`leaves with 72 when a port is in use, and frees the others (${name} mode)`, async () => {
      const taken = await occupied();
      const free = await occupied();
      free.release();
      const listener = { type: 'tcp', host: '127.0.0.1' };
      const program = Program.app('listeners', 'ListenersApp', {
        ...settings,
        listeners: [
          { ...listener, name: 'lines', port: free.port },
          { ...listener, name: 'admin', port: taken.port },
          { ...listener, name: 'blocks', port: 0 },
          { ...listener, name: 'values', port: 0 },
        ],
      });
      expect(await program.left()).to.deep.equal({ code: 72, signal: null });
      taken.release();
      expect(program.stderr).to.match(
        /^LISTEN_FAILED: listener admin cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/,
      );
      expect(await isFree(free.port)).to.equal(true);
      expect(program.files()).to.deep.equal([]);
    });
  }

  const failures = [
    ['cannot-boot', 'ThrowsInWorkerStartApp', 'a hook throws', /the hook cannot start[^]*cannot-boot\.[jt]s/],
    [
      'cannot-boot',
      'ThrowsInConstructorApp',
      'an object throws',
      /the object cannot be built[^]*cannot-boot\.[jt]s/,
    ],
    ['cannot-boot', 'MissingDependencyApp', 'a dependency is missing', /NeedsNobody[^]*nobody/],
    ['throws-in-workers', 'ThrowsInWorkersApp', 'their module throws', /the module cannot be loaded/],
    ['cannot-boot', 'NeverStartsApp', 'a hook never settles', /not ready within bootTimeout, 4000 ms/],
  ] as const;
  for (const [module, app, why, reason] of failures) {
    it(`leaves with 73 and the reason when its workers cannot boot because ${why}`, async () => {
      // Long enough for the manager of a busy machine to boot, which has the same limit.
      const settings = app === 'NeverStartsApp' ? { bootTimeout: 4_000 } : {};
      const program = Program.app(module, app, settings);
      expect(await program.left()).to.deep.equal({ code: 73, signal: null });
      expect(program.stderr).to.match(/BOOT_(FAILED|TIMEOUT): worker 0 could not boot \d times? in a row: /);
      expect(program.stderr).to.match(reason);
      expect(program.files()).to.deep.equal([]);
      const ends = program.logs.map(({ message }) => message).filter((line) => / ended(:| \d)/.test(line));
      expect(ends.map((line) => line.replace(/: [^]*/, ''))).to.deep.equal(
        app === 'NeverStartsApp' ? ['worker 0 ended'] : ['worker 0 ended', 'worker 0 ended 1 more time'],
      );
    });
  }

  for (const [name, settings] of Object.entries({ base: modes.base, single: modes.single })) {
    it(`leaves with 73 in ${name} mode likewise`, async () => {
      const program = Program.app('cannot-boot', 'ThrowsInWorkerStartApp', settings);
      expect(await program.left()).to.deep.equal({ code: 73, signal: null });
      expect(program.stderr).to.match(/the hook cannot start[^]*cannot-boot\.[jt]s/);
      expect(program.files()).to.deep.equal([]);
    });
  }
});
