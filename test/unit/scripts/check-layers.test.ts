import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadScript, repository, TemporaryTree } from './repository.js';

interface Violation {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

const { checkTree } = await loadScript<{ checkTree(root: string, rules: object): Promise<Violation[]> }>(
  'layers/check-tree.mjs',
);
const { rules } = await loadScript<{ rules: object }>('check-layers.mjs');

/** A tree that keeps every rule and uses what the rules allow. */
const clean = {
  'packages/core/src/index.ts': "export { start } from './server.js';\n",
  'packages/core/src/server.ts': "export { start } from './kernel/kernel.js';\n",
  'packages/core/src/kernel/kernel.ts':
    "import { Master } from '../master/master.js';\nimport { clock } from '../platform/node/clock.js';\nexport const start = () => new Master(clock);\n",
  'packages/core/src/master/master.ts':
    "import { Reactor } from '../reactor/reactor.js';\nimport type { Clock } from '../platform/platform.js';\nexport class Master {\n  reactor = new Reactor();\n  constructor(private readonly clock: Clock) {}\n}\n",
  'packages/core/src/reactor/reactor.ts':
    "import { EventEmitter } from 'node:events';\nimport { byLength } from '../framing/by-length.js';\nexport class Reactor extends EventEmitter {\n  framing = byLength;\n}\n",
  'packages/core/src/framing/by-length.ts': 'export const byLength = (data: Buffer) => data.length;\n',
  'packages/core/src/framing/custom.ts':
    'export const load = (url: string): Promise<object> => import(url);\n',
  'packages/core/src/config/schema.ts': "import { z } from 'zod';\nexport const schema = z.object({});\n",
  'packages/core/src/platform/platform.ts': 'export interface Clock {\n  now(): number;\n}\n',
  'packages/core/src/platform/node/clock.ts':
    "import pino from 'pino';\nimport { performance } from 'node:perf_hooks';\nimport type { Clock } from '../platform.js';\nexport const log = pino();\nexport const clock: Clock = { now: () => performance.now() + Date.now() };\n",
  'packages/decorators/src/index.ts': "export * from '@shoal/core';\nexport * from './metadata.js';\n",
  'packages/decorators/src/metadata.ts':
    "import 'reflect-metadata';\nimport type { Clock } from '@shoal/core/internal/platform/platform';\nexport const typesOf = (type: object): unknown => Reflect.getMetadata('design:paramtypes', type);\nexport type { Clock };\n",
  'packages/decorators/src/container.ts': "export { container } from 'tsyringe';\n",
  'packages/testing/src/index.ts': "import '@shoal/decorators';\nimport '@shoal/core';\nexport {};\n",
  'packages/cli/src/main.ts': "import '@shoal/core/internal/platform/platform';\n",
  'apps/demo/src/main.ts': "import '@shoal/decorators';\nimport '@shoal/core';\n",
  'test/unit/some.test.ts':
    "import '@shoal/testing';\nimport '@shoal/core/internal/reactor/reactor';\nimport 'tsyringe';\nawait import('./other.js');\nsetTimeout(() => {}, 1);\n",
  'bench/src/main.ts': "import '@shoal/testing';\n",
};

const core = (path: string) => `packages/core/src/${path}`;

describe('check-layers', () => {
  let tree: TemporaryTree;
  beforeEach(() => (tree = new TemporaryTree(clean)));
  afterEach(() => tree.remove());

  /** What the checker says, as `file:line rule`. */
  async function violations(files: Readonly<Record<string, string>> = {}): Promise<string[]> {
    tree.write(files);
    return (await checkTree(tree.root, rules)).map(({ file, line, rule }) => `${file}:${line} ${rule}`);
  }

  it('accepts a tree that keeps every rule', async () => {
    expect(await violations()).to.deep.equal([]);
  });

  describe('rows', () => {
    const cases: [title: string, file: string, text: string][] = [
      ['an import upwards', 'framing/up.ts', "import '../reactor/reactor.js';"],
      ['an import sideways', 'manager/sideways.ts', "import '../master/master.js';"],
      ['an import sideways between top-level files', 'log.ts', "import './definition.js';"],
      ['a type import upwards', 'framing/up.ts', "import type { Reactor } from '../reactor/reactor.js';"],
      ['a re-export upwards', 'framing/up.ts', "export * from '../reactor/reactor.js';"],
      [
        'a type that is imported in place',
        'framing/up.ts',
        "export type R = import('../reactor/reactor.js').Reactor;",
      ],
      ['an import equals declaration', 'framing/up.ts', "import r = require('../reactor/reactor.js');"],
      ['the reactor in the manager', 'manager/owns.ts', "import '../reactor/reactor.js';"],
      ['the reactor in a task worker', 'task-worker/owns.ts', "import '../reactor/reactor.js';"],
      ['the real world in a role', 'master/picks.ts', "import '../platform/node/clock.js';"],
      ['a role in the real world', 'platform/node/knows.ts', "import '../../framing/by-length.js';"],
      ['another file of the seam in the real world', 'platform/node/knows.ts', "import '../other.js';"],
      ['a folder without a row', 'novelty/thing.ts', 'export {};'],
      ['a top-level file without a row', 'novelty.ts', 'export {};'],
    ];
    for (const [title, file, text] of cases) {
      it(`refuses ${title}`, async () => {
        expect(await violations({ [core(file)]: `${text}\n` })).to.deep.equal([`${core(file)}:1 rows`]);
      });
    }

    it('names the line of the import', async () => {
      const found = await violations({
        [core('framing/up.ts')]: "\n// above\nimport '../reactor/reactor.js';\n",
      });
      expect(found).to.deep.equal([`${core('framing/up.ts')}:3 rows`]);
    });

    it('lets the worker import the reactor, and the real world implement the seam', async () => {
      const found = await violations({
        [core('worker/base.ts')]: "import '../reactor/reactor.js';\n",
        [core('platform/node/files.ts')]:
          "import '../platform.js';\nimport '../../errors.js';\nimport './clock.js';\n",
      });
      expect(found).to.deep.equal([]);
    });

    it('ignores an import that is written in a comment or a string', async () => {
      const text =
        "// import '../reactor/reactor.js';\nexport const text = \"import '../reactor/reactor.js'\";\n";
      expect(await violations({ [core('framing/quotes.ts')]: text })).to.deep.equal([]);
    });
  });

  describe('cycles', () => {
    it('refuses two files of one folder that import each other', async () => {
      const found = await violations({
        [core('pipe/a.ts')]: "import './b.js';\n",
        [core('pipe/b.ts')]: "export {};\nimport './a.js';\n",
      });
      expect(found).to.deep.equal([`${core('pipe/a.ts')}:1 cycles`]);
    });

    it('refuses a cycle of three that is closed by a type', async () => {
      tree.write({
        'packages/testing/src/a.ts': "import './b.js';\n",
        'packages/testing/src/b.ts': "import './c.js';\n",
        'packages/testing/src/c.ts': "import type { A } from './a.js';\n",
      });
      const [violation, ...others] = await checkTree(tree.root, rules);
      expect(others).to.deep.equal([]);
      expect(violation?.message).to.equal(
        'packages/testing/src/a.ts → packages/testing/src/b.ts → packages/testing/src/c.ts → packages/testing/src/a.ts',
      );
    });

    it('refuses a file that imports itself', async () => {
      const found = await violations({ [core('pipe/self.ts')]: "import './self.js';\n" });
      expect(found).to.deep.equal([`${core('pipe/self.ts')}:1 cycles`]);
    });

    it('accepts a diamond', async () => {
      const found = await violations({
        [core('pipe/a.ts')]: "import './b.js';\nimport './c.js';\n",
        [core('pipe/b.ts')]: "import './d.js';\n",
        [core('pipe/c.ts')]: "import './d.js';\n",
        [core('pipe/d.ts')]: 'export {};\n',
      });
      expect(found).to.deep.equal([]);
    });

    it('reports two separate cycles', async () => {
      const found = await violations({
        [core('pipe/a.ts')]: "import './b.js';\n",
        [core('pipe/b.ts')]: "import './a.js';\n",
        [core('tasks/a.ts')]: "import './b.js';\n",
        [core('tasks/b.ts')]: "import './a.js';\n",
      });
      expect(found).to.deep.equal([`${core('pipe/a.ts')}:1 cycles`, `${core('tasks/a.ts')}:1 cycles`]);
    });
  });

  describe('workspaces', () => {
    const cases: [title: string, file: string, text: string][] = [
      ['the decorators in the core', core('kernel/up.ts'), "import '@shoal/decorators';"],
      [
        'the test harness in the decorators',
        'packages/decorators/src/up.ts',
        "import type {} from '@shoal/testing';",
      ],
      ['the test harness in the demo', 'apps/demo/src/up.ts', "import '@shoal/testing';"],
      [
        'the command line in the test harness',
        'packages/testing/src/up.ts',
        "import '@shoal/cli/internal/main';",
      ],
      [
        'an internal module in the demo',
        'apps/demo/src/inside.ts',
        "import '@shoal/core/internal/platform/platform';",
      ],
      [
        'a relative path into another workspace',
        'packages/decorators/src/path.ts',
        "import '../../core/src/index.js';",
      ],
      [
        'a relative path out of the sources',
        'test/unit/path.ts',
        "import '../../packages/core/src/index.js';",
      ],
      [
        'a workspace that names itself',
        'packages/testing/src/self.ts',
        "import '@shoal/testing/internal/index';",
      ],
    ];
    for (const [title, file, text] of cases) {
      it(`refuses ${title}`, async () => {
        expect(await violations({ [file]: `${text}\n` })).to.deep.equal([`${file}:1 workspaces`]);
      });
    }

    it('refuses a workspace that the rules do not know', async () => {
      const found = await violations({ 'packages/novelty/package.json': '{}\n' });
      expect(found).to.deep.equal(['packages/novelty/package.json:1 workspaces']);
    });
  });

  describe('purity', () => {
    const worldly = [
      'net dgram tls http https http2 child_process cluster worker_threads fs fs/promises dns os timers timers/promises',
      'process crypto perf_hooks readline inspector module vm diagnostics_channel stream',
    ]
      .join(' ')
      .split(' ');
    for (const name of worldly) {
      it(`refuses node:${name} in a role`, async () => {
        const found = await violations({ [core('worker/impure.ts')]: `import 'node:${name}';\n` });
        expect(found).to.deep.equal([`${core('worker/impure.ts')}:1 purity`]);
      });
    }

    for (const name of ['buffer', 'v8', 'util', 'url', 'path', 'async_hooks', 'events']) {
      it(`accepts node:${name} in a role`, async () => {
        expect(await violations({ [core('worker/pure.ts')]: `import 'node:${name}';\n` })).to.deep.equal([]);
      });
    }

    it('refuses a module of Node without its prefix, and a type of one', async () => {
      const text = "import 'fs';\nimport type { Socket } from 'node:net';\n";
      expect(await violations({ [core('worker/impure.ts')]: text })).to.deep.equal([
        `${core('worker/impure.ts')}:1 purity`,
        `${core('worker/impure.ts')}:2 purity`,
      ]);
    });

    const uses = [
      'setTimeout(run, 1)',
      'setInterval(run, 1)',
      'setImmediate(run)',
      'clearTimeout(1)',
      'clearInterval(1)',
      'clearImmediate(1)',
      'new Date()',
      'Date.now()',
      'performance.now()',
      'Math.random()',
      "Math['random']()",
      'crypto.randomUUID()',
      'AbortSignal.timeout(1)',
      'process.pid',
      'typeof process',
      'console.log(1)',
      'fetch(run)',
      'globalThis.setTimeout(run, 1)',
      "globalThis['process'].pid",
      'globalThis[run]',
      '(globalThis as unknown as World).process.pid',
      'globalThis.Math.random()',
      'Math!.random()',
      '`${process.pid}`',
      '{ process }',
      '[...process.argv]',
      'run(console)',
      'clock.wait(Date.now())',
      'process satisfies object',
    ];
    for (const use of uses) {
      it(`refuses ${use} in a role`, async () => {
        const found = await violations({ [core('worker/impure.ts')]: `export const value = (${use});\n` });
        expect(found).to.deep.equal([`${core('worker/impure.ts')}:1 purity`]);
      });
    }

    const statements = [
      'const { random } = Math;',
      'export class Early { now = performance.now(); }',
      'export class Early { static { setImmediate(run); } }',
      'export function late(now = Date.now()) {}',
      'export enum Mode { dark = process.pid }',
      'export { process };',
      'function first() { const Date = 1; } function second() { return Date; }',
      '@timed(process.hrtime) export class Decorated {}',
    ];
    for (const statement of statements) {
      it(`refuses ${statement} in a role`, async () => {
        const found = await violations({ [core('worker/impure.ts')]: `${statement}\n` });
        expect(found).to.deep.equal([`${core('worker/impure.ts')}:1 purity`]);
      });
    }

    const innocent = [
      'this.clock.setTimer(1, run)',
      'platform.process',
      'platform?.process.exit(1)',
      '{ process: 1, Date() {}, console: 2 }',
      '(process: number) => process',
      '({ Date }: World) => Date.now()',
      '([console]: World) => console',
      '(...process: number[]) => process',
      'function process() { return process; }',
      'class performance { at = performance; }',
      'run as Date',
      'run as unknown as typeof setTimeout',
      'Math.floor(1)',
      'run instanceof AbortSignal',
      'AbortSignal.any([])',
      'queueMicrotask(run)',
      'globalThis.structuredClone(run)',
      "'process.exit(1)'",
      '`Date.now()`',
      '/Date/.test(run)',
      'run.constructor',
    ];
    for (const expression of innocent) {
      it(`accepts ${expression} in a role`, async () => {
        const text = `export const value = (${expression});\n`;
        expect(await violations({ [core('worker/pure.ts')]: text })).to.deep.equal([]);
      });
    }

    it('accepts locals, imports and class members of the same name, comments and types', async () => {
      const text = `
import { console } from '../log.js';
import process from '../errors.js';
// setTimeout(() => {}, 1) and Date.now()
export interface Timed { at: Date; process: NodeJS.Process; }
export class Worker {
  #process = process;
  readonly performance = 1;
  declare crypto: Crypto;
  constructor(private readonly setTimeout: () => void, public Date: number) { setTimeout(); }
  process(): void { this.#process; console.info('x'); }
  static clearTimeout(): void {}
}
export function hoisted() { if (value) { var fetch = 1; } return fetch; }
try { hoisted(); } catch (performance) { performance; }
for (const setInterval of []) setInterval;
process: for (;;) break process;
const value = 1;
`;
      expect(await violations({ [core('worker/pure.ts')]: text })).to.deep.equal([]);
    });

    it('refuses a global that is only declared', async () => {
      const text = 'declare const process: { pid: number };\nexport const pid = process.pid;\n';
      expect(await violations({ [core('worker/impure.ts')]: text })).to.deep.equal([
        `${core('worker/impure.ts')}:2 purity`,
      ]);
    });

    it('leaves the real world and the other workspaces alone', async () => {
      const found = await violations({
        [core('platform/node/time.ts')]:
          "import 'node:net';\nsetTimeout(() => process.exit(), Date.now());\n",
        'packages/cli/src/time.ts': "import 'node:fs';\nconsole.log(Date.now());\n",
      });
      expect(found).to.deep.equal([]);
    });
  });

  describe('homes', () => {
    const cases: [title: string, file: string, text: string][] = [
      ['zod outside config', core('kernel/shape.ts'), "import { z } from 'zod';"],
      ['a part of zod outside config', core('kernel/shape.ts'), "import { z } from 'zod/mini';"],
      ['pino outside platform/node', core('log.ts'), "import type { Logger } from 'pino';"],
      ['tsyringe outside the container', 'packages/decorators/src/run.ts', "import 'tsyringe';"],
      ['reflect-metadata outside metadata', 'packages/decorators/src/run.ts', "import 'reflect-metadata';"],
      [
        'the metadata functions outside metadata',
        'packages/decorators/src/run.ts',
        "export const types = Reflect.getMetadata('design:type', {});",
      ],
      ['a dependency without a home', 'packages/cli/src/draw.ts', "import '@scope/boxes/round';"],
    ];
    for (const [title, file, text] of cases) {
      it(`refuses ${title}`, async () => {
        expect(await violations({ [file]: `${text}\n` })).to.deep.equal([`${file}:1 homes`]);
      });
    }

    it('accepts other methods of Reflect', async () => {
      expect(
        await violations({ [core('worker/keys.ts')]: 'export const keys = Reflect.ownKeys({});\n' }),
      ).to.deep.equal([]);
    });
  });

  describe('names', () => {
    const files = [
      core('worker/index.ts'),
      core('worker/eventLoop.ts'),
      core('worker/Loop.ts'),
      core('worker/event_loop.ts'),
      core('worker/loop.service.ts'),
      core('worker/loop.test.ts'),
      core('worker/utils.ts'),
      core('worker/utils/strings.ts'),
      core('worker/helpers.ts'),
      'packages/testing/src/common/thing.ts',
      'test/Fixtures/echo.ts',
      'test/unit/echo.spec.ts',
    ];
    for (const file of files) {
      it(`refuses ${file}`, async () => {
        expect(await violations({ [file]: 'export {};\n' })).to.deep.equal([`${file}:1 names`]);
      });
    }

    for (const file of [
      core('worker/event-loop.ts'),
      core('worker/utf8.ts'),
      'test/process/kill-9.test.ts',
    ]) {
      it(`accepts ${file}`, async () => {
        expect(await violations({ [file]: 'export {};\n' })).to.deep.equal([]);
      });
    }
  });

  describe('dynamic-imports', () => {
    for (const file of [core('kernel/lazy.ts'), 'apps/demo/src/lazy.ts']) {
      it(`refuses import() in ${file}`, async () => {
        const found = await violations({ [file]: 'export const lazy = (url: string) => import(url);\n' });
        expect(found).to.deep.equal([`${file}:1 dynamic-imports`]);
      });
    }

    it('holds a dynamic import of a known module to the rows as well', async () => {
      const found = await violations({
        [core('framing/custom.ts')]: "export const r = import('../reactor/reactor.js');\n",
      });
      expect(found).to.deep.equal([`${core('framing/custom.ts')}:1 rows`]);
    });
  });

  it('reports a source that it cannot parse, and goes on', async () => {
    const found = await violations({
      [core('worker/broken.ts')]: 'export const x = 1;\nconst = 2;\n',
      [core('worker/index.ts')]: 'export {};\n',
    });
    expect(found).to.deep.equal([
      `${core('worker/broken.ts')}:2 syntax`,
      `${core('worker/index.ts')}:1 names`,
    ]);
  });

  describe('as a command', () => {
    const run = () =>
      spawnSync(process.execPath, [join(repository, 'scripts', 'check-layers.mjs'), tree.root], {
        encoding: 'utf8',
      });

    it('says nothing and exits with 0 for a clean tree', () => {
      const { status, stdout, stderr } = run();
      expect({ status, stdout, stderr }).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    });

    it('prints every violation with file, line and rule, and exits with 1', () => {
      tree.write({
        [core('worker/impure.ts')]: 'export const a = Date.now();\nexport const b = process.pid;\n',
      });
      const { status, stderr } = run();
      expect(status).to.equal(1);
      expect(stderr.split('\n')).to.deep.equal([
        `${core('worker/impure.ts')}:1  purity  Date touches the world: use platform.clock`,
        `${core('worker/impure.ts')}:2  purity  process touches the world: use platform.self or platform.processes`,
        '2 violations of the layer rules.',
        '',
      ]);
    });
  });
});
