/** Tests that use simulate() and launch(), run by the runners that people use, each in a process of its own. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { ProcessGroup } from '@shoal/testing/internal/process-group';

const fixtures = fileURLToPath(new URL('../fixtures/runners', import.meta.url));
const packages = createRequire(import.meta.url);
const PATIENCE_MS = 60_000;

interface Run {
  readonly exitCode: number | null;
  /** Both streams, without colours. */
  readonly output: string;
}

interface Runner {
  readonly name: string;
  readonly args: readonly string[];
  readonly passing: string;
  readonly failing: string;
  /** What the report says of three tests that have passed. */
  readonly allPassed: RegExp;
  /** What it says of a claim that does not hold, and of an error that nobody catches. */
  readonly failed: RegExp;
}

/** The file behind a command of a package. */
function command(name: string, file: string): string {
  return join(dirname(packages.resolve(`${name}/package.json`)), file);
}

const runners: readonly Runner[] = [
  {
    name: 'mocha',
    args: [command('mocha', 'bin/mocha.js'), '--no-config', '--enable-source-maps'],
    passing: 'mocha.js',
    failing: 'mocha-failing.js',
    allPassed: /^ {2}3 passing/m,
    // Mocha may count the error twice: its test goes on, and ends once more.
    failed: /^ {2}[23] failing/m,
  },
  {
    name: 'node:test',
    args: ['--enable-source-maps', '--test'],
    passing: 'node-test.js',
    failing: 'node-test-failing.js',
    allPassed: /^# pass 3$\n# fail 0$/m,
    failed: /^# fail 2$/m,
  },
  {
    name: 'vitest',
    args: [
      ...[command('vitest', 'vitest.mjs'), 'run'],
      // Other ways write into node_modules.
      ...['--config', 'vitest-config.js', '--configLoader', 'runner', '--no-cache'],
    ],
    passing: 'vitest.js',
    failing: 'vitest-failing.js',
    allPassed: /^ +Tests +3 passed \(3\)$/m,
    failed: /^ +Tests +1 failed \| 1 passed \(2\)$\n +Errors +1 error$/m,
  },
];

/** Runs a file of tests to its own end. A process that does not end, or leaves others behind, fails. */
async function run(runner: Runner, file: string): Promise<Run> {
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const child = spawn(process.execPath, [...runner.args, file], {
    cwd: fixtures,
    env: { ...env, NO_COLOR: '1' },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.pid === undefined) throw new Error('the system refused to start the runner');
  const group = new ProcessGroup(child.pid);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      const deadline = setTimeout(() => {
        reject(
          new Error(`${runner.name} did not end by itself within ${PATIENCE_MS} ms; it printed\n${output}`),
        );
      }, PATIENCE_MS);
      child.once('close', (code) => {
        clearTimeout(deadline);
        resolve(code);
      });
    });
    expect(group.members(), 'processes that outlive the runner').to.deep.equal([]);
    return { exitCode, output: stripVTControlCharacters(output) };
  } finally {
    group.kill();
    group.forget();
  }
}

describe('Test runners', function () {
  this.timeout(PATIENCE_MS + 10_000);

  for (const runner of runners) {
    describe(runner.name, () => {
      it('runs tests of simulated and launched servers, and ends by itself', async () => {
        const { exitCode, output } = await run(runner, runner.passing);
        expect(output).to.match(runner.allPassed);
        expect(exitCode, output).to.equal(0);
      });

      describe('with tests that fail', () => {
        let failing: Run;
        before(async () => void (failing = await run(runner, runner.failing)));

        it('says so, and ends by itself', () => {
          expect(failing.output).to.match(runner.failed);
          expect(failing.exitCode).to.not.equal(0);
        });

        it('prints what was expected, what came and the line of the test', () => {
          expect(failing.output).to.match(
            /expected client 0 to have received only "held 0\\n", but 7 bytes came: "help 0\\n"\n *the first difference is at byte 3: "d 0\\n" was expected, and "p 0\\n" came\n *the connection is open\n/,
          );
          // Every runner shows both texts, each in its own way.
          expect(failing.output)
            .to.match(/^.*held 0$/m)
            .and.match(/^.*help 0$/m);
          expect(failing.output).to.match(new RegExp(`${runner.failing.replace(/\.js$/, '.ts')}:\\d+`));
        });

        it('hears of an error of the test itself, in the middle of a simulation', () => {
          expect(failing.output).to.include('a bug of the test');
          expect(failing.output).to.not.include('a bug of the application');
        });
      });
    });
  }
});
