import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { repository, TemporaryTree } from './repository.js';

describe('mocha-reporter', () => {
  let tree: TemporaryTree;
  beforeEach(() => (tree = new TemporaryTree()));
  afterEach(() => tree.remove());

  function run(tests: string, environment: Readonly<Record<string, string>>) {
    tree.write({ 'some.test.cjs': tests });
    const mocha = join(repository, 'node_modules', 'mocha', 'bin', 'mocha.js');
    const reporter = join(repository, 'scripts', 'mocha-reporter.mjs');
    const result = spawnSync(
      process.execPath,
      [mocha, '--no-config', '--reporter', reporter, 'some.test.cjs'],
      {
        cwd: tree.root,
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], ...environment },
      },
    );
    return { status: result.status, output: result.stdout, last: result.stdout.trimEnd().split('\n').at(-1) };
  }

  const passes = "it('holds', () => {});";
  const fails = "it('breaks', () => { throw new Error('because'); });";
  const pends = "it('waits');";

  for (const [place, environment] of [
    ['in a terminal', {}],
    ['under continuous integration', { CI: 'true' }],
  ] as const) {
    it(`ends with the counts ${place} when everything passes`, () => {
      const { status, last } = run(passes, environment);
      expect({ status, last }).to.deep.equal({ status: 0, last: '1 passed, 0 failed' });
    });

    it(`ends with the counts and prints the failure ${place} when a test fails`, () => {
      const { status, last, output } = run(passes + passes + fails + pends, environment);
      expect({ status, last }).to.deep.equal({ status: 1, last: '2 passed, 1 failed, 1 skipped' });
      expect(output).to.contain('Error: because').and.to.contain('some.test.cjs');
    });
  }

  it('counts a failing hook as a failure', () => {
    const { status, last } = run(`before(() => { throw new Error('no'); }); ${passes}`, {});
    expect({ status, last }).to.deep.equal({ status: 1, last: '0 passed, 1 failed' });
  });

  it('names each test in a terminal, and none that passes under continuous integration', () => {
    expect(run(passes, {}).output).to.contain('holds');
    expect(run(passes, { CI: 'true' }).output).not.to.contain('holds');
  });
});
