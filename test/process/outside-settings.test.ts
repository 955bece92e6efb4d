import { expect } from 'chai';
import { disposePrograms, Program } from './program.js';

describe('SHOAL_SETTINGS', () => {
  afterEach(disposePrograms);

  it('goes before the settings of the program, and no process takes it for a change', async () => {
    const SHOAL_SETTINGS = JSON.stringify({ name: 'outside', workerNum: 1, taskWorkerNum: 0, backlog: 64 });
    const settings = { maxWaitTime: 5_000, workerNum: 3 };
    const program = Program.app('echo', 'SyncEchoApp', settings, { SHOAL_SETTINGS });
    await program.ready();
    expect([...program.titles().values()].toSorted()).to.deep.equal([
      'shoal outside: manager',
      'shoal outside: master',
      'shoal outside: worker 0',
    ]);
    program.signal('SIGTERM');
    expect((await program.left()).code).to.equal(0);
    expect(program.logs.filter(({ level }) => level !== 'info')).to.deep.equal([]);
  });

  it('is refused with 78 when it is not JSON, and when one of its settings does not hold', async () => {
    const broken = Program.app('echo', 'SyncEchoApp', {}, { SHOAL_SETTINGS: '{' });
    expect((await broken.left()).code).to.equal(78);
    expect(broken.stderr).to.match(/^CONFIG_INVALID: SHOAL_SETTINGS in the environment is not JSON/);
    const wrong = Program.app('echo', 'SyncEchoApp', {}, { SHOAL_SETTINGS: '{"workerNum":-1}' });
    expect((await wrong.left()).code).to.equal(78);
    expect(wrong.stderr).to.match(/^CONFIG_INVALID: the configuration has 1 problem:\n {2}workerNum: -1 /);
  });
});
