/** Failures of explore(), found in one process and replayed by their seed in another. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import type { Fault, TraceEvent } from '@shoal/testing';
import { ProcessGroup } from '@shoal/testing/internal/process-group';

const PATIENCE_MS = 30_000;
const fixtures = fileURLToPath(new URL('../fixtures/replay', import.meta.url));
const packages = createRequire(import.meta.url);
const mocha = join(dirname(packages.resolve('mocha/package.json')), 'bin/mocha.js');

interface Run {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What the failing fixture prints of its finding. */
  readonly found: Found | undefined;
}

interface Found {
  readonly seed: number;
  readonly kind: string;
  readonly faults: readonly Fault[];
  readonly trace: readonly TraceEvent[];
}

/** Runs a file of tests in a process of its own, to its own end. */
async function run(file: string, seed?: string): Promise<Run> {
  const { NODE_OPTIONS: _options, SEED: _seed, ...env } = process.env;
  const args = [mocha, '--no-config', '--enable-source-maps', '--timeout', '20000', `${file}.js`];
  const child = spawn(process.execPath, args, {
    cwd: fixtures,
    env: { ...env, NO_COLOR: '1', ...(seed !== undefined && { SEED: seed }) },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.pid === undefined) throw new Error('the system refused to start mocha');
  const group = new ProcessGroup(child.pid);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      const deadline = setTimeout(
        () => reject(new Error(`mocha did not end within ${PATIENCE_MS} ms; it printed\n${stdout}${stderr}`)),
        PATIENCE_MS,
      );
      child.once('close', (code) => {
        clearTimeout(deadline);
        resolve(code);
      });
    });
    const found = /^found (.*)$/m.exec(stdout)?.[1];
    return {
      exitCode,
      stdout: stripVTControlCharacters(stdout),
      stderr: stripVTControlCharacters(stderr),
      found: found === undefined ? undefined : (JSON.parse(found) as Found),
    };
  } finally {
    group.kill();
    group.forget();
  }
}

describe('SEED', function () {
  this.timeout(PATIENCE_MS + 10_000);

  let first: Run;
  before(async () => void (first = await run('loses-updates')));

  it('is printed by a test that fails, with the faults that matter', () => {
    const { exitCode, stdout, stderr, found } = first;
    expect(exitCode).to.equal(1);
    expect(found?.kind).to.equal('scenario');
    expect(found?.faults.length).to.be.within(1, 3);
    const printed = stdout + stderr;
    expect(printed).to.include(`to replay it:  SEED=${found?.seed} and the command of this test`);
    expect(printed).to.match(/AnswersBeforeStoringApp failed in run \d+ of 200, seed \d+/);
  });

  it('gives the same failure in a fresh process: kind, faults, and every event', async () => {
    const again = await run('loses-updates', String(first.found?.seed));
    expect(again.exitCode).to.equal(1);
    expect(again.found).to.deep.equal(first.found);
    expect(again.stdout + again.stderr).to.include('AnswersBeforeStoringApp failed in run 1 of 200');
  });

  it('of a run that passes is answered by a line that says so', async () => {
    const { exitCode, stderr } = await run('loses-updates', '0');
    expect(exitCode).to.equal(0);
    expect(stderr).to.equal(
      'AnswersBeforeStoringApp: the run of SEED=0 does not fail here. Either what failed is mended, or it depends on something outside of the simulation.\n',
    );
  });

  it('makes that one run after the one without faults, which is played twice, and no other', async () => {
    const seeded = await run('echoes', '12345');
    expect(seeded.exitCode).to.equal(0);
    expect(seeded.stdout).to.match(/^3 runs$/m);
    expect(seeded.stderr).to.include('the run of SEED=12345 does not fail here');
    const plain = await run('echoes', '');
    expect(plain.stdout).to.match(/^22 runs$/m);
    expect(plain.stderr).to.equal('');
  });

  it('that is no number is refused', async () => {
    const { exitCode, stdout, stderr } = await run('echoes', 'nonsense');
    expect(exitCode).to.equal(1);
    expect(stdout + stderr).to.include(
      'SEED is "nonsense", and has to be a whole number from 0, as explore prints it',
    );
  });
});
